//! Tokenises files and runs them through the model: longest first, packed by padded cost
//! (`pack`). The files of a batch are the window in which they are sorted.

mod pack;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use model_dir::{EncodeError, ModelDir, Padding};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use schemas::result::{ChunkRef, FileResult, FileRow, FileTokens};
use schemas::reuse::chunk_digest;
use schemas::sources::SourceFile;
use schemas::{Digest, ModelRef};
use tokio::sync::oneshot;

use crate::error::StageError;
use crate::fetch::Recipe;
use crate::model::{Model, Models, Vectors};

/// Tokens of one forward pass, padding included. Enough to fill the matrix products of a small model, little enough
/// to stay in cache and memory with a large one.
const MAX_PADDED_TOKENS: usize = 16_384;

/// What the model said of the files of a batch.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// Vectors that are new, by window: the same tokens twice in a batch are encoded once.
    pub(crate) chunks: BTreeMap<Digest, Vectors>,
    /// Real tokens that were computed; where windows overlap, in each of them.
    pub(crate) n_tokens: u64,
    /// The same with padding.
    pub(crate) n_padded_tokens: u64,
    /// For each file that was read: its tokens, and its windows.
    files: Vec<Option<(u64, Vec<Digest>)>>,
    /// Windows whose vectors are in an earlier pack.
    known: BTreeMap<Digest, Digest>,
}

/// A file in tokens.
struct Tokenised {
    n_tokens: u64,
    windows: Vec<Window>,
}

/// One window of a file.
struct Window {
    chunk: Digest,
    tokens: Vec<u32>,
}

/// Runs every file that has not failed through the recipe's model, but for windows that have vectors in an earlier
/// pack (`known`). A file that cannot be tokenised, or that the model cannot read, fails alone. Without a model, does
/// nothing.
pub(crate) async fn files(
    models: &Models,
    recipe: &Recipe,
    files: &Arc<[SourceFile]>,
    known: Vec<ChunkRef>,
    rows: &mut [FileRow],
) -> Result<Encoded, StageError> {
    let Some(wanted) = &recipe.model else { return Ok(Encoded::default()) };
    let model = models.get(wanted).await?;
    let mut tokenised = tokenise(Arc::clone(&model), wanted.clone(), Arc::clone(files)).await;
    for (row, file) in rows.iter_mut().zip(&mut tokenised) {
        match (&row.result, &*file) {
            (FileResult::Failed { .. }, _) => *file = Err(String::new()),
            (_, Err(reason)) => row.result = FileResult::Failed { reason: reason.clone() },
            _ => {}
        }
    }
    let known: BTreeMap<Digest, Digest> = known.into_iter().map(|known| (known.chunk, known.pack)).collect();
    let windows = tokenised.iter().flatten().flat_map(|file| &file.windows);
    let new: BTreeMap<Digest, &[u32]> = windows
        .filter(|window| !known.contains_key(&window.chunk))
        .map(|window| (window.chunk, window.tokens.as_slice()))
        .collect();
    let (mut encoded, unread) = match encode(&model, &new).await {
        Err(error @ EncodeError::Device(_)) => {
            models.discard(&model).await;
            return Err(error.into());
        }
        outcome => outcome?,
    };
    encoded.known = known;
    for (row, file) in rows.iter_mut().zip(&tokenised) {
        let read = file.as_ref().ok().and_then(|file| {
            let reason = file.windows.iter().find_map(|window| unread.get(&window.chunk));
            match reason {
                Some(reason) => {
                    row.result = FileResult::Failed { reason: reason.clone() };
                    None
                }
                None => Some((file.n_tokens, file.windows.iter().map(|window| window.chunk).collect())),
            }
        });
        encoded.files.push(read);
    }
    // Other windows of a file that failed are nobody's.
    let used: BTreeSet<Digest> =
        encoded.files.iter().flatten().flat_map(|(_, windows)| windows).copied().collect();
    encoded.chunks.retain(|chunk, _| used.contains(chunk));
    Ok(encoded)
}

impl Encoded {
    /// Writes into the rows what was read of each file and where its vectors are: those that are new in `pack`.
    pub(crate) fn note(&self, rows: &mut [FileRow], pack: Option<Digest>) {
        for (row, file) in rows.iter_mut().zip(&self.files) {
            let Some((n_tokens, windows)) = file else { continue };
            let place = |&chunk: &Digest| {
                let pack = self.known.get(&chunk).copied().or(pack);
                pack.map(|pack| ChunkRef { chunk, pack })
            };
            let windows = windows.iter().filter_map(place).collect();
            let tokens = Some(FileTokens { n_tokens: *n_tokens, windows });
            match &mut row.result {
                FileResult::Scanned(scanned) => scanned.tokens = tokens,
                FileResult::Part(part) => part.tokens = tokens,
                FileResult::Failed { .. } => {}
            }
        }
    }
}

/// Tokenises on the threads for parsing.
async fn tokenise(
    model: Arc<Model>,
    wanted: ModelRef,
    files: Arc<[SourceFile]>,
) -> Vec<Result<Tokenised, String>> {
    let (reply, answer) = oneshot::channel();
    rayon::spawn(move || {
        if !reply.is_closed() {
            reply.send(files.par_iter().map(|file| tokenise_one(&model.dir, &wanted, file)).collect()).ok();
        }
    });
    answer.await.expect("one file's panic is caught")
}

/// What is not UTF-8 is replaced: the model reads characters.
fn tokenise_one(dir: &ModelDir, model: &ModelRef, file: &SourceFile) -> Result<Tokenised, String> {
    let text = String::from_utf8_lossy(&file.bytes);
    let tokenised = catch_unwind(AssertUnwindSafe(|| {
        let windows = if text.is_empty() { Vec::new() } else { dir.rows(&text)? };
        let n_tokens = match windows.as_slice() {
            [] => 0,
            [whole] => whole.len(),
            // Windows overlap: counted anew, which is rare.
            _ => dir.tokenizer().count(&text)?,
        };
        let window = |tokens: Vec<u32>| Window { chunk: chunk_digest(model, &tokens), tokens };
        Ok(Tokenised { n_tokens: n_tokens as u64, windows: windows.into_iter().map(window).collect() })
    }));
    let panicked = |_| Err("the tokenizer panicked on this file".to_owned());
    tokenised.map_or_else(panicked, |outcome| outcome.map_err(|error: model_dir::Error| error.to_string()))
}

/// Runs windows through the model. One that the model cannot read has no vectors but a reason.
async fn encode(
    model: &Model,
    windows: &BTreeMap<Digest, &[u32]>,
) -> Result<(Encoded, BTreeMap<Digest, String>), EncodeError> {
    let rows: Vec<(Digest, &[u32])> = windows.iter().map(|(chunk, tokens)| (*chunk, *tokens)).collect();
    let lengths: Vec<usize> = rows.iter().map(|(_, tokens)| padded_alone(&model.dir, tokens.len())).collect();
    let (mut encoded, mut unread) = (Encoded::default(), BTreeMap::new());
    for group in pack::pack(&lengths, MAX_PADDED_TOKENS) {
        let answer = model.encode(group.iter().map(|&row| rows[row].1.to_vec()).collect()).await?;
        encoded.n_padded_tokens += answer.n_computed as u64;
        for (&row, outcome) in group.iter().zip(answer.rows) {
            let (chunk, tokens) = rows[row];
            match outcome {
                Ok(vectors) => {
                    encoded.n_tokens += tokens.len() as u64;
                    encoded.chunks.insert(chunk, vectors);
                }
                Err(reason) => {
                    unread.insert(chunk, reason);
                }
            }
        }
    }
    Ok((encoded, unread))
}

/// The length of a row with the padding that the model wants whatever is beside it.
fn padded_alone(dir: &ModelDir, n_tokens: usize) -> usize {
    match dir.padding() {
        Padding::None => n_tokens,
        Padding::MaxLength => dir.config().l_max(),
    }
}

#[cfg(test)]
mod tests;
