//! Plan: cuts the scanned files of a commit into batches and hands out a source pack for each.
//!
//! clone → ledger → **plan** → dispatch. [`plan_repo`] is the whole of it: one walk over the tree; scanned blobs are
//! held until a window is full, weighed ([`mod@cost`], by the tokens that [`crate::tokens`] counts), cut evenly
//! ([`mod@cut`]), packed and stored, so that memory stays bounded however big the repo is. The same commit and pipeline
//! give the same plan, byte for byte, on every machine and whatever was counted before.
//!
//! Blocks (libgit2, tokenising, hashing): the caller runs it on a blocking thread.

pub mod cost;
pub mod cut;

use git2::Repository;
use schemas::job::Limits;
use schemas::ledger::LedgerEntry;
use schemas::plan::{BatchPlan, EntryIndex, RepoPlan, batch_id};
use schemas::sources::{SourceFile, SourcePack};
use schemas::{Digest, Language};
use settings::Facts;

use crate::clone::Mirror;
use crate::ledger::{self, ScannedBlob};
use crate::repo_settings::{Allowed, Settings, SettingsError};
use crate::tokens::{Blob, Stopped, TokenCounter};
use crate::tree::WalkError;
use cost::Weight;
use cut::{MAX_FILES, MAX_FILES_READ, Size, cut};

/// Bytes of blobs that are held before they are cut. A window ends a batch early, so it is many batches long.
const WINDOW_BYTES: u64 = 32 << 20;
/// Files that are held before they are cut: a million empty files are a window too.
const WINDOW_FILES: usize = 4096;

/// Why a repo has no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The tree is over its budget or has a hole.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The mirror can't be opened, or lost the commit.
    #[error("mirror of commit `{commit}` can't be read")]
    Mirror {
        /// The commit.
        commit: git2::Oid,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// More entries than an [`EntryIndex`] can count.
    #[error("the tree has more than {} entries", EntryIndex::MAX)]
    TooManyEntries,
    /// The repository's own settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A source pack could not be stored.
    #[error("a source pack can't be stored")]
    Store(#[source] StoreError),
    /// The orchestrator stops; the repo is planned by the next run.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What the callback that stores a source pack may fail with.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Takes the ledger of the mirror's commit and plans its batches, by tokens if there is a model to count them for, else
/// by bytes. `store` is called once per batch, in order, and returns the digest under which the pack can be read.
///
/// For a dry run give it [`digest_only`]: entries and batch ids are the same and nothing is stored.
///
/// # Errors
/// See [`PlanError`]: all of them fail the repo. A file that can't be read is an outcome in the ledger.
pub fn plan_repo(
    mirror: &Mirror,
    pipeline: Digest,
    allowed: &Allowed,
    limits: &Limits,
    counter: Option<&TokenCounter>,
    store: &mut dyn FnMut(SourcePack) -> Result<Digest, StoreError>,
) -> Result<RepoPlan, PlanError> {
    let unreadable = |source| PlanError::Mirror { commit: mirror.commit, source };
    let repo = mirror.open().map_err(unreadable)?;
    let root = root_tree(&repo, mirror.commit).map_err(unreadable)?;
    let settings = Settings::read(&repo, root, limits, allowed)?;
    let mut planner = Planner {
        pipeline,
        settings: &settings,
        counter,
        store,
        entries: Vec::new(),
        batches: Vec::new(),
        window: Window::default(),
    };
    let excludes = |path: &[u8]| settings.excludes(path);
    ledger::take(&repo, root, limits, &excludes, |entry, blob| planner.record(entry, blob))?;
    planner.flush()?;
    Ok(RepoPlan {
        commit: mirror.commit.to_string(),
        entries: planner.entries,
        ceilings: settings.ceilings,
        batches: planner.batches,
    })
}

/// A `store` that stores nothing: the digest of the pack as plain msgpack, which names no object of the store.
///
/// # Errors
/// Never for a pack of a plan.
pub fn digest_only(pack: SourcePack) -> Result<Digest, StoreError> {
    Ok(Digest::of(&rmp_serde::to_vec_named(&pack)?))
}

fn root_tree(repo: &Repository, commit: git2::Oid) -> Result<git2::Oid, git2::Error> {
    Ok(repo.find_commit(commit)?.tree_id())
}

/// A scanned file that is held until its window is cut.
struct Held {
    entry: EntryIndex,
    language: Language,
    facts: Facts,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Window {
    files: Vec<Held>,
    n_bytes: u64,
}

struct Planner<'a> {
    pipeline: Digest,
    settings: &'a Settings,
    counter: Option<&'a TokenCounter>,
    store: &'a mut dyn FnMut(SourcePack) -> Result<Digest, StoreError>,
    entries: Vec<LedgerEntry>,
    batches: Vec<BatchPlan>,
    window: Window,
}

impl Planner<'_> {
    fn record(&mut self, entry: LedgerEntry, blob: Option<ScannedBlob<'_>>) -> Result<(), PlanError> {
        let index = EntryIndex::try_from(self.entries.len()).map_err(|_| PlanError::TooManyEntries)?;
        self.entries.push(entry);
        let Some(blob) = blob else { return Ok(()) };
        self.window.n_bytes += blob.bytes.len() as u64;
        let facts = self.settings.facts(self.entries[index as usize].path.as_bytes());
        let bytes = blob.bytes.to_vec();
        self.window.files.push(Held { entry: index, language: blob.language, facts, bytes });
        if self.window.n_bytes >= WINDOW_BYTES || self.window.files.len() >= WINDOW_FILES {
            self.flush()?;
        }
        Ok(())
    }

    /// Cuts what is held into batches and stores their packs.
    fn flush(&mut self) -> Result<(), PlanError> {
        let window = std::mem::take(&mut self.window);
        let weights = self.weigh(&window.files)?;
        let size =
            |(file, weight): (&Held, &Weight)| Size { cost: weight.cost, n_bytes: file.bytes.len() as u64 };
        let sizes: Vec<Size> = window.files.iter().zip(&weights).map(size).collect();
        let max_files = if self.counter.is_some() { MAX_FILES_READ } else { MAX_FILES };
        let mut files = window.files.into_iter();
        for range in cut(&sizes, max_files) {
            let held = files.by_ref().take(range.len()).collect();
            self.add_batch(held, weights[range].iter().map(|weight| weight.n_tokens).sum())?;
        }
        Ok(())
    }

    fn weigh(&self, files: &[Held]) -> Result<Vec<Weight>, Stopped> {
        let Some(counter) = self.counter else {
            return Ok(files.iter().map(|file| Weight::estimated(file.bytes.len() as u64)).collect());
        };
        let mut blobs = Vec::with_capacity(files.len());
        for file in files {
            blobs.push(Blob { oid: &self.entries[file.entry as usize].oid, bytes: &file.bytes });
        }
        counter.weigh(&blobs)
    }

    fn add_batch(&mut self, held: Vec<Held>, n_tokens: u64) -> Result<(), PlanError> {
        let id = batch_id(
            self.pipeline,
            self.settings.rules.as_deref(),
            held.iter().map(|file| {
                let entry = &self.entries[file.entry as usize];
                (&entry.path, entry.oid.as_str(), file.language, &file.facts)
            }),
        );
        let n_bytes = held.iter().map(|file| file.bytes.len() as u64).sum();
        let indices = held.iter().map(|file| file.entry).collect();
        let files = held.into_iter().map(|file| self.source_file(file)).collect();
        let pack = SourcePack { rules: self.settings.rules.clone(), files };
        let sources = (self.store)(pack).map_err(PlanError::Store)?;
        self.batches.push(BatchPlan { id, sources, files: indices, n_tokens, n_bytes });
        Ok(())
    }

    fn source_file(&self, held: Held) -> SourceFile {
        let entry = &self.entries[held.entry as usize];
        SourceFile {
            path: entry.path.clone(),
            oid: entry.oid.clone(),
            language: held.language,
            facts: held.facts,
            bytes: held.bytes,
        }
    }
}
