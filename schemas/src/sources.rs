//! The source pack of a batch: what a worker reads instead of a repository.

use serde::{Deserialize, Serialize};
use settings::{Facts, RuleSpec};

use crate::language::Language;
use crate::result::ChunkRef;

/// The files of one batch: stored under `sources/<digest>`. Holds no path: the same files of two repos are the same
/// pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePack {
    /// The rules of the repository, where its own settings change those of the job.
    pub rules: Option<Vec<RuleSpec>>,
    /// What is to be done with every file.
    pub work: Work,
    /// Windows of long files that have vectors already.
    pub known_chunks: Vec<ChunkRef>,
    /// In the order of the plan.
    pub files: Vec<SourceFile>,
}

/// What is to be done with the files of a batch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Work {
    /// Which rules run.
    pub rules: RulesWork,
    /// Whether the pipeline's model, if there is one, reads the files.
    pub tokens: bool,
}

/// Which rules run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulesWork {
    /// All of them.
    All,
    /// Those of these ids; what the others say is known. If one of them has a fix that is applied, all run.
    Only(Vec<String>),
}

impl Default for Work {
    fn default() -> Self {
        Self { rules: RulesWork::All, tokens: true }
    }
}

/// One file as it is in the repo: bytes, no filter applied, any encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// What to parse it as.
    pub language: Language,
    /// What is known of it beside its text, reduced to what rules read: see [`Facts::reduced`].
    pub facts: Facts,
    /// The blob.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}
