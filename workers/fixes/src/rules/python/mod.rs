//! Rules of Python, after ruff.
