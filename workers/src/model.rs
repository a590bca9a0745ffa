//! The model: a process of its own (`m2bert serve`), spoken to by one named thread, fed through a bounded channel.
//!
//! A worker that runs rules alone is small and starts at once, since it links no tensor library; a model that runs
//! out of memory takes its own process along and costs this one an attempt.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use model_dir::remote::RemoteEncoder;
use model_dir::{Encode, EncodeError, Encodings, ModelDir, TokenBatch};
use schemas::{Digest, ModelRef};
use tensor_store::{Key, Store};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::error::StageError;

/// Makes an encoder out of a model directory, on the thread that will own it.
pub type Loader = fn(&ModelDir, usize) -> Result<Box<dyn Encode>, EncodeError>;

/// Runs the model in a process of its own: `m2bert`, beside this program.
fn start_process(dir: &ModelDir, n_threads: usize) -> Result<Box<dyn Encode>, EncodeError> {
    let program = std::env::current_exe().map_err(|error| EncodeError::Device(error.to_string()))?;
    let encoder = RemoteEncoder::start(&program.with_file_name("m2bert"), dir.path(), n_threads)?;
    Ok(Box::new(encoder))
}

/// The models of this worker: fetched from the store once, one loaded at a time.
pub struct Models {
    store: Store,
    dir: PathBuf,
    n_threads: usize,
    loader: Loader,
    loaded: tokio::sync::Mutex<Option<Arc<Model>>>,
    /// What the heartbeat says; not behind the lock that loading holds.
    digest: Mutex<Option<Digest>>,
}

/// A model that is loaded. Dropped by its last user, its thread ends.
pub struct Model {
    digest: Digest,
    /// Tokenizer and configuration.
    pub dir: ModelDir,
    /// Closed first when the model is dropped: the thread ends with it.
    commands: Option<mpsc::Sender<Forward>>,
    thread: Option<JoinHandle<()>>,
}

/// Waits for the thread and its process: nothing of a model outlives it.
impl Drop for Model {
    fn drop(&mut self) {
        self.commands.take();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!(model = %self.digest, "the model thread panicked");
        }
    }
}

struct Forward {
    batch: TokenBatch,
    reply: oneshot::Sender<Result<Encodings, EncodeError>>,
}

/// One batch ahead: the model never waits for the next one, and a second would only hold memory.
const PREFETCH: usize = 1;

impl Models {
    /// Models kept under `dir`, run on `n_threads` threads.
    #[must_use]
    pub fn new(store: Store, dir: PathBuf, n_threads: usize) -> Self {
        Self::with_loader(store, dir, n_threads, start_process)
    }

    /// As [`Models::new`], with another encoder: for tests of the loop.
    #[must_use]
    pub fn with_loader(store: Store, dir: PathBuf, n_threads: usize, loader: Loader) -> Self {
        Self {
            store,
            dir,
            n_threads,
            loader,
            loaded: tokio::sync::Mutex::default(),
            digest: Mutex::default(),
        }
    }

    /// The digest of the model that is loaded, if any.
    #[must_use]
    pub fn loaded(&self) -> Option<Digest> {
        *self.digest.lock().expect("no holder of the lock panics")
    }

    /// The model, loaded.
    ///
    /// # Errors
    /// [`StageError::Store`] if it cannot be fetched, [`StageError::Model`] if it cannot be used.
    pub async fn get(&self, wanted: &ModelRef) -> Result<Arc<Model>, StageError> {
        let mut loaded = self.loaded.lock().await;
        if let Some(model) = &*loaded
            && model.digest == wanted.digest
        {
            return Ok(Arc::clone(model));
        }
        // The old one goes first: two models may not fit.
        *loaded = None;
        let folder = self.fetch(wanted.digest).await?;
        let (loader, n_threads, digest) = (self.loader, self.n_threads, wanted.digest);
        let bad = move |reason: String| StageError::Model { digest: digest.to_string(), reason };
        let dir = tokio::task::spawn_blocking(move || ModelDir::open(&folder))
            .await
            .map_err(|_| StageError::Cancelled)?
            .map_err(|error| bad(error.to_string()))?;
        if dir.digest() != wanted.digest.to_string() {
            return Err(bad(format!("its files have the digest {}", dir.digest())));
        }
        let model = Arc::new(Model::start(digest, dir, loader, n_threads).await?);
        info!(model = %digest, name = wanted.name, "model loaded");
        *self.digest.lock().expect("no holder of the lock panics") = Some(digest);
        *loaded = Some(Arc::clone(&model));
        Ok(model)
    }

    /// Ends a model whose process failed; the next batch that wants it starts it anew.
    pub async fn discard(&self, failed: &Arc<Model>) {
        let mut loaded = self.loaded.lock().await;
        if loaded.as_ref().is_some_and(|model| Arc::ptr_eq(model, failed)) {
            *loaded = None;
            *self.digest.lock().expect("no holder of the lock panics") = None;
        }
    }

    /// Copies the files of a model out of the store, once. Another worker of the machine may do so at the same time:
    /// each fills a folder of its own and renames it.
    async fn fetch(&self, digest: Digest) -> Result<PathBuf, StageError> {
        let folder = self.dir.join(digest.to_string());
        if folder.is_dir() {
            return Ok(folder);
        }
        let store_error = |source| StageError::Store { what: "fetch the model", source };
        let io_error = |error: std::io::Error| StageError::Model {
            digest: digest.to_string(),
            reason: format!("cannot be kept in `{}`: {error}", self.dir.display()),
        };
        let part = self.dir.join(format!("{digest}.{}.part", std::process::id()));
        tokio::fs::create_dir_all(&part).await.map_err(io_error)?;
        for file in self.store.list_names(&Key::model_prefix(digest)).await.map_err(store_error)? {
            let bytes = self.store.get(&Key::model_file(digest, &file)).await.map_err(store_error)?;
            tokio::fs::write(part.join(&file), &bytes).await.map_err(io_error)?;
        }
        if let Err(error) = tokio::fs::rename(&part, &folder).await {
            tokio::fs::remove_dir_all(&part).await.map_err(io_error)?;
            if !folder.is_dir() {
                return Err(io_error(error));
            }
        }
        Ok(folder)
    }
}

impl Model {
    async fn start(
        digest: Digest,
        dir: ModelDir,
        loader: Loader,
        n_threads: usize,
    ) -> Result<Self, EncodeError> {
        let (commands, queue) = mpsc::channel(PREFETCH);
        let (ready, is_ready) = oneshot::channel();
        let run = move || match loader(&dir, n_threads) {
            Ok(encoder) => {
                if ready.send(Ok(dir)).is_ok() {
                    model_thread(encoder, queue);
                }
            }
            Err(error) => {
                ready.send(Err(error)).ok();
            }
        };
        let no_thread = |error: std::io::Error| EncodeError::Device(error.to_string());
        let thread = std::thread::Builder::new().name("m2bert".into()).spawn(run).map_err(no_thread)?;
        let panicked = |_| Err(EncodeError::Device("loading it panicked".to_owned()));
        let dir = is_ready.await.unwrap_or_else(panicked)?;
        Ok(Self { digest, dir, commands: Some(commands), thread: Some(thread) })
    }

    /// Runs one batch of tokens on the model thread.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub async fn encode(&self, batch: TokenBatch) -> Result<Encodings, EncodeError> {
        let gone = || EncodeError::Device("the model thread is gone".into());
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().expect("open until dropped");
        commands.send(Forward { batch, reply }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Runs on the thread `m2bert`. Ends when the model is dropped.
fn model_thread(mut model: Box<dyn Encode>, mut queue: mpsc::Receiver<Forward>) {
    while let Some(Forward { batch, reply }) = queue.blocking_recv() {
        // Whoever asked was told to stop.
        if reply.is_closed() {
            continue;
        }
        let answer = encode_halving(model.as_mut(), &batch);
        reply.send(answer).ok();
    }
}

/// Encodes a batch; out of memory, in halves.
fn encode_halving(model: &mut dyn Encode, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
    match model.encode(batch) {
        Err(EncodeError::OutOfMemory(reason)) if batch.n_rows() > 1 => {
            warn!(n_rows = batch.n_rows(), reason, "out of memory, trying halves");
            let (left, right) = batch.rows().split_at(batch.n_rows() / 2);
            let half = |rows: &[Vec<u32>]| TokenBatch::new(rows.to_vec());
            let mut joined = encode_halving(model, &half(left))?;
            joined.append(encode_halving(model, &half(right))?);
            Ok(joined)
        }
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says of each row its first token; takes no more than two rows at once.
    struct Small;

    impl Encode for Small {
        fn hidden_size(&self) -> usize {
            1
        }

        fn max_tokens(&self) -> usize {
            8
        }

        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
            if batch.n_rows() > 2 {
                return Err(EncodeError::OutOfMemory("two rows fit".into()));
            }
            let first: Vec<f32> = batch.rows().iter().map(|row| row[0] as f32).collect();
            Ok(Encodings { hidden_size: 1, n_rows: first.len(), sentence: first, ..Encodings::default() })
        }
    }

    #[test]
    fn out_of_memory_halves_the_batch_and_keeps_the_order() {
        let batch = TokenBatch::new((0..7).map(|n| vec![n, 9]).collect());
        let encodings = encode_halving(&mut Small, &batch).unwrap();
        let order: Vec<f32> = (0..7).map(|row| encodings.sentence_of(row)[0]).collect();
        assert_eq!(order, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
