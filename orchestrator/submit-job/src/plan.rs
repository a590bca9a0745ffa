//! `plan.json`, what a dry run makes: shown as a table.

use schemas::RepoSlug;
use schemas::ledger::LedgerSums;
use serde::{Deserialize, Serialize};

use crate::table::Table;

/// The name of the artifact.
pub const FILE: &str = "plan.json";

/// What would be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether tokens were counted by the model's tokenizer; else they are estimated from bytes.
    #[serde(default)]
    pub tokens_counted: bool,
    /// In the order of the job.
    pub repos: Vec<RepoRow>,
}

/// What would be done with one repo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepoRow {
    /// Its name in the job.
    pub repo: RepoSlug,
    /// The commit; absent if the repo failed before that was known.
    #[serde(default)]
    pub commit: Option<String>,
    /// Why the repo failed, if it did.
    #[serde(default)]
    pub error: Option<String>,
    /// What became of every entry of its tree.
    #[serde(default)]
    pub ledger: LedgerSums,
    /// Files that would be scanned.
    #[serde(default)]
    pub files: u64,
    /// Tokens; see [`Plan::tokens_counted`].
    #[serde(default)]
    pub tokens: u64,
    /// Batches.
    #[serde(default)]
    pub batches: u64,
}

impl Plan {
    /// The plan as a table for people: a line for each repo, and their sums.
    #[must_use]
    pub fn table(&self) -> String {
        let tokens = if self.tokens_counted { "TOKENS" } else { "TOKENS (EST.)" };
        let mut table =
            Table::new(&["REPO", "COMMIT", "ENTRIES", "FILES", "SKIPPED", "FAILED", tokens, "BATCHES"]);
        let mut sums = RepoRow {
            repo: RepoSlug::from_text("total"),
            commit: None,
            error: None,
            ledger: LedgerSums::default(),
            files: 0,
            tokens: 0,
            batches: 0,
        };
        for row in &self.repos {
            table.row(cells(row));
            sums.ledger.add(&row.ledger);
            sums.files += row.files;
            sums.tokens += row.tokens;
            sums.batches += row.batches;
        }
        if self.repos.len() > 1 {
            table.row(cells(&sums));
        }
        let errors =
            self.repos.iter().filter_map(|row| Some(format!("\n{}: {}", row.repo, row.error.as_ref()?)));
        table.to_string() + &errors.collect::<String>()
    }
}

fn cells(row: &RepoRow) -> Vec<String> {
    let commit = row.commit.as_deref().map_or("-", |commit| commit.get(..12).unwrap_or(commit));
    let skipped: u64 = row.ledger.skipped.values().sum();
    let numbers = [row.ledger.entries, row.files, skipped, row.ledger.failed, row.tokens, row.batches];
    [row.repo.to_string(), commit.to_owned()].into_iter().chain(numbers.map(|n| n.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_table_with_sums_and_reasons() {
        let text = r#"{"tokens_counted":true,"repos":[
            {"repo":"a","commit":"0123456789abcdef","ledger":{"entries":9,"scanned":5,"skipped":{"binary":4},"failed":0},
             "files":5,"tokens":1200,"batches":1},
            {"repo":"b","error":"no such repository"}]}"#;
        let plan: Plan = serde_json::from_str(text).unwrap();
        insta::assert_snapshot!(plan.table(), @r"
        REPO   COMMIT        ENTRIES  FILES  SKIPPED  FAILED  TOKENS  BATCHES
        a      0123456789ab  9        5      4        0       1200    1
        b      -             0        0      0        0       0       0
        total  -             9        5      4        0       1200    1
        b: no such repository
        ");
        let estimated = Plan { tokens_counted: false, ..plan };
        assert!(estimated.table().contains("TOKENS (EST.)"));
    }
}
