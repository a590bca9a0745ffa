//! What people read in the morning. [`Report`] is the same bytes however the job ran: it holds no clock, no
//! path of a machine, no job id and no bit of a tensor. What one run took is in [`Run`]; which tensors it stored is
//! in [`Tensors`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::RepoSlug;
use crate::job::{FixLevel, ModelRef};
use crate::ledger::LedgerSums;
use crate::messages::{BatchStats, Counts, Phase};
use crate::path::RepoPath;
use crate::result::{Certificate, ChunkRef, Edit, Fixability, Place};
use crate::rules::Level;

/// `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this struct: 1.
    pub version: u32,
    /// The engine that made the results.
    pub engine: String,
    /// Whether a repo, a batch or a file failed.
    pub partial: bool,
    /// Rule ids that were run, sorted.
    pub rules: Vec<String>,
    /// Which fixes became patches.
    pub fix: FixLevel,
    /// The model that read the files. An untrained one gives no scores, so there are none here.
    pub model: Option<ModelRef>,
    /// Sums over all repos.
    pub totals: Totals,
    /// In the order of the job.
    pub repos: Vec<RepoReport>,
}

/// Sums over repos.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Repos that were scanned.
    pub repos: u64,
    /// Repos that failed.
    pub repos_failed: u64,
    /// What became of every entry of every tree.
    pub ledger: LedgerSums,
    /// Real tokens that the model read.
    pub tokens: u64,
    /// Files that were longer than the model's maximum and read in overlapping windows.
    pub files_in_windows: u64,
    /// Findings by rule.
    pub findings: BTreeMap<String, u64>,
    /// Findings mended by the patches, by rule.
    pub fixed: BTreeMap<String, u64>,
    /// Fixes that a certificate check refused, by check.
    pub dropped: BTreeMap<String, u64>,
    /// Files with syntax errors, where rules keep clear of the errors.
    pub syntax_errors: u64,
}

/// What became of one repo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepoReport {
    /// Its name in this job: the folder under `patches/`.
    pub repo: RepoSlug,
    /// Where it was cloned from; absent for a folder of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The branch, tag or commit that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
    /// The commit that was scanned; absent if the repo failed before that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Why the repo failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its sums.
    pub totals: Totals,
    /// Files that should have been scanned and were not, by path.
    pub failed: Vec<FailedFile>,
    /// Files longer than the model's maximum, by path: read whole, in overlapping windows.
    #[serde(default)]
    pub in_windows: Vec<WindowedFile>,
    /// Rules that gave up on a file.
    pub rule_failures: Vec<RuleFailureReport>,
    /// By path, then by place.
    pub findings: Vec<FindingReport>,
    /// The patches, by rule; each applies to `commit` on its own.
    pub patches: Vec<PatchReport>,
}

/// A file that should have been scanned and was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedFile {
    /// Which.
    pub path: RepoPath,
    /// Why.
    pub reason: String,
}

/// A file that was longer than the model's maximum. Nothing of it was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowedFile {
    /// Which.
    pub path: RepoPath,
    /// Tokens of the whole file.
    pub n_tokens: u64,
    /// Windows that it was read in.
    pub n_windows: u32,
}

/// A rule that gave up on a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleFailureReport {
    /// Which file.
    pub path: RepoPath,
    /// Which rule.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// One place where a rule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingReport {
    /// Which file.
    pub path: RepoPath,
    /// Where.
    pub place: Place,
    /// Which rule.
    pub rule: String,
    /// How much it matters.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    pub fix: Fixability,
    /// Digest of path, rule, normalised line and ordinal: does not move with line numbers.
    pub fingerprint: Digest,
}

/// One patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PatchReport {
    /// The rule whose fixes it holds; `all` for the series of all rules.
    pub rule: String,
    /// The file, relative to the report.
    pub file: String,
    /// Digest of the file.
    pub digest: Digest,
    /// Files it touches.
    pub n_files: u64,
    /// Findings it mends.
    pub n_fixes: u64,
}

/// `certificates.json` beside a repo's patches: the proof of every emitted fix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateReport {
    /// Which file.
    pub path: RepoPath,
    /// The base blob, hex.
    pub blob: String,
    /// Which rule.
    pub rule: String,
    /// Whether the edits are the rule's own patch (`alone`) or a step of the series.
    pub series: bool,
    /// Pass over the rules, from 1.
    pub round: u32,
    /// Against the text before.
    pub edits: Vec<Edit>,
    /// The proof.
    pub certificate: Certificate,
}

/// `tensors.json`: which tensors a job stored. Beside the report, since another kind of processor may round the
/// last bit of a tensor the other way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tensors {
    /// In the order of repos and paths.
    pub files: Vec<FileTensorsReport>,
}

/// The tensors of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileTensorsReport {
    /// Which repo.
    pub repo: RepoSlug,
    /// Which file.
    pub path: RepoPath,
    /// Real tokens.
    pub n_tokens: u64,
    /// For each window, the pack (`tensors/<pack>.safetensors` in the store) and the start of the names in it:
    /// `<chunk>.sentence_embedding` and `<chunk>.mean_hidden_state`, f32 `[hidden]`.
    pub windows: Vec<ChunkRef>,
}

/// `run.json`: what one run took. Differs from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Which job.
    pub job: String,
    /// How it ended.
    pub phase: Phase,
    /// When the orchestrator took it up, milliseconds since 1970.
    pub started_ms: u64,
    /// Milliseconds until the report was written.
    pub elapsed_ms: u64,
    /// Counts at the end.
    pub counts: Counts,
    /// Sums over the batches that this run did.
    pub stats: BatchStats,
    /// How much of what the model computed was real tokens, from 0 to 1; the rest is padding. Absent if this run
    /// computed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_token_share: Option<f64>,
    /// Files of the report that were longer than the model's maximum and read in overlapping windows.
    #[serde(default)]
    pub files_in_windows: u64,
    /// What was taken from earlier results, and what was not.
    #[serde(default)]
    pub reuse: ReuseRun,
    /// Batches whose result was in the store already.
    pub batches_reused: u64,
    /// Batches that were delivered more than once.
    pub batches_redelivered: u64,
    /// Batches by worker.
    pub workers: BTreeMap<String, u64>,
    /// What cloning each repo took.
    pub clones: Vec<CloneRun>,
    /// Messages about this job that could not be read and belong to no batch of its plans.
    pub dead_letters: Vec<DeadLetter>,
    /// Resident memory of the orchestrator at the end, bytes.
    pub orchestrator_rss_bytes: u64,
}

/// What was taken from earlier results, in scanned files of all repos.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReuseRun {
    /// Files that no worker looked at.
    pub files_reused: u64,
    /// Their bytes.
    pub bytes_reused: u64,
    /// Files of which a part was done: rules that are new, or tokens.
    pub files_in_part: u64,
    /// Their bytes.
    pub bytes_in_part: u64,
    /// Files that were done from the start.
    pub files_done: u64,
    /// Their bytes.
    pub bytes_done: u64,
    /// Files that could have been reused and were done again to compare.
    pub files_audited: u64,
    /// Those of them whose earlier result was another one.
    pub audit_differs: Vec<AuditDifference>,
}

impl ReuseRun {
    /// Adds what was reused in another repo.
    pub fn add(&mut self, other: Self) {
        self.files_reused += other.files_reused;
        self.bytes_reused += other.bytes_reused;
        self.files_in_part += other.files_in_part;
        self.bytes_in_part += other.bytes_in_part;
        self.files_done += other.files_done;
        self.bytes_done += other.bytes_done;
        self.files_audited += other.files_audited;
        self.audit_differs.extend(other.audit_differs);
    }
}

/// A file whose earlier result is not what came out when it was done again. The new one is in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditDifference {
    /// Which repo.
    pub repo: RepoSlug,
    /// Which file.
    pub path: RepoPath,
    /// What differs: `findings` or `tensors`.
    pub what: String,
}

/// A message that can never succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// Its type header.
    pub kind: String,
    /// Attempts made.
    pub attempt: u32,
    /// Why.
    pub reason: String,
}

/// What cloning one repo took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloneRun {
    /// Which repo.
    pub repo: RepoSlug,
    /// Where from, password taken out.
    pub url: String,
    /// Clone or fetch, milliseconds.
    pub clone_ms: u64,
    /// Ledger, plan and source packs, milliseconds.
    pub plan_ms: u64,
}

/// The JSON Schema of `report.json`.
#[must_use]
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `NM_UPDATE=1 cargo test -p schemas` writes the file anew.
    #[test]
    fn the_committed_schema_is_the_structs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("report.schema.json");
        let wanted = serde_json::to_string_pretty(&super::report_schema()).unwrap() + "\n";
        if std::env::var_os("NM_UPDATE").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), wanted, "run with NM_UPDATE=1");
    }
}
