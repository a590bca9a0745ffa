//! Heartbeats, and what a silence means.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::WorkerId;
use crate::topology::DEAD_AFTER;

/// What a worker says of itself every [`crate::topology::HEARTBEAT_EVERY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who.
    pub worker: WorkerId,
    /// The version of the binary.
    pub version: String,
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// Batches it can have in hand.
    pub slots: u32,
    /// Batches it has in hand.
    pub busy: u32,
    /// Resident memory of the process, bytes.
    pub rss_bytes: u64,
    /// The model that is loaded, if any.
    pub model: Option<Digest>,
    /// Whether it finishes what it has and takes no more.
    pub draining: bool,
    /// Batches settled since the start.
    pub n_batches: u64,
}

/// Whether a worker that was last heard of `silence` ago counts as dead.
#[must_use]
pub fn is_dead(silence: Duration) -> bool {
    silence >= DEAD_AFTER
}

/// One row of the worker table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRow {
    /// Its newest heartbeat.
    pub heartbeat: Heartbeat,
    /// Milliseconds since then.
    pub silent_ms: u64,
    /// See [`is_dead`].
    pub dead: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_dead_after_fifteen_seconds_of_silence() {
        assert!(!is_dead(Duration::from_millis(14_999)));
        assert!(is_dead(Duration::from_secs(15)));
    }
}
