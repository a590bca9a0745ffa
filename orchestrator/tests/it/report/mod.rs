//! The report and its patches: real repositories in, artifacts out, and `git am` as the judge.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what helps it")]

mod artifacts;
mod fixture;
mod patches;
