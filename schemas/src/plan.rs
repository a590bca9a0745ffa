//! How one repo is cut into batches. The plan is written before the first batch is dispatched; plan minus results
//! is the work that is left.

use serde::{Deserialize, Serialize};
use settings::{Facts, RuleSpec};

use crate::digest::Digest;
use crate::ids::BatchId;
use crate::language::Language;
use crate::ledger::LedgerEntry;
use crate::path::RepoPath;

/// One file of a batch: an index into the ledger of its repo.
pub type EntryIndex = u32;

/// The plan of one repo: stored under `jobs/<job>/repos/<n>/plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoPlan {
    /// The commit that was scanned, hex.
    pub commit: String,
    /// Every entry of its tree, in the order of the tree.
    pub entries: Vec<LedgerEntry>,
    /// Ceilings that the repository sets for its patches.
    #[serde(default)]
    pub ceilings: settings::Limits,
    /// Disjoint; together exactly the scanned entries.
    pub batches: Vec<BatchPlan>,
}

/// One batch: the unit of work on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPlan {
    /// See [`batch_id`].
    pub id: BatchId,
    /// The source pack that holds the files.
    pub sources: Digest,
    /// The files, as indices into [`RepoPlan::entries`], in the order of the source pack.
    pub files: Vec<EntryIndex>,
    /// Tokens of the files: counted with a model, estimated from their bytes without.
    pub n_tokens: u64,
    /// Bytes of the files.
    pub n_bytes: u64,
}

/// Computes the id of a batch from what decides its result.
///
/// `rules`: those of the repository, where they are not the pipeline's. `files`: path, blob oid (hex), language and
/// facts of each file, in the order of the source pack.
#[must_use]
pub fn batch_id<'a>(
    pipeline: Digest,
    rules: Option<&[RuleSpec]>,
    files: impl Iterator<Item = (&'a RepoPath, &'a str, Language, &'a Facts)>,
) -> BatchId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"nightmend batch 2\0");
    hasher.update(pipeline.as_bytes());
    let mut text = |value: Vec<u8>| {
        hasher.update(&(value.len() as u64).to_le_bytes());
        hasher.update(&value);
    };
    text(serde_json::to_vec(&rules).expect("rules have string keys only"));
    for (path, oid, language, facts) in files {
        text(path.as_bytes().to_vec());
        text(oid.as_bytes().to_vec());
        text(vec![language as u8]);
        text(serde_json::to_vec(facts).expect("facts have string keys only"));
    }
    BatchId::from_digest(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_batch_depends_on_pipeline_path_blob_and_language() {
        let (here, there) = (RepoPath::from("a.js"), RepoPath::from("b.js"));
        let id = |pipeline: &[u8], path, oid, language| {
            let file = (path, oid, language, &settings::NO_FACTS);
            batch_id(Digest::of(pipeline), None, std::iter::once(file))
        };
        let base = id(b"p", &here, "00", Language::JavaScript);
        assert_eq!(base, id(b"p", &here, "00", Language::JavaScript));
        for other in [
            id(b"q", &here, "00", Language::JavaScript),
            id(b"p", &there, "00", Language::JavaScript),
            id(b"p", &here, "01", Language::JavaScript),
            id(b"p", &here, "00", Language::Tsx),
        ] {
            assert_ne!(base, other);
        }
    }
}
