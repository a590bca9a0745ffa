//! The report and its patches: real repositories in, artifacts out, and `git am` as the judge.

mod artifacts;
mod fixture;
mod patches;
