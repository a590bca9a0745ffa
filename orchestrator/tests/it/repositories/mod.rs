//! Clone, ledger and plan on real git repositories in temporary folders.

mod clone;
mod fixture;
mod ledger;
mod plan;
mod remote;
