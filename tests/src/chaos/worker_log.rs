//! What workers did, by their logs: they say it themselves, however they ended.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Work that was done more often than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Redone {
    /// Times that a batch was computed after it had been computed before.
    pub(super) computed_again: u64,
    /// Files of batches that were computed again, or not in their first delivery: a worker had begun them.
    pub(super) files_redone: u64,
}

/// Reads the log that all workers of a system write.
pub(super) fn read(log: &Path) -> Redone {
    redone(&fs::read_to_string(log).unwrap_or_default())
}

fn redone(log: &str) -> Redone {
    let mut computed = BTreeSet::new();
    let mut redone = Redone::default();
    for line in log.lines().filter(|line| line.contains("batch done") && line.contains("reused=false")) {
        let Some(batch) = field(line, "batch_id=") else { continue };
        let is_again = !computed.insert(batch);
        redone.computed_again += u64::from(is_again);
        if is_again || field(line, "attempt=") != Some("1") {
            redone.files_redone += field(line, "n_files=").and_then(|n| n.parse().ok()).unwrap_or(0);
        }
    }
    redone
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(name)?.1.split([' ', '}', ',']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_computed_twice_counts_and_what_is_found_does_not() {
        let line = |batch: &str, attempt: u32, reused: bool| {
            format!(
                "INFO batch{{attempt={attempt} batch_id={batch}}}: workers::pull: batch done n_files=64 n_tokens=0 reused={reused}\n"
            )
        };
        let log = line("a", 1, false) + &line("a", 1, false) + &line("b", 2, false) + &line("b", 1, true);
        assert_eq!(redone(&log), Redone { computed_again: 1, files_redone: 128 });
    }
}
