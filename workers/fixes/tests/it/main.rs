//! The engine and its rules as a whole.

mod fixtures;
mod mend;
