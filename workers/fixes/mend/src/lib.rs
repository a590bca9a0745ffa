//! The fix engine without a queue: what the `mend` binary does, as a library.

pub mod cases;
pub mod score;
