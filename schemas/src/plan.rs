//! How one repo is cut into batches. The plan is written before the first batch is dispatched; plan minus results
//! is the work that is left.

use serde::{Deserialize, Serialize};

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
/// `files`: path, blob oid (hex) and language of each file, in the order of the source pack.
#[must_use]
pub fn batch_id<'a>(
    pipeline: Digest,
    files: impl Iterator<Item = (&'a RepoPath, &'a str, Language)>,
) -> BatchId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"nightmend batch 1\0");
    hasher.update(pipeline.as_bytes());
    for (path, oid, language) in files {
        hasher.update(&(path.as_bytes().len() as u64).to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(&(oid.len() as u64).to_le_bytes());
        hasher.update(oid.as_bytes());
        hasher.update(&[language as u8]);
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
            batch_id(Digest::of(pipeline), std::iter::once((path, oid, language)))
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
