//! How long operations take: a histogram that threads fill without waiting for each other.
//!
//! Buckets are eighths of a power of two of nanoseconds, so a quantile is at most an eighth too high. 4 KiB each.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Steps within a power of two, as a power of two.
const STEP_BITS: u32 = 3;
const N_BUCKETS: usize = 64 << STEP_BITS;

/// Upper bounds of the buckets that Prometheus gets: 16 µs to 67 s in powers of four. Nanoseconds.
const RENDERED: [u64; 12] = {
    let mut bounds = [1 << 14; 12];
    let mut at = 1;
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] << 2;
        at += 1;
    }
    bounds
};

/// A summary of a histogram. Times in nanoseconds; quantiles are at most an eighth too high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Operations.
    pub count: u64,
    /// Half took at most this.
    pub p50_ns: u64,
    /// 90 of 100 took at most this.
    pub p90_ns: u64,
    /// 99 of 100 took at most this.
    pub p99_ns: u64,
    /// The slowest one.
    pub max_ns: u64,
}

#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
    max_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..N_BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum_ns: AtomicU64::new(0), max_ns: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(nanos, Ordering::Relaxed);
        self.max_ns.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(crate) fn latency(&self) -> Latency {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let max_ns = self.max_ns.load(Ordering::Relaxed);
        let quantile = |percent: u64| {
            let wanted = (count * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let reached = |&count: &u64| {
                seen += count;
                seen >= wanted
            };
            counts.iter().position(reached).map_or(0, |at| upper_bound(at).min(max_ns))
        };
        Latency { count, p50_ns: quantile(50), p90_ns: quantile(90), p99_ns: quantile(99), max_ns }
    }

    /// Writes the histogram as Prometheus reads it, in seconds.
    pub(crate) fn render(&self, text: &mut String, name: &str, op: &str) {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let mut line = |suffix: &str, labels: String, value: String| {
            writeln!(text, "{name}{suffix}{{op=\"{op}\"{labels}}} {value}").expect("text takes text");
        };
        for bound in RENDERED {
            let below: u64 = counts[..bucket(bound)].iter().sum();
            line("_bucket", format!(",le=\"{}\"", bound as f64 / 1e9), below.to_string());
        }
        let count: u64 = counts.iter().sum();
        line("_bucket", ",le=\"+Inf\"".to_owned(), count.to_string());
        line("_sum", String::new(), (self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9).to_string());
        line("_count", String::new(), count.to_string());
    }
}

/// The power of two, and the bits below the highest one.
fn bucket(nanos: u64) -> usize {
    let Some(log) = nanos.checked_ilog2().filter(|&log| log >= STEP_BITS) else { return nanos as usize };
    let step = (nanos >> (log - STEP_BITS)) & ((1 << STEP_BITS) - 1);
    (((log - STEP_BITS + 1) as usize) << STEP_BITS) + step as usize
}

/// The largest value of a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let (power, step) = (bucket >> STEP_BITS, bucket as u64 & ((1 << STEP_BITS) - 1));
    match power.checked_sub(1) {
        None => step,
        Some(shift) => {
            let first = ((1 << STEP_BITS) + step) << shift;
            first + ((1 << shift) - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_an_eighth_too_high_at_most() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        let latency = histogram.latency();
        assert_eq!((latency.count, latency.max_ns), (1000, 1_000_000));
        for (found, exact) in
            [(latency.p50_ns, 500_000), (latency.p90_ns, 900_000), (latency.p99_ns, 990_000)]
        {
            assert!((exact..=exact + exact / 8).contains(&found), "{found} for {exact}");
        }
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        assert_eq!(Histogram::default().latency(), Latency::default());
    }

    proptest! {
        #[test]
        fn a_value_lies_within_its_bucket(nanos in any::<u64>()) {
            let at = bucket(nanos);
            prop_assert!(at < N_BUCKETS);
            prop_assert!(nanos <= upper_bound(at));
            prop_assert!(at == 0 || nanos > upper_bound(at - 1));
        }
    }
}
