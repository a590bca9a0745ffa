//! The ledger: every entry of a tree ends as exactly one outcome, and the sums prove it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

/// Why an entry is not scanned. Not a failure: the entry is known and left alone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Links are never followed.
    Symlink,
    /// A commit of another repo.
    Submodule,
    /// A pointer to large file storage, not the file.
    LfsPointer,
    /// More bytes than the job's limit.
    TooLarge,
    /// Holds NUL bytes.
    Binary,
    /// Marked or recognised as made by a tool.
    Generated,
    /// Marked or recognised as somebody else's code.
    Vendored,
    /// No grammar fits its name.
    UnsupportedLanguage,
    /// The repository's settings leave it out.
    Excluded,
}

/// What became of one entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A worker parsed it and ran the rules.
    Scanned,
    /// Left alone.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// It should have been scanned and was not.
    Failed {
        /// What went wrong, for people.
        reason: String,
    },
}

/// One entry of the tree at the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Relative to the root.
    pub path: RepoPath,
    /// As `git ls-tree` prints it: `0o100644`, `0o120000`, …
    pub mode: u32,
    /// The object id, hex.
    pub oid: String,
    /// Bytes of the blob; 0 where it was not looked at.
    pub n_bytes: u64,
    /// `Scanned` means planned until the results are in.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The sums of one repo's ledger (or of a job's).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LedgerSums {
    /// Entries of the tree: what `git ls-tree -r` lists.
    pub entries: u64,
    /// Parsed, rules run.
    pub scanned: u64,
    /// Left alone, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Should have been scanned and was not.
    pub failed: u64,
}

impl LedgerSums {
    /// Counts one entry.
    pub fn count(&mut self, outcome: &Outcome) {
        self.entries += 1;
        match outcome {
            Outcome::Scanned => self.scanned += 1,
            Outcome::Skipped { reason } => *self.skipped.entry(*reason).or_default() += 1,
            Outcome::Failed { .. } => self.failed += 1,
        }
    }

    /// Adds the sums of another ledger.
    pub fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.scanned += other.scanned;
        self.failed += other.failed;
        for (reason, n) in &other.skipped {
            *self.skipped.entry(*reason).or_default() += n;
        }
    }

    /// Whether every entry has exactly one outcome.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.entries == self.scanned + self.failed + self.skipped.values().sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Scanned),
            Just(Outcome::Skipped { reason: SkipReason::Binary }),
            Just(Outcome::Skipped { reason: SkipReason::Symlink }),
            "[a-z]{0,5}".prop_map(|reason| Outcome::Failed { reason }),
        ]
    }

    proptest! {
        #[test]
        fn sums_add_up_however_they_are_split(
            left in prop::collection::vec(outcome(), 0..20),
            right in prop::collection::vec(outcome(), 0..20),
        ) {
            let sums_of = |outcomes: &[Outcome]| {
                let mut sums = LedgerSums::default();
                outcomes.iter().for_each(|outcome| sums.count(outcome));
                sums
            };
            let mut sums = sums_of(&left);
            sums.add(&sums_of(&right));
            prop_assert!(sums.adds_up());
            prop_assert_eq!(sums, sums_of(&[left, right].concat()));
        }
    }
}
