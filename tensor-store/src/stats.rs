//! What a store did since it was opened, and what it holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

use crate::histogram::{Histogram, Latency};
use crate::list::ListedObject;

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
    /// Reads that a tier of the cache answered.
    pub cache_hits: u64,
    /// Reads that went past every tier of the cache.
    pub cache_misses: u64,
    /// What a tier of the cache dropped to make room.
    pub cache_evictions: u64,
    /// How long operations took.
    pub latency: Latencies,
}

/// How long operations took, by kind; failed ones count too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latencies {
    /// Writing an object.
    pub put: Latency,
    /// Reading a whole object from the backend.
    pub get: Latency,
    /// Reading a range of an object from the backend.
    pub get_range: Latency,
    /// Reading through a mapping of the file: opening it, checking what is new.
    pub get_mapped: Latency,
    /// Reading with a cache in front, whoever answered.
    pub get_cached: Latency,
    /// Asking whether there is an object.
    pub exists: Latency,
    /// Removing an object.
    pub delete: Latency,
}

/// The kinds of operations that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Put,
    Get,
    GetRange,
    GetMapped,
    GetCached,
    Exists,
    Delete,
}

impl Op {
    const ALL: [Self; 7] =
        [Self::Put, Self::Get, Self::GetRange, Self::GetMapped, Self::GetCached, Self::Exists, Self::Delete];

    fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::GetRange => "get_range",
            Self::GetMapped => "get_mapped",
            Self::GetCached => "get_cached",
            Self::Exists => "exists",
            Self::Delete => "delete",
        }
    }
}

/// Records when it is dropped, so that an operation that fails or is cancelled counts too.
pub(crate) struct Timing<'a> {
    histogram: &'a Histogram,
    started: Instant,
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        self.histogram.record(self.started.elapsed());
    }
}

/// What a folder of the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Objects in it.
    pub n_objects: u64,
    /// Their bytes.
    pub n_bytes: u64,
}

impl Usage {
    pub(crate) fn count(&mut self, object: &ListedObject) {
        self.n_objects += 1;
        self.n_bytes += object.n_bytes;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.n_objects += other.n_objects;
        self.n_bytes += other.n_bytes;
    }
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
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
    cache_evictions: AtomicU64,
    latency: [Histogram; Op::ALL.len()],
}

impl Counters {
    /// Times an operation until the value is dropped.
    pub(crate) fn time(&self, op: Op) -> Timing<'_> {
        Timing { histogram: &self.latency[op as usize], started: Instant::now() }
    }

    pub(crate) fn cache_hit(&self) {
        self.cache_hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cache_miss(&self) {
        self.cache_misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cache_eviction(&self) {
        self.cache_evictions.fetch_add(1, Ordering::Relaxed);
    }

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
            cache_hits: read(&self.cache_hits),
            cache_misses: read(&self.cache_misses),
            cache_evictions: read(&self.cache_evictions),
            latency: Latencies {
                put: self.latency[Op::Put as usize].latency(),
                get: self.latency[Op::Get as usize].latency(),
                get_range: self.latency[Op::GetRange as usize].latency(),
                get_mapped: self.latency[Op::GetMapped as usize].latency(),
                get_cached: self.latency[Op::GetCached as usize].latency(),
                exists: self.latency[Op::Exists as usize].latency(),
                delete: self.latency[Op::Delete as usize].latency(),
            },
        }
    }

    /// Everything in the text format of Prometheus.
    pub(crate) fn prometheus(&self) -> String {
        let stats = self.snapshot();
        let counters = [
            ("puts_total", "objects written", stats.puts),
            ("put_bytes_total", "bytes written", stats.put_bytes),
            ("gets_total", "objects and ranges read", stats.gets),
            ("get_bytes_total", "bytes read", stats.get_bytes),
            ("hits_total", "objects that were there already", stats.hits),
            ("corrupt_total", "objects that were not what was written", stats.corrupt),
            ("cache_hits_total", "reads that a tier of the cache answered", stats.cache_hits),
            ("cache_misses_total", "reads that went past the cache", stats.cache_misses),
            ("cache_evictions_total", "what the cache dropped to make room", stats.cache_evictions),
        ];
        let mut text = String::new();
        for (name, help, value) in counters {
            let name = format!("nm_store_{name}");
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}")
                .expect("text takes text");
        }
        let name = "nm_store_seconds";
        writeln!(text, "# HELP {name} time of one operation\n# TYPE {name} histogram")
            .expect("text takes text");
        for op in Op::ALL {
            self.latency[op as usize].render(&mut text, name, op.name());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_every_counter_and_every_operation() {
        let counters = Counters::default();
        counters.put(7);
        drop(counters.time(Op::Exists));
        let text = counters.prometheus();
        assert!(text.contains("\nnm_store_put_bytes_total 7\n"), "{text}");
        assert!(text.contains("\nnm_store_seconds_count{op=\"exists\"} 1\n"), "{text}");
        for op in Op::ALL {
            assert!(text.contains(&format!("nm_store_seconds_bucket{{op=\"{}\",le=\"+Inf\"}}", op.name())));
        }
        let is_number =
            |line: &str| line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok());
        assert!(text.lines().filter(|line| !line.starts_with('#')).all(is_number), "{text}");
    }
}
