//! The model: a process of its own (`m2bert serve`), spoken to by one named thread, fed through a bounded channel.
//!
//! A worker that runs rules alone is small and starts at once, since it links no tensor library; a model that runs
//! out of memory takes its own process along and costs this one an attempt.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use model_dir::remote::{RemoteEncoder, ServeOptions};
use model_dir::{Encode, EncodeError, Encodings, ModelDir, TokenBatch};
use schemas::job::ModelDtype;
use schemas::{Digest, ModelRef};
use tensor_store::{Key, Store};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::error::StageError;

/// Makes an encoder out of a model directory, on the thread that will own it.
pub type Loader = fn(&ModelDir, &ServeOptions) -> Result<Box<dyn Encode>, EncodeError>;

/// Runs the model in a process of its own: `m2bert`, beside this program.
fn start_process(dir: &ModelDir, options: &ServeOptions) -> Result<Box<dyn Encode>, EncodeError> {
    let program = std::env::current_exe().map_err(|error| EncodeError::Device(error.to_string()))?;
    let encoder = RemoteEncoder::start(&program.with_file_name("m2bert"), dir.path(), options)?;
    Ok(Box::new(encoder))
}

/// The models of this worker: fetched from the store once, one loaded at a time.
pub struct Models {
    store: Store,
    dir: PathBuf,
    options: ServeOptions,
    loader: Loader,
    loaded: tokio::sync::Mutex<Option<Arc<Model>>>,
    /// What the heartbeat says; not behind the lock that loading holds.
    digest: Mutex<Option<Digest>>,
}

/// A model that is loaded. Dropped by its last user, its thread ends.
pub struct Model {
    digest: Digest,
    dtype: ModelDtype,
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
    rows: Vec<Vec<u32>>,
    reply: oneshot::Sender<Result<Answer, EncodeError>>,
}

/// What the model said of some rows.
#[derive(Debug, Default)]
pub struct Answer {
    /// One per row, in order: its vectors, or why the model cannot read it, in the same words on every machine.
    pub rows: Vec<Result<Vectors, String>>,
    /// Width of the vectors, D; 0 if there are none.
    pub hidden_size: usize,
    /// Tokens that were computed, padding included.
    pub n_computed: usize,
}

/// The vectors of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// f32 `[D]`
    pub sentence: Vec<f32>,
    /// f32 `[D]`
    pub mean: Vec<f32>,
}

/// One batch ahead: the model never waits for the next one, and a second would only hold memory.
const PREFETCH: usize = 1;

impl Models {
    /// Models kept under `dir`, run as `options` say.
    #[must_use]
    pub fn new(store: Store, dir: PathBuf, options: ServeOptions) -> Self {
        Self::with_loader(store, dir, options, start_process)
    }

    /// As [`Models::new`], with another encoder: for tests of the loop.
    #[must_use]
    pub fn with_loader(store: Store, dir: PathBuf, options: ServeOptions, loader: Loader) -> Self {
        Self { store, dir, options, loader, loaded: tokio::sync::Mutex::default(), digest: Mutex::default() }
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
            && (model.digest, model.dtype) == (wanted.digest, wanted.dtype)
        {
            return Ok(Arc::clone(model));
        }
        // The old one goes first: two models may not fit.
        *loaded = None;
        let folder = self.fetch(wanted.digest).await?;
        let (loader, digest) = (self.loader, wanted.digest);
        let options = ServeOptions { dtype: Some(wanted.dtype.name().to_owned()), ..self.options.clone() };
        let bad = move |reason: String| StageError::Model { digest: digest.to_string(), reason };
        let dir = tokio::task::spawn_blocking(move || ModelDir::open(&folder))
            .await
            .map_err(|_| StageError::Cancelled)?
            .map_err(|error| bad(error.to_string()))?;
        if dir.digest() != wanted.digest.to_string() {
            return Err(bad(format!("its files have the digest {}", dir.digest())));
        }
        let model = Arc::new(Model::start(wanted, dir, loader, options).await?);
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
        wanted: &ModelRef,
        dir: ModelDir,
        loader: Loader,
        options: ServeOptions,
    ) -> Result<Self, EncodeError> {
        let (commands, queue) = mpsc::channel(PREFETCH);
        let (ready, is_ready) = oneshot::channel();
        let run = move || match loader(&dir, &options) {
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
        Ok(Self {
            digest: wanted.digest,
            dtype: wanted.dtype,
            dir,
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// Runs rows of tokens on the model thread. A row that the model cannot read fails alone.
    ///
    /// # Errors
    /// [`EncodeError::Device`].
    pub async fn encode(&self, rows: Vec<Vec<u32>>) -> Result<Answer, EncodeError> {
        let gone = || EncodeError::Device("the model thread is gone".into());
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().expect("open until dropped");
        commands.send(Forward { rows, reply }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Runs on the thread `m2bert`. Ends when the model is dropped.
fn model_thread(mut model: Box<dyn Encode>, mut queue: mpsc::Receiver<Forward>) {
    while let Some(Forward { rows, reply }) = queue.blocking_recv() {
        // Whoever asked was told to stop.
        if reply.is_closed() {
            continue;
        }
        let answer = encode_apart(model.as_mut(), &rows);
        reply.send(answer).ok();
    }
}

/// Encodes rows together; out of memory, in halves; without a row that the model refuses. In the end, a row that
/// does not fit alone has failed and every other row has its vectors.
fn encode_apart(model: &mut dyn Encode, rows: &[Vec<u32>]) -> Result<Answer, EncodeError> {
    let mut answer = Answer { rows: vec![Err(String::new()); rows.len()], ..Answer::default() };
    // Ranges of rows that are to be encoded together, the next one last.
    let mut todo = vec![Range { start: 0, end: rows.len() }];
    while let Some(Range { start, end }) = todo.pop() {
        match model.encode(&TokenBatch::new(rows[start..end].to_vec())) {
            Ok(encodings) => answer.take(start, &encodings),
            Err(EncodeError::OutOfMemory(reason)) if end - start > 1 => {
                warn!(n_rows = end - start, reason, "out of memory, trying halves");
                let middle = start + (end - start) / 2;
                todo.extend([middle..end, start..middle]);
            }
            Err(EncodeError::OutOfMemory(reason)) => {
                let n_tokens = rows[start].len();
                warn!(n_tokens, reason, "out of memory for a single row");
                answer.rows[start] =
                    Err(format!("out of memory: the model cannot read {n_tokens} tokens at once"));
            }
            Err(EncodeError::BadBatch { row, reason }) if row < end - start => {
                let bad = start + row;
                answer.rows[bad] = Err(format!("the model cannot read it: {reason}"));
                todo.extend([bad + 1..end, start..bad].into_iter().filter(|rest| !rest.is_empty()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

impl Answer {
    /// Puts the vectors of consecutive rows, from row `start` on, in their place.
    fn take(&mut self, start: usize, encodings: &Encodings) {
        self.hidden_size = encodings.hidden_size;
        self.n_computed += encodings.n_computed;
        for row in 0..encodings.n_rows {
            let vectors = Vectors {
                sentence: encodings.sentence_of(row).to_vec(),
                mean: encodings.mean_of(row).to_vec(),
            };
            self.rows[start + row] = Ok(vectors);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Says of each row its first token; has memory for so many tokens and knows no token 0.
    struct Small {
        max_computed: usize,
    }

    impl Encode for Small {
        fn hidden_size(&self) -> usize {
            1
        }

        fn max_tokens(&self) -> usize {
            8
        }

        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
            if let Some(row) = batch.rows().iter().position(|row| row[0] == 0) {
                return Err(EncodeError::BadBatch { row, reason: "token 0".into() });
            }
            let n_computed = batch.n_rows() * batch.max_len();
            if n_computed > self.max_computed {
                return Err(EncodeError::OutOfMemory("0x7f00 bytes of device 3".into()));
            }
            let sentence: Vec<f32> = batch.rows().iter().map(|row| row[0] as f32).collect();
            let mean = sentence.iter().map(|value| -value).collect();
            let n_rows = batch.n_rows();
            Ok(Encodings { hidden_size: 1, n_rows, n_computed, sentence, mean, ..Encodings::default() })
        }
    }

    fn firsts(answer: &Answer) -> Vec<Option<f32>> {
        answer.rows.iter().map(|row| row.as_ref().ok().map(|vectors| vectors.sentence[0])).collect()
    }

    #[test]
    fn out_of_memory_halves_the_rows_and_keeps_the_order() {
        let rows: Vec<Vec<u32>> = (1..8).map(|n| vec![n, 9]).collect();
        let answer = encode_apart(&mut Small { max_computed: 4 }, &rows).unwrap();
        assert_eq!(firsts(&answer), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].map(Some));
        assert_eq!((answer.hidden_size, answer.n_computed), (1, 14));
    }

    #[test]
    fn a_row_that_does_not_fit_or_is_refused_fails_alone_in_words_of_ours() {
        let rows = [vec![1], vec![2; 7], vec![0], vec![4, 4], vec![0, 0]];
        let answer = encode_apart(&mut Small { max_computed: 4 }, &rows).unwrap();
        assert_eq!(firsts(&answer), [Some(1.0), None, None, Some(4.0), None]);
        let reason = answer.rows[1].as_ref().unwrap_err();
        assert_eq!(reason, "out of memory: the model cannot read 7 tokens at once");
        assert_eq!(answer.rows[2].as_ref().unwrap_err(), "the model cannot read it: token 0");
    }

    #[test]
    fn a_device_that_fails_fails_all_rows() {
        struct Broken;
        impl Encode for Broken {
            fn hidden_size(&self) -> usize {
                1
            }

            fn max_tokens(&self) -> usize {
                8
            }

            fn encode(&mut self, _: &TokenBatch) -> Result<Encodings, EncodeError> {
                Err(EncodeError::Device("lost".into()))
            }
        }
        assert!(matches!(encode_apart(&mut Broken, &[vec![1]]), Err(EncodeError::Device(_))));
    }

    proptest! {
        #[test]
        fn every_row_that_fits_alone_is_read_whatever_is_beside_it(
            rows in prop::collection::vec((0_u32..9, 1_usize..12), 0..20),
            max_computed in 1_usize..40,
        ) {
            let rows: Vec<Vec<u32>> = rows.into_iter().map(|(token, len)| vec![token; len]).collect();
            let answer = encode_apart(&mut Small { max_computed }, &rows).unwrap();
            prop_assert_eq!(answer.rows.len(), rows.len());
            for (row, found) in rows.iter().zip(firsts(&answer)) {
                let fits = row[0] != 0 && row.len() <= max_computed;
                prop_assert_eq!(found, fits.then_some(row[0] as f32));
            }
        }
    }
}
