//! The engine and its rules against the origin linters' own cases, and as a whole.

mod eslint;
mod fixtures;
mod mend;
mod origin_cases;
mod ruff;
