//! How one repo is cut into batches. The plan is written before the first batch is dispatched; plan minus results
//! is the work that is left.

use serde::{Deserialize, Serialize};
use settings::RuleSpec;

use crate::digest::Digest;
use crate::ids::BatchId;
use crate::ledger::LedgerEntry;
use crate::reuse::FieldHasher;
use crate::sources::Work;

/// One file of a batch: an index into the ledger of its repo.
pub type EntryIndex = u32;

/// The plan of one repo: stored under `jobs/<job>/repos/<n>/plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoPlan {
    /// The commit that was scanned, hex.
    pub commit: String,
    /// Every entry of its tree, in the order of the tree.
    pub entries: Vec<LedgerEntry>,
    /// The rules of the repository, where its own settings change those of the job.
    pub rules: Option<Vec<RuleSpec>>,
    /// Ceilings that the repository sets for its patches.
    #[serde(default)]
    pub ceilings: settings::Limits,
    /// What is to be done. Files of different batches are different entries.
    pub batches: Vec<BatchPlan>,
    /// Scanned entries with an earlier row. Together with the files of the batches, exactly the scanned entries; an
    /// entry in both is done again in part, or audited.
    pub reused: Vec<ReusedFile>,
    /// Where earlier rows are.
    pub origins: Vec<Origin>,
    /// The snapshot that the windows came from which batches name as known: named here, so that what it names is kept.
    pub base: Option<Digest>,
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
    /// What is to be done with its files.
    pub work: Work,
    /// See [`batch_id`].
    pub salt: String,
    /// Whether its files could have been reused and are done again to compare.
    pub audit: bool,
}

/// A scanned entry with an earlier row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReusedFile {
    /// Which entry.
    pub entry: EntryIndex,
    /// What the row must be of: [`crate::reuse::inputs_digest`].
    pub inputs: Digest,
    /// What it was made with: [`crate::reuse::file_key`].
    pub key: Digest,
    /// Index into [`RepoPlan::origins`].
    pub origin: u32,
}

/// Where an earlier row is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// In what an earlier job left of a repo.
    Snapshot {
        /// `snapshots/<digest>`.
        snapshot: Digest,
    },
    /// In a batch that another repo, or another part of this one, has or had to do.
    Batch {
        /// Which.
        id: BatchId,
        /// Its source pack: should its result be missing, this job has it done.
        sources: Digest,
    },
}

/// Computes the id of a batch from what decides its result.
///
/// `salt`: empty, or what makes a batch another one whose result must not be taken from an earlier one. `rules`: those
/// of the repository, where they are not the pipeline's. `inputs`: [`crate::reuse::inputs_digest`] of each file, in the
/// order of the source pack; a result names the same ones.
#[must_use]
pub fn batch_id(
    pipeline: Digest,
    salt: &str,
    rules: Option<&[RuleSpec]>,
    work: &Work,
    inputs: impl IntoIterator<Item = Digest>,
) -> BatchId {
    let mut hasher = FieldHasher::new("nightmend batch 3");
    hasher.field(pipeline.as_bytes());
    hasher.field(salt.as_bytes());
    hasher.json(&rules);
    hasher.json(work);
    for inputs in inputs {
        hasher.field(inputs.as_bytes());
    }
    BatchId::from_digest(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::RulesWork;

    #[test]
    fn the_id_of_a_batch_depends_on_all_that_decides_its_result() {
        let id = |pipeline: &[u8], salt: &str, work: &Work, inputs: &[&[u8]]| {
            batch_id(Digest::of(pipeline), salt, None, work, inputs.iter().map(|bytes| Digest::of(bytes)))
        };
        let all = Work::default();
        let part = Work { rules: RulesWork::Only(vec!["no-var".into()]), tokens: true };
        let base = id(b"p", "", &all, &[b"0"]);
        assert_eq!(base, id(b"p", "", &all, &[b"0"]));
        for other in [
            id(b"q", "", &all, &[b"0"]),
            id(b"p", "s", &all, &[b"0"]),
            id(b"p", "", &part, &[b"0"]),
            id(b"p", "", &all, &[b"1"]),
            id(b"p", "", &all, &[b"0", b"0"]),
        ] {
            assert_ne!(base, other);
        }
    }
}
