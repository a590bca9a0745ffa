//! The source pack of a batch: what a worker reads instead of a repository.

use serde::{Deserialize, Serialize};
use settings::{Facts, RuleSpec};

use crate::language::Language;
use crate::path::RepoPath;

/// The files of one batch: stored under `sources/<digest>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePack {
    /// The rules of the repository, where its own settings change those of the job.
    pub rules: Option<Vec<RuleSpec>>,
    /// In the order of the plan.
    pub files: Vec<SourceFile>,
}

/// One file as it is in the repo: bytes, no filter applied, any encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Relative to the root of its repo.
    pub path: RepoPath,
    /// The object id of the blob, hex.
    pub oid: String,
    /// What to parse it as.
    pub language: Language,
    /// What is known of it beside its text.
    pub facts: Facts,
    /// The blob.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}
