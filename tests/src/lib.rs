//! The whole system in pieces that a test can start, kill and start again: a real nats-server, the real binaries,
//! real git repositories, a store on disk.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests fail loudly")]

pub mod chaos;
pub mod cluster;
pub mod hostile;
pub mod recovery;
pub mod repos;

pub use cluster::{Cluster, Finished, binary, tiny_model};
