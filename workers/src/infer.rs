//! Tokenises files and runs them through the model: longest first, packed by padded cost
//! (`pack`). The files of a batch are the window in which they are sorted.

mod pack;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use model_dir::{EncodeError, ModelDir, Padding};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use schemas::result::{FileResult, FileTokens};
use schemas::sources::SourceFile;
use tokio::sync::oneshot;

use crate::error::StageError;
use crate::fetch::Recipe;
use crate::model::{Model, Models};

/// Tokens of one forward pass, padding included. Enough to fill the matrix products of a small model, little enough
/// to stay in cache and memory with a large one.
const MAX_PADDED_TOKENS: usize = 16_384;

/// What the model said of the files of a batch.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// By blob: the same blob twice in a batch is encoded once.
    pub(crate) files: BTreeMap<String, FileVectors>,
    /// Width of the vectors, D.
    pub(crate) hidden_size: usize,
    /// Real tokens that were computed; where windows overlap, in each of them.
    pub(crate) n_tokens: u64,
    /// The same with padding.
    pub(crate) n_padded_tokens: u64,
}

/// The vectors of one file, one row for each of its windows.
#[derive(Debug, Default)]
pub(crate) struct FileVectors {
    /// f32 `[n_windows, D]`
    pub(crate) sentence: Vec<f32>,
    /// f32 `[n_windows, D]`
    pub(crate) mean: Vec<f32>,
}

/// A file in tokens.
struct Tokenised {
    oid: String,
    n_tokens: u64,
    windows: Vec<Vec<u32>>,
}

/// Runs every scanned file through the recipe's model and notes its tokens in the results. A file that cannot be
/// tokenised, or that the model cannot read, fails alone. Without a model, does nothing.
pub(crate) async fn files(
    models: &Models,
    recipe: &Recipe,
    files: &Arc<[SourceFile]>,
    results: &mut [FileResult],
) -> Result<Encoded, StageError> {
    let Some(wanted) = &recipe.model else { return Ok(Encoded::default()) };
    let model = models.get(wanted).await?;
    let tokenised = tokenise(Arc::clone(&model), Arc::clone(files)).await;
    let unique = note_tokens(results, &tokenised);
    let (encoded, unread) = match encode(&model, &unique).await {
        Err(error @ EncodeError::Device(_)) => {
            models.discard(&model).await;
            return Err(error.into());
        }
        outcome => outcome?,
    };
    for (result, file) in results.iter_mut().zip(files.iter()) {
        if let (FileResult::Scanned(_), Some(reason)) = (&*result, unread.get(&file.oid)) {
            *result = FileResult::Failed { reason: reason.clone() };
        }
    }
    Ok(encoded)
}

/// Writes into the results what the tokenizer made of each file. Returns the windows of the files that are still to
/// be read, by blob.
fn note_tokens<'a>(
    results: &mut [FileResult],
    tokenised: &'a [Result<Tokenised, String>],
) -> BTreeMap<&'a str, &'a [Vec<u32>]> {
    let mut unique: BTreeMap<&str, &[Vec<u32>]> = BTreeMap::new();
    for (result, tokenised) in results.iter_mut().zip(tokenised) {
        match (result, tokenised) {
            (FileResult::Scanned(scanned), Ok(file)) => {
                scanned.tokens = Some(FileTokens {
                    n_tokens: file.n_tokens,
                    n_windows: u32::try_from(file.windows.len()).unwrap_or(u32::MAX),
                    tensor_prefix: file.oid.clone(),
                });
                unique.insert(&file.oid, &file.windows);
            }
            (result @ FileResult::Scanned(_), Err(reason)) => {
                *result = FileResult::Failed { reason: reason.clone() }
            }
            (FileResult::Failed { .. }, _) => {}
        }
    }
    unique
}

/// Tokenises on the threads for parsing.
async fn tokenise(model: Arc<Model>, files: Arc<[SourceFile]>) -> Vec<Result<Tokenised, String>> {
    let (reply, answer) = oneshot::channel();
    rayon::spawn(move || {
        if !reply.is_closed() {
            reply.send(files.par_iter().map(|file| tokenise_one(&model.dir, file)).collect()).ok();
        }
    });
    answer.await.expect("one file's panic is caught")
}

/// What is not UTF-8 is replaced: the model reads characters.
fn tokenise_one(dir: &ModelDir, file: &SourceFile) -> Result<Tokenised, String> {
    let text = String::from_utf8_lossy(&file.bytes);
    let tokenised = catch_unwind(AssertUnwindSafe(|| {
        let windows = if text.is_empty() { Vec::new() } else { dir.rows(&text)? };
        let n_tokens = match windows.as_slice() {
            [] => 0,
            [whole] => whole.len(),
            // Windows overlap: counted anew, which is rare.
            _ => dir.tokenizer().count(&text)?,
        };
        Ok(Tokenised { oid: file.oid.clone(), n_tokens: n_tokens as u64, windows })
    }));
    let panicked = |_| Err("the tokenizer panicked on this file".to_owned());
    tokenised.map_or_else(panicked, |outcome| outcome.map_err(|error: model_dir::Error| error.to_string()))
}

/// Runs the windows of all files through the model and sorts the vectors back to their files. A file of which the
/// model cannot read a window has no vectors but a reason, by blob.
async fn encode(
    model: &Model,
    files: &BTreeMap<&str, &[Vec<u32>]>,
) -> Result<(Encoded, BTreeMap<String, String>), EncodeError> {
    let rows: Vec<(&str, &Vec<u32>)> =
        files.iter().flat_map(|(oid, windows)| windows.iter().map(|window| (*oid, window))).collect();
    let lengths: Vec<usize> = rows.iter().map(|(_, window)| padded_alone(&model.dir, window.len())).collect();
    let mut encoded = Encoded::default();
    let mut vectors = vec![Err(String::new()); rows.len()];
    for group in pack::pack(&lengths, MAX_PADDED_TOKENS) {
        let answer = model.encode(group.iter().map(|&row| rows[row].1.clone()).collect()).await?;
        encoded.n_padded_tokens += answer.n_computed as u64;
        encoded.hidden_size = encoded.hidden_size.max(answer.hidden_size);
        for (&row, outcome) in group.iter().zip(answer.rows) {
            encoded.n_tokens += if outcome.is_ok() { rows[row].1.len() as u64 } else { 0 };
            vectors[row] = outcome;
        }
    }
    let mut unread = BTreeMap::new();
    for ((oid, _), outcome) in rows.iter().zip(vectors) {
        match outcome {
            Ok(vectors) => {
                let file = encoded.files.entry((*oid).to_owned()).or_default();
                file.sentence.extend(vectors.sentence);
                file.mean.extend(vectors.mean);
            }
            Err(reason) => {
                unread.entry((*oid).to_owned()).or_insert(reason);
            }
        }
    }
    encoded.files.retain(|oid, _| !unread.contains_key(oid));
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
