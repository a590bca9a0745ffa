//! What a store did since it was opened, and what it holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counts of one [`crate::Store`] and its clones since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Objects written.
    pub puts: u64,
    /// Bytes written.
    pub put_bytes: u64,
    /// Objects and ranges read.
    pub gets: u64,
    /// Bytes read.
    pub get_bytes: u64,
    /// Objects that did not need writing, since they were there.
    pub hits: u64,
    /// Objects that were not what was written.
    pub corrupt: u64,
}

/// What a folder of the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Objects in it.
    pub n_objects: u64,
    /// Their bytes.
    pub n_bytes: u64,
}

/// What each top-level folder of the store holds.
pub type Usages = BTreeMap<String, Usage>;

/// The live counters behind [`Stats`]. Relaxed: they are for people, nothing is decided by them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    puts: AtomicU64,
    put_bytes: AtomicU64,
    gets: AtomicU64,
    get_bytes: AtomicU64,
    hits: AtomicU64,
    corrupt: AtomicU64,
}

impl Counters {
    pub(crate) fn put(&self, n_bytes: usize) {
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.put_bytes.fetch_add(n_bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, n_bytes: usize) {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.get_bytes.fetch_add(n_bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn corrupt(&self) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            puts: read(&self.puts),
            put_bytes: read(&self.put_bytes),
            gets: read(&self.gets),
            get_bytes: read(&self.get_bytes),
            hits: read(&self.hits),
            corrupt: read(&self.corrupt),
        }
    }
}
