//! What many runs came to: one line each, and a table at the end.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde_json::json;

use super::run::Outcome;
use super::scenario::Kind;

/// Sums over outcomes.
#[derive(Debug, Default)]
pub struct Summary {
    passed: u64,
    failed: Vec<u64>,
    injected: BTreeMap<Kind, u64>,
    recoveries: BTreeMap<Kind, Vec<Duration>>,
    batches: u64,
    redelivered: u64,
    computed_again: u64,
    peak_bytes: u64,
}

impl Summary {
    /// Adds the outcome of one seed.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome.violations.is_empty() {
            true => self.passed += 1,
            false => self.failed.push(outcome.seed),
        }
        for kind in &outcome.injected {
            *self.injected.entry(kind).or_default() += 1;
        }
        for (kind, time) in &outcome.recoveries {
            self.recoveries.entry(kind).or_default().push(*time);
        }
        self.batches += outcome.batches;
        self.redelivered += outcome.redelivered;
        self.computed_again += outcome.computed_again;
        self.peak_bytes = self.peak_bytes.max(outcome.peak_bytes);
    }

    /// Adds a seed that could not be run to its end.
    pub fn add_broken(&mut self, seed: u64) {
        self.failed.push(seed);
    }

    /// Whether every seed passed.
    #[must_use]
    pub fn all_passed(&self) -> bool {
        self.failed.is_empty()
    }

    /// The sums for programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let all = self.all_recoveries();
        json!({
            "passed": self.passed,
            "failed": self.failed,
            "faults": self.injected,
            "batches": self.batches,
            "batches_redelivered": self.redelivered,
            "batches_computed_again": self.computed_again,
            "recovery_p50_ms": percentile(&all, 50).as_millis(),
            "recovery_p95_ms": percentile(&all, 95).as_millis(),
            "peak_memory_bytes": self.peak_bytes,
        })
    }

    fn all_recoveries(&self) -> Vec<Duration> {
        self.recoveries.values().flatten().copied().collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18} {:>8} {:>14} {:>14}", "fault", "injected", "recovery p50", "p95")?;
        let mut row = |name: &str, n: u64, times: &[Duration]| {
            let (p50, p95) = (percentile(times, 50).as_secs_f64(), percentile(times, 95).as_secs_f64());
            writeln!(f, "{name:<18} {n:>8} {p50:>12.2} s {p95:>12.2} s")
        };
        for (kind, n) in &self.injected {
            row(kind, *n, self.recoveries.get(kind).map_or(&[], Vec::as_slice))?;
        }
        row("all", self.injected.values().sum(), &self.all_recoveries())?;
        writeln!(
            f,
            "batches: {}; redelivered: {}; computed more than once: {}; most memory of a service: {} MiB",
            self.batches,
            self.redelivered,
            self.computed_again,
            self.peak_bytes >> 20
        )?;
        write!(f, "{} seeds passed, {} failed", self.passed, self.failed.len())
    }
}

/// One line about an outcome, and below it what is wrong with it.
#[must_use]
pub fn line(outcome: &Outcome) -> String {
    let verdict = if outcome.violations.is_empty() { "passed" } else { "FAILED" };
    let elapsed = outcome.elapsed.as_secs_f64();
    let mut text = format!("seed {:>5}  {verdict}  {elapsed:>6.1} s  {}", outcome.seed, outcome.scenario);
    let remarks = [("not so", &outcome.violations), ("SKIPPED", &outcome.skipped), ("note", &outcome.notes)];
    for (kind, remarks) in remarks {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        remarks.iter().for_each(|remark| *counts.entry(remark).or_default() += 1);
        for (remark, n) in counts {
            let times = if n > 1 { format!(" ({n} times)") } else { String::new() };
            write!(text, "\n    {kind}: {remark}{times}").expect("a string takes everything");
        }
    }
    text
}

/// An outcome for programs.
#[must_use]
pub fn to_json(outcome: &Outcome) -> serde_json::Value {
    let recoveries =
        outcome.recoveries.iter().map(|(kind, time)| json!({"fault": kind, "ms": time.as_millis()}));
    json!({
        "seed": outcome.seed,
        "scenario": outcome.scenario,
        "passed": outcome.violations.is_empty(),
        "violations": outcome.violations,
        "skipped": outcome.skipped,
        "notes": outcome.notes,
        "injected": outcome.injected,
        "recoveries": recoveries.collect::<Vec<_>>(),
        "batches": outcome.batches,
        "batches_redelivered": outcome.redelivered,
        "batches_computed_again": outcome.computed_again,
        "elapsed_ms": outcome.elapsed.as_millis(),
    })
}

/// Nearest rank; zero of nothing.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times: Vec<Duration> = (1..=20).rev().map(Duration::from_secs).collect();
        assert_eq!(percentile(&times, 50), Duration::from_secs(10));
        assert_eq!(percentile(&times, 95), Duration::from_secs(19));
        assert_eq!(percentile(&[], 95), Duration::ZERO);
    }
}
