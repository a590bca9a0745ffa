//! Counts the tokens of files under a model's tokenizer, and remembers them by blob.
//!
//! A count decides where batches are cut, and nothing else: a worker tokenises anew. It depends on the blob and the
//! tokenizer alone, so a plan is the same whether its counts were remembered (`counts.rs`) or made now.
//!
//! Called by [`crate::plan`] with a window of files at a time, on a blocking thread.

mod counts;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use git2::Oid;
use model_dir::{CARD_FILE, CONFIG_FILE, Card, Config, TOKENIZER_FILE, Tokenizer};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use schemas::{Digest, ModelRef, Pipeline};
use tensor_store::{Key, Store};
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::counts::Counts;
use crate::plan::cost::{Reading, Weight};

/// What of a model says how many tokens a text has and how they are read. Not the weights.
const FILES: [&str; 3] = [CONFIG_FILE, CARD_FILE, TOKENIZER_FILE];

/// More models than this at once are somebody's mistake; the memory is given back.
const MAX_COUNTERS: usize = 8;

/// A file to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    /// The object id, hex.
    pub oid: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// The orchestrator stops: nobody waits for the counts any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the orchestrator stops")]
pub struct Stopped;

/// The token counters of the models that jobs name.
pub struct TokenCounters {
    store: Store,
    dir: PathBuf,
    stop: CancellationToken,
    opened: tokio::sync::Mutex<BTreeMap<Digest, Arc<TokenCounter>>>,
}

impl TokenCounters {
    /// Models of `store`; tokenizers and counts are kept under `dir`.
    #[must_use]
    pub fn new(store: Store, dir: PathBuf, stop: CancellationToken) -> Self {
        Self { store, dir, stop, opened: tokio::sync::Mutex::default() }
    }

    /// The counter of a model; its files are fetched when a job first names it.
    ///
    /// # Errors
    /// If the model is not in the store, or its tokenizer cannot be used: no worker could either.
    pub async fn get(&self, model: &ModelRef) -> anyhow::Result<Arc<TokenCounter>> {
        let mut opened = self.opened.lock().await;
        if let Some(counter) = opened.get(&model.digest) {
            return Ok(Arc::clone(counter));
        }
        let folder =
            self.fetch(model.digest).await.with_context(|| format!("fetch model `{}`", model.name))?;
        let (dir, stop) = (self.dir.clone(), self.stop.clone());
        let counter = tokio::task::spawn_blocking(move || TokenCounter::open(&folder, &dir, stop))
            .await
            .context("opening the tokenizer panicked")?
            .with_context(|| format!("open the tokenizer of model `{}`", model.name))?;
        let counter = Arc::new(counter);
        if opened.len() >= MAX_COUNTERS {
            opened.clear();
        }
        opened.insert(model.digest, Arc::clone(&counter));
        info!(model = %model.digest, name = model.name, "tokens are counted");
        Ok(counter)
    }

    /// Copies the small files of a model out of the store. Done by every orchestrator anew, since the store is the
    /// truth; the copies are there because a tokenizer is opened from a file.
    async fn fetch(&self, model: Digest) -> anyhow::Result<PathBuf> {
        let folder = self.dir.join(model.to_string());
        tokio::fs::create_dir_all(&folder).await.with_context(|| format!("create `{}`", folder.display()))?;
        let names = self.store.list_names(&Key::model_prefix(model)).await?;
        for name in FILES.into_iter().filter(|&file| names.iter().any(|name| name == file)) {
            let bytes = self.store.get(&Key::model_file(model, name)).await?;
            // Written beside its place and moved there: another orchestrator may be reading it.
            let part = folder.join(format!("{name}.{}.part", std::process::id()));
            let write = async {
                tokio::fs::write(&part, &bytes).await?;
                tokio::fs::rename(&part, folder.join(name)).await
            };
            write.await.with_context(|| format!("write `{}`", part.display()))?;
        }
        Ok(folder)
    }
}

/// Counts tokens as the workers' tokenizer makes them.
pub struct TokenCounter {
    tokenizer: Tokenizer,
    reading: Reading,
    counts: Mutex<Counts>,
    stop: CancellationToken,
}

impl TokenCounter {
    /// Opens the tokenizer of the model in `model`, and the counts that were remembered of it in `counts_dir`.
    ///
    /// # Errors
    /// If a file is missing or cannot be used.
    pub fn open(model: &Path, counts_dir: &Path, stop: CancellationToken) -> anyhow::Result<Self> {
        let tokenizer_file = model.join(TOKENIZER_FILE);
        let tokenizer = Tokenizer::open(&tokenizer_file)?;
        let (config, card) = (Config::read(&model.join(CONFIG_FILE))?, Card::read(&model.join(CARD_FILE))?);
        let reading = Reading::new(config.l_max(), tokenizer.n_special(), card.padding)
            .context("the tokenizer's special tokens leave no room for a text")?;
        // The engine is part of it, since another version may split texts otherwise.
        let bytes = std::fs::read(&tokenizer_file).context("read the tokenizer")?;
        let maker = Digest::of(format!("{} {}", Pipeline::ENGINE, Digest::of(&bytes)).as_bytes());
        let counts = Counts::open(&counts_dir.join(format!("{maker}.counts")), maker);
        Ok(Self { tokenizer, reading, counts: Mutex::new(counts), stop })
    }

    /// Weighs files, in order. One that cannot be tokenised weighs what its bytes say: its worker will find that out
    /// too, and fail it.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn weigh(&self, files: &[Blob<'_>]) -> Result<Vec<Weight>, Stopped> {
        let oids: Vec<Option<Oid>> = files.iter().map(|file| Oid::from_str(file.oid).ok()).collect();
        let known: Vec<Option<u32>> = {
            let counts = self.counts.lock().expect("no holder of the lock panics");
            oids.iter().map(|oid| oid.and_then(|oid| counts.get(oid))).collect()
        };
        let count = |(file, known): (&Blob<'_>, &Option<u32>)| match known {
            Some(n_tokens) => Ok(Some(*n_tokens)),
            // Estimates instead would be stored as the plan.
            None if self.stop.is_cancelled() => Err(Stopped),
            None => Ok(self.count(file.bytes)),
        };
        let counted: Vec<Option<u32>> = files.par_iter().zip(&known).map(count).collect::<Result<_, _>>()?;
        self.remember(&oids, &known, &counted);
        let weigh = |(file, n_tokens): (&Blob<'_>, Option<u32>)| match n_tokens {
            Some(n_tokens) => Weight::counted(n_tokens.into(), &self.reading),
            None => Weight::estimated(file.bytes.len() as u64),
        };
        Ok(files.iter().zip(counted).map(weigh).collect())
    }

    /// The tokens of a file, as the worker's `infer` has them; nothing if it cannot be tokenised.
    fn count(&self, bytes: &[u8]) -> Option<u32> {
        let text = String::from_utf8_lossy(bytes);
        if text.is_empty() {
            return Some(0);
        }
        let count = || self.tokenizer.count(&text).ok();
        let n_tokens = catch_unwind(AssertUnwindSafe(count)).ok().flatten()?;
        u32::try_from(n_tokens).ok()
    }

    fn remember(&self, oids: &[Option<Oid>], known: &[Option<u32>], counted: &[Option<u32>]) {
        let mut new = BTreeMap::new();
        for ((oid, known), n_tokens) in oids.iter().zip(known).zip(counted) {
            if let (Some(oid), None, Some(n_tokens)) = (oid, known, n_tokens) {
                new.insert(*oid, *n_tokens);
            }
        }
        self.counts.lock().expect("no holder of the lock panics").add(&new);
    }
}
