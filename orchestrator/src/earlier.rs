//! What earlier jobs left: which files need not be done again, and where their rows are.
//!
//! ```text
//! index/<repo>/<pipeline>  →  snapshot: keys of its rows  →  shards: the rows
//! index/<repo>/latest      →  the snapshot of the last job, whatever its rules were
//! ```
//!
//! The keys of all snapshots of a pipeline are held in memory (about 50 bytes each), with those of the batches that were
//! planned since: so a file is done once, whichever repo it is in. What is here is a cache of the store; an orchestrator
//! that starts reads it anew.
//!
//! [`EarlierRows`] is how the planner asks. Where a file has no row of its key, one of the same inputs may still serve:
//! made with other rules, or without tokens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use schemas::plan::Origin;
use schemas::result::{BatchResult, ChunkRef, FileResult, ScannedFile};
use schemas::reuse::{IndexEntry, Snapshot, SnapshotRow, SnapshotShard};
use schemas::{BatchId, Digest, Pipeline, RepoSpec};
use settings::RuleSpec;
use tensor_store::{Error, Key, Store};
use tracing::{info, warn};

/// The pointer to the snapshot of the last job.
const LATEST: &str = "latest";
/// Pointers and snapshots that are read at once.
const READ_AT_ONCE: usize = 16;
/// Keys beyond this are not held: what is only in other repos is then done again.
const MAX_KEYS: usize = 20_000_000;
/// Windows of long files that a worker is told of.
const MAX_LONG_WINDOWS: usize = 4096;

/// What the planner asks of earlier results.
pub trait EarlierRows {
    /// Where the row of this key is.
    fn row(&self, key: Digest) -> Option<Origin>;

    /// A row of the last job with the same inputs, whatever it was made with.
    fn similar(&self, inputs: Digest) -> Option<Similar>;

    /// The rules that similar rows were made with.
    fn similar_rules(&self) -> &[RuleSpec];

    /// The snapshot of the last job.
    fn base(&self) -> Option<Digest>;

    /// Windows of files that are longer than the model, with where their vectors are.
    fn long_windows(&self) -> Vec<ChunkRef>;

    /// Whether the store holds a result of the batch in which a file failed: it is not taken for another job.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn has_failures(&self, batch: BatchId) -> Result<bool, Error>;

    /// Takes note of a row that a planned batch will hold.
    fn will_be(&self, key: Digest, origin: Origin);
}

/// A row that was made with other rules or another model.
#[derive(Clone, Debug)]
pub struct Similar {
    /// What it was made with.
    pub key: Digest,
    /// Where it is.
    pub origin: Origin,
    /// Whether it holds findings alone: nothing that is certified with all rules.
    pub only_findings: bool,
    /// Whether it has the tokens of the wanted model.
    pub has_tokens: bool,
}

/// Earlier results of all repos.
#[derive(Debug)]
pub struct Earlier {
    store: Store,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    rows: HashMap<Digest, u32>,
    origins: Vec<Origin>,
    numbers: HashMap<Origin, u32>,
    /// Pipelines whose snapshots are in `rows`.
    loaded: HashSet<Digest>,
    /// Snapshots that could not be read when a report needed them.
    unreadable: HashSet<Digest>,
}

impl Known {
    fn add(&mut self, keys: impl IntoIterator<Item = Digest>, origin: Origin) {
        let next = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(origin.clone()).or_insert(next);
        if number == next {
            self.origins.push(origin);
        }
        for key in keys {
            if self.rows.len() < MAX_KEYS {
                self.rows.insert(key, number);
            }
        }
    }

    fn forget<'a>(&mut self, origins: impl IntoIterator<Item = &'a Origin>) {
        let numbers: HashSet<u32> =
            origins.into_iter().filter_map(|origin| self.numbers.get(origin).copied()).collect();
        if !numbers.is_empty() {
            self.rows.retain(|_, row| !numbers.contains(row));
        }
    }
}

/// The key of a repo in the index: a branch is no other repo.
fn repo_digest(repo: &RepoSpec) -> Digest {
    Digest::of(repo.url.trim_end_matches('/').as_bytes())
}

impl Earlier {
    /// Earlier results of a store; nothing is read yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// What there is for one repo of a job.
    ///
    /// # Errors
    /// If the store cannot be read. What is damaged is as good as not there.
    pub async fn of_repo(self: &Arc<Self>, repo: &RepoSpec, pipeline: &Pipeline) -> anyhow::Result<OfRepo> {
        self.load(pipeline.digest()).await.context("read what earlier jobs left")?;
        let latest = self.pointer(&Key::index(repo_digest(repo), LATEST)).await?;
        let last = match latest {
            Some(entry) => self.snapshot(entry.snapshot).await?.map(|found| (entry.snapshot, found)),
            None => None,
        };
        let fits = |found: &Snapshot| {
            (&found.engine, &found.grammars, found.fix)
                == (&pipeline.engine, &pipeline.grammars, pipeline.fix)
        };
        Ok(OfRepo {
            earlier: Arc::clone(self),
            runtime: tokio::runtime::Handle::current(),
            pipeline: pipeline.clone(),
            last: last.filter(|(_, found)| fits(found)),
            rows: OnceLock::new(),
            sound: Mutex::default(),
        })
    }

    /// Relies on these snapshots no more, until they are written anew.
    pub fn give_up(&self, snapshots: &[Digest]) {
        let mut known = self.known.lock().expect("no holder of the lock panics");
        for &snapshot in snapshots {
            warn!(%snapshot, "earlier results cannot be read, their files are done again");
            known.forget([&Origin::Snapshot { snapshot }]);
            known.unreadable.insert(snapshot);
        }
    }

    /// Whether one of these is a snapshot that was given up.
    #[must_use]
    pub fn has_given_up(&self, origins: &[Origin]) -> bool {
        let known = self.known.lock().expect("no holder of the lock panics");
        let is_unreadable = |origin: &Origin| match origin {
            Origin::Snapshot { snapshot } => known.unreadable.contains(snapshot),
            Origin::Batch { .. } => false,
        };
        origins.iter().any(is_unreadable)
    }

    /// Reads the keys of every snapshot of a pipeline, once.
    async fn load(&self, pipeline: Digest) -> Result<(), Error> {
        if self.known.lock().expect("no holder of the lock panics").loaded.contains(&pipeline) {
            return Ok(());
        }
        let name = pipeline.to_string();
        let names = self.store.list_names("index").await?;
        let mut repos: Vec<Digest> = Vec::new();
        for found in &names {
            let repo = found.strip_suffix(&name).and_then(|found| found.strip_suffix('/'));
            repos.extend(repo.and_then(|repo| repo.parse::<Digest>().ok()));
        }
        let snapshots: Vec<Option<(Digest, Snapshot)>> = futures::stream::iter(repos)
            .map(|repo| {
                let key = Key::index(repo, &name);
                async move {
                    let Some(entry) = self.pointer(&key).await? else { return Ok(None) };
                    let found = self.snapshot(entry.snapshot).await?;
                    Ok::<_, Error>(found.map(|found| (entry.snapshot, found)))
                }
            })
            .buffer_unordered(READ_AT_ONCE)
            .try_collect()
            .await?;
        let mut known = self.known.lock().expect("no holder of the lock panics");
        for (snapshot, found) in snapshots.into_iter().flatten() {
            known.add(found.keys.iter().map(|(key, _)| *key), Origin::Snapshot { snapshot });
        }
        known.loaded.insert(pipeline);
        info!(pipeline = %pipeline, n_keys = known.rows.len(), "earlier results are known");
        Ok(())
    }

    async fn pointer(&self, key: &Key) -> Result<Option<IndexEntry>, Error> {
        sound(self.store.get_sealed(key).await)
    }

    async fn snapshot(&self, digest: Digest) -> Result<Option<Snapshot>, Error> {
        if self.has_given_up(&[Origin::Snapshot { snapshot: digest }]) {
            return Ok(None);
        }
        sound(self.store.get_packed(&Key::snapshots(digest)).await)
    }

    /// The rows of these keys in a snapshot, by key; of each, that it is of the wanted inputs is for the caller to see.
    ///
    /// # Errors
    /// If the snapshot cannot be read.
    pub async fn rows(store: &Store, snapshot: Digest, keys: &[Digest]) -> Result<Vec<SnapshotRow>, Error> {
        let found: Snapshot = store.get_packed(&Key::snapshots(snapshot)).await?;
        let wanted: HashSet<Digest> = keys.iter().copied().collect();
        let shards: HashSet<usize> =
            wanted.iter().map(|key| Snapshot::shard_of(*key, found.shards.len())).collect();
        let mut rows = Vec::with_capacity(wanted.len());
        for shard in shards {
            let Some(digest) = found.shards.get(shard) else { continue };
            let shard: SnapshotShard = store.get_packed(&Key::snapshots(*digest)).await?;
            rows.extend(shard.rows.into_iter().filter(|row| wanted.contains(&row.key)));
        }
        Ok(rows)
    }

    /// Stores what a job found in a repo, for the next night. `rows` may be in any order. They take the place of its
    /// batches (`done`), in which files may have failed that are to be tried again.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn keep(
        &self,
        repo: &RepoSpec,
        pipeline: &Pipeline,
        rules: &[RuleSpec],
        mut rows: Vec<SnapshotRow>,
        done: &[Origin],
    ) -> Result<(), Error> {
        rows.sort_by_key(|row| row.key);
        rows.dedup_by_key(|row| row.key);
        let keys: Vec<(Digest, Digest)> = rows.iter().map(|row| (row.key, row.inputs)).collect();
        let n_shards = Snapshot::n_shards(rows.len());
        let mut shards: Vec<SnapshotShard> = (0..n_shards).map(|_| SnapshotShard::default()).collect();
        for row in rows {
            shards[Snapshot::shard_of(row.key, n_shards)].rows.push(row);
        }
        let mut digests = Vec::with_capacity(n_shards);
        for shard in &shards {
            digests.push(self.store.put_packed(Key::snapshots, shard).await?);
        }
        let snapshot = Snapshot {
            engine: pipeline.engine.clone(),
            grammars: pipeline.grammars.clone(),
            fix: pipeline.fix,
            rules: rules.to_vec(),
            model: pipeline.model.clone(),
            keys,
            shards: digests,
        };
        let digest = self.store.put_packed(Key::snapshots, &snapshot).await?;
        let entry = IndexEntry { repo: repo.url.clone(), pipeline: pipeline.digest(), snapshot: digest };
        for name in [&entry.pipeline.to_string(), LATEST] {
            self.store.put_pointer(&Key::index(repo_digest(repo), name), &entry).await?;
        }
        let mut known = self.known.lock().expect("no holder of the lock panics");
        known.unreadable.remove(&digest);
        known.forget(done);
        known.add(snapshot.keys.iter().map(|(key, _)| *key), Origin::Snapshot { snapshot: digest });
        Ok(())
    }
}

/// What is gone or damaged is as good as not there: it is done again.
fn sound<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error @ (Error::Corrupt { .. } | Error::Decode { .. })) => {
            warn!(%error, "earlier results are left alone");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Earlier results for the planning of one repo. Its answers read the store: not for threads of the runtime.
pub struct OfRepo {
    earlier: Arc<Earlier>,
    runtime: tokio::runtime::Handle,
    pipeline: Pipeline,
    /// The snapshot of the last job, if its rows can serve.
    last: Option<(Digest, Snapshot)>,
    rows: OnceLock<BTreeMap<Digest, LastRow>>,
    /// Origins that were looked for, and whether they are there.
    sound: Mutex<HashMap<Origin, bool>>,
}

/// What is known of a row of the last job.
struct LastRow {
    similar: Similar,
    long_windows: Vec<ChunkRef>,
}

impl OfRepo {
    /// The rows of the last job by their inputs; read when first asked for, which an unchanged repo never does.
    fn last_rows(&self) -> &BTreeMap<Digest, LastRow> {
        self.rows.get_or_init(|| {
            let Some((digest, found)) = &self.last else { return BTreeMap::new() };
            let keys: Vec<Digest> = found.keys.iter().map(|(key, _)| *key).collect();
            match self.runtime.block_on(Earlier::rows(&self.earlier.store, *digest, &keys)) {
                Ok(rows) => rows.into_iter().map(|row| self.last_row(*digest, found, &row)).collect(),
                Err(error) => {
                    warn!(%error, "the rows of the last job cannot be read, files are done again");
                    BTreeMap::new()
                }
            }
        })
    }

    fn last_row(&self, snapshot: Digest, found: &Snapshot, row: &SnapshotRow) -> (Digest, LastRow) {
        let same_model = match (&found.model, &self.pipeline.model) {
            (Some(had), Some(wanted)) => (had.digest, had.dtype) == (wanted.digest, wanted.dtype),
            _ => false,
        };
        let tokens = row.file.tokens.as_ref().filter(|_| same_model);
        let similar = Similar {
            key: row.key,
            origin: Origin::Snapshot { snapshot },
            only_findings: has_only_findings(&row.file),
            has_tokens: tokens.is_some(),
        };
        let windows = tokens.map(|tokens| tokens.windows.as_slice()).unwrap_or_default();
        let long_windows = if windows.len() > 1 { windows.to_vec() } else { Vec::new() };
        (row.inputs, LastRow { similar, long_windows })
    }

    /// Whether the origin is still there: it may have been cleaned up since its keys were read.
    fn is_there(&self, origin: &Origin) -> bool {
        let mut sound = self.sound.lock().expect("no holder of the lock panics");
        if let Some(known) = sound.get(origin) {
            return *known;
        }
        let is_there = match origin {
            Origin::Snapshot { .. } if self.earlier.has_given_up(std::slice::from_ref(origin)) => false,
            Origin::Snapshot { snapshot } => self.exists(&Key::snapshots(*snapshot)),
            Origin::Batch { id, sources } => {
                self.exists(&Key::sources(*sources)) || self.exists(&Key::results(id.digest()))
            }
        };
        if !is_there {
            self.earlier.known.lock().expect("no holder of the lock panics").forget([origin]);
        }
        sound.insert(origin.clone(), is_there);
        is_there
    }

    fn exists(&self, key: &Key) -> bool {
        // Unreachable is treated as gone: the file is done again.
        self.runtime.block_on(self.earlier.store.exists(key)).unwrap_or(false)
    }
}

fn has_only_findings(file: &ScannedFile) -> bool {
    file.alone.is_empty()
        && file.series.is_empty()
        && file.dropped.is_empty()
        && file.rule_failures.is_empty()
}

impl EarlierRows for OfRepo {
    fn row(&self, key: Digest) -> Option<Origin> {
        let origin = {
            let known = self.earlier.known.lock().expect("no holder of the lock panics");
            let number = *known.rows.get(&key)?;
            known.origins.get(number as usize)?.clone()
        };
        self.is_there(&origin).then_some(origin)
    }

    fn similar(&self, inputs: Digest) -> Option<Similar> {
        Some(self.last_rows().get(&inputs)?.similar.clone())
    }

    fn similar_rules(&self) -> &[RuleSpec] {
        self.last.as_ref().map(|(_, found)| found.rules.as_slice()).unwrap_or_default()
    }

    fn base(&self) -> Option<Digest> {
        self.last.as_ref().map(|(digest, _)| *digest)
    }

    fn long_windows(&self) -> Vec<ChunkRef> {
        if self.pipeline.model.is_none() {
            return Vec::new();
        }
        let windows = self.last_rows().values().flat_map(|row| &row.long_windows);
        windows.take(MAX_LONG_WINDOWS).copied().collect()
    }

    fn has_failures(&self, batch: BatchId) -> Result<bool, Error> {
        let key = Key::results(batch.digest());
        let read = self.earlier.store.get_sealed::<BatchResult>(&key);
        let result = sound(self.runtime.block_on(read))?;
        Ok(result.is_some_and(|result| {
            result.files.iter().any(|row| matches!(row.result, FileResult::Failed { .. }))
        }))
    }

    fn will_be(&self, key: Digest, origin: Origin) {
        self.earlier.known.lock().expect("no holder of the lock panics").add([key], origin);
    }
}

/// A first night: nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingEarlier;

impl EarlierRows for NothingEarlier {
    fn row(&self, _: Digest) -> Option<Origin> {
        None
    }

    fn similar(&self, _: Digest) -> Option<Similar> {
        None
    }

    fn similar_rules(&self) -> &[RuleSpec] {
        &[]
    }

    fn base(&self) -> Option<Digest> {
        None
    }

    fn long_windows(&self) -> Vec<ChunkRef> {
        Vec::new()
    }

    fn has_failures(&self, _: BatchId) -> Result<bool, Error> {
        Ok(false)
    }

    fn will_be(&self, _: Digest, _: Origin) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that failed is in no snapshot; it must not be found in the batch that it failed in either.
    #[test]
    fn the_rows_of_a_batch_are_forgotten_and_those_of_a_snapshot_stay() {
        let [failed, kept] = [b"failed", b"kept  "].map(|key| Digest::of(key));
        let batch = Origin::Batch { id: BatchId::from_digest(failed), sources: failed };
        let snapshot = Origin::Snapshot { snapshot: kept };
        let mut known = Known::default();
        known.add([failed, kept], batch.clone());
        known.forget([&batch]);
        known.add([kept], snapshot.clone());
        assert!(!known.rows.contains_key(&failed));
        assert_eq!(known.origins[known.rows[&kept] as usize], snapshot);
        known.add([failed], batch);
        assert_eq!((known.rows.len(), known.origins.len()), (2, 2));
    }
}
