//! Clone, ledger and plan on real git repositories in temporary folders.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as it may")]

mod clone;
mod fixture;
mod hostile;
mod ledger;
mod plan;
mod remote;
mod settings;
