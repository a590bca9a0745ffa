//! Plan: finds out what of a commit is to be done, cuts it into batches and hands out a source pack for each.
//!
//! clone → ledger → **plan** → dispatch. [`plan_repo`] is the whole of it: one walk over the tree. A scanned blob whose
//! result is known is not done again (`decide.rs`); the others are held until a window is full, weighed
//! ([`mod@cost`], by the tokens that [`crate::tokens`] counts), cut evenly ([`mod@cut`]), packed and stored, so that
//! memory stays bounded however big the repo is. With the same earlier results the same commit and pipeline give the
//! same plan, byte for byte, on every machine and whatever was counted before.
//!
//! Blocks (libgit2, tokenising, hashing): the caller runs it on a blocking thread.

pub mod cost;
pub mod cut;
mod decide;

use std::collections::{BTreeMap, HashMap};

use git2::Repository;
use schemas::job::{Limits, ReusePolicy};
use schemas::ledger::LedgerEntry;
use schemas::plan::{BatchPlan, EntryIndex, Origin, RepoPlan, ReusedFile, batch_id};
use schemas::reuse::inputs_digest;
use schemas::sources::{SourceFile, SourcePack, Work};
use schemas::{Digest, Language, Pipeline};
use settings::Facts;

use self::decide::{Decision, Judge};
use crate::clone::Mirror;
use crate::earlier::EarlierRows;
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
    /// Earlier results could not be read.
    #[error("earlier results can't be read")]
    Earlier(#[source] tensor_store::Error),
    /// The orchestrator stops; the repo is planned by the next run.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What the callback that stores a source pack may fail with.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// What to plan, and by what.
pub struct Request<'a> {
    /// The commit.
    pub mirror: &'a Mirror,
    /// What is done with files; part of every batch id.
    pub pipeline: &'a Pipeline,
    /// What the repository's own settings may change.
    pub allowed: &'a Allowed,
    /// Bounds.
    pub limits: &'a Limits,
    /// Counts tokens, if there is a model to count them for; else batches are cut by bytes.
    pub counter: Option<&'a TokenCounter>,
    /// What earlier jobs left.
    pub earlier: &'a dyn EarlierRows,
    /// How much of that is taken.
    pub reuse: ReusePolicy,
    /// Tells batches that must not take the result of another job from those of other jobs: the job.
    pub salt: &'a str,
}

/// Takes the ledger of the mirror's commit and plans its batches. `store` is called once per batch, in order, and
/// returns the digest under which the pack can be read.
///
/// For a dry run give it [`digest_only`]: entries and batch ids are the same and nothing is stored.
///
/// # Errors
/// See [`PlanError`]: all of them fail the repo. A file that can't be read is an outcome in the ledger.
pub fn plan_repo(
    request: &Request<'_>,
    store: &mut dyn FnMut(SourcePack) -> Result<Digest, StoreError>,
) -> Result<RepoPlan, PlanError> {
    let mirror = request.mirror;
    let unreadable = |source| PlanError::Mirror { commit: mirror.commit, source };
    let repo = mirror.open().map_err(unreadable)?;
    let root = root_tree(&repo, mirror.commit).map_err(unreadable)?;
    let settings = Settings::read(&repo, root, request.limits, request.allowed)?;
    let rules = settings.rules.as_deref().unwrap_or(&request.pipeline.rules);
    let mut planner = Planner {
        request,
        settings: &settings,
        judge: Judge::new(request, rules),
        whole_paths: rules.iter().any(|rule| rule.source.is_some()),
        pipeline: request.pipeline.digest(),
        store,
        entries: Vec::new(),
        batches: Vec::new(),
        reused: Vec::new(),
        origins: Origins::default(),
        windows: BTreeMap::new(),
        held: HashMap::new(),
    };
    let excludes = |path: &[u8]| settings.excludes(path);
    ledger::take(&repo, root, request.limits, &excludes, |entry, blob| planner.record(entry, blob))?;
    planner.flush_all()?;
    let Planner { entries, batches, reused, origins, .. } = planner;
    Ok(RepoPlan {
        commit: mirror.commit.to_string(),
        entries,
        rules: settings.rules,
        ceilings: settings.ceilings,
        batches,
        reused,
        origins: origins.list,
        base: request.earlier.base(),
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
    inputs: Digest,
    key: Digest,
    language: Language,
    facts: Facts,
    bytes: Vec<u8>,
    /// Other entries with the same key: their row will be this one.
    twins: Vec<EntryIndex>,
}

#[derive(Default)]
struct Window {
    files: Vec<Held>,
    n_bytes: u64,
}

/// What is the same for all files of a batch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    audit: bool,
    work: Work,
}

/// Where earlier rows are, each place once.
#[derive(Default)]
struct Origins {
    list: Vec<Origin>,
    numbers: HashMap<Origin, u32>,
}

impl Origins {
    fn number(&mut self, origin: Origin) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(origin.clone()).or_insert(next);
        if number == next {
            self.list.push(origin);
        }
        number
    }
}

struct Planner<'a> {
    request: &'a Request<'a>,
    settings: &'a Settings,
    judge: Judge<'a>,
    /// Rules of users read whole paths.
    whole_paths: bool,
    pipeline: Digest,
    store: &'a mut dyn FnMut(SourcePack) -> Result<Digest, StoreError>,
    entries: Vec<LedgerEntry>,
    batches: Vec<BatchPlan>,
    reused: Vec<ReusedFile>,
    origins: Origins,
    windows: BTreeMap<Kind, Window>,
    /// Files that are held and done from the start, by key: the place in their window.
    held: HashMap<Digest, usize>,
}

impl Planner<'_> {
    fn record(&mut self, entry: LedgerEntry, blob: Option<ScannedBlob<'_>>) -> Result<(), PlanError> {
        let index = EntryIndex::try_from(self.entries.len()).map_err(|_| PlanError::TooManyEntries)?;
        self.entries.push(entry);
        let Some(blob) = blob else { return Ok(()) };
        let facts = self.settings.facts(self.entries[index as usize].path.as_bytes());
        let facts = if self.whole_paths { facts } else { facts.reduced(blob.language) };
        let inputs = inputs_digest(Digest::of(blob.bytes), blob.language, &facts);
        let key = self.judge.key(inputs, blob.language);
        let kind = match self.judge.decide(inputs, key, &blob) {
            Decision::Reuse { key, origin } => {
                self.reuse(index, inputs, key, origin);
                return Ok(());
            }
            Decision::Do { work, earlier, audit } => {
                if let Some((key, origin)) = earlier {
                    self.reuse(index, inputs, key, origin);
                }
                Kind { audit, work }
            }
        };
        let from_the_start = kind == Kind { audit: false, work: Work::default() };
        let window = self.windows.entry(kind.clone()).or_default();
        if self.request.reuse.enabled && from_the_start {
            if let Some(&at) = self.held.get(&key) {
                window.files[at].twins.push(index);
                return Ok(());
            }
            self.held.insert(key, window.files.len());
        }
        window.n_bytes += blob.bytes.len() as u64;
        window.files.push(Held {
            entry: index,
            inputs,
            key,
            language: blob.language,
            facts,
            bytes: blob.bytes.to_vec(),
            twins: Vec::new(),
        });
        if window.n_bytes >= WINDOW_BYTES || window.files.len() >= WINDOW_FILES {
            self.flush(&kind)?;
        }
        Ok(())
    }

    fn reuse(&mut self, entry: EntryIndex, inputs: Digest, key: Digest, origin: Origin) {
        let origin = self.origins.number(origin);
        self.reused.push(ReusedFile { entry, inputs, key, origin });
    }

    fn flush_all(&mut self) -> Result<(), PlanError> {
        let kinds: Vec<Kind> = self.windows.keys().cloned().collect();
        kinds.iter().try_for_each(|kind| self.flush(kind))
    }

    /// Cuts what is held into batches and stores their packs.
    fn flush(&mut self, kind: &Kind) -> Result<(), PlanError> {
        let Some(window) = self.windows.remove(kind) else { return Ok(()) };
        for file in &window.files {
            self.held.remove(&file.key);
        }
        let counter = self.request.counter.filter(|_| kind.work.tokens);
        let weights = self.weigh(&window.files, counter)?;
        let size =
            |(file, weight): (&Held, &Weight)| Size { cost: weight.cost, n_bytes: file.bytes.len() as u64 };
        let sizes: Vec<Size> = window.files.iter().zip(&weights).map(size).collect();
        let max_files = if counter.is_some() { MAX_FILES_READ } else { MAX_FILES };
        let mut files = window.files.into_iter();
        for range in cut(&sizes, max_files) {
            let held = files.by_ref().take(range.len()).collect();
            self.add_batch(kind, held, &weights[range])?;
        }
        Ok(())
    }

    fn weigh(&self, files: &[Held], counter: Option<&TokenCounter>) -> Result<Vec<Weight>, Stopped> {
        let Some(counter) = counter else {
            return Ok(files.iter().map(|file| Weight::estimated(file.bytes.len() as u64)).collect());
        };
        let mut blobs = Vec::with_capacity(files.len());
        for file in files {
            blobs.push(Blob { oid: &self.entries[file.entry as usize].oid, bytes: &file.bytes });
        }
        counter.weigh(&blobs)
    }

    fn add_batch(&mut self, kind: &Kind, held: Vec<Held>, weights: &[Weight]) -> Result<(), PlanError> {
        let inputs: Vec<Digest> = held.iter().map(|file| file.inputs).collect();
        let (id, salt) = self.free_id(kind, &inputs)?;
        let files = held.iter().map(|file| file.entry).collect();
        let rows: Vec<(Digest, EntryIndex, Digest)> = held
            .iter()
            .flat_map(|file| file.twins.iter().map(|&twin| (file.key, twin, file.inputs)))
            .collect();
        let keys: Vec<Digest> = held.iter().map(|file| file.key).collect();
        let n_bytes = held.iter().map(|file| file.bytes.len() as u64).sum();
        let reads_long_files = kind.work.tokens && weights.iter().any(|weight| weight.n_windows > 1);
        let source_file =
            |file: Held| SourceFile { language: file.language, facts: file.facts, bytes: file.bytes };
        let pack = SourcePack {
            rules: self.settings.rules.clone(),
            work: kind.work.clone(),
            known_chunks: match reads_long_files && self.request.reuse.enabled && !kind.audit {
                true => self.request.earlier.long_windows(),
                false => Vec::new(),
            },
            files: held.into_iter().map(source_file).collect(),
        };
        let sources = (self.store)(pack).map_err(PlanError::Store)?;
        let origin = Origin::Batch { id, sources };
        for (key, entry, inputs) in rows {
            self.reuse(entry, inputs, key, origin.clone());
        }
        if kind.work == Work::default() {
            keys.into_iter().for_each(|key| self.request.earlier.will_be(key, origin.clone()));
        }
        self.batches.push(BatchPlan {
            id,
            sources,
            files,
            n_tokens: weights.iter().map(|weight| weight.n_tokens).sum(),
            n_bytes,
            work: kind.work.clone(),
            salt,
            audit: kind.audit,
        });
        Ok(())
    }

    /// The id of a batch. One that the store holds a result of in which a file failed is given another id: the file may
    /// have failed for want of memory or time.
    fn free_id(&self, kind: &Kind, inputs: &[Digest]) -> Result<(schemas::BatchId, String), PlanError> {
        let rules = self.settings.rules.as_deref();
        let id = |salt: &str| batch_id(self.pipeline, salt, rules, &kind.work, inputs.iter().copied());
        if kind.audit || !self.request.reuse.enabled {
            return Ok((id(self.request.salt), self.request.salt.to_owned()));
        }
        let mut salt = String::new();
        while self.request.earlier.has_failures(id(&salt)).map_err(PlanError::Earlier)? {
            salt = format!("{}{salt}", self.request.salt);
        }
        Ok((id(&salt), salt))
    }
}
