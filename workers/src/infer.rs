//! Tokenises files and runs them through the model: longest first, packed by padded cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use model_dir::{EncodeError, ModelDir, TokenBatch};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use schemas::result::{FileResult, FileTokens};
use schemas::sources::SourceFile;
use tokio::sync::oneshot;

use crate::error::StageError;
use crate::fetch::Recipe;
use crate::model::Models;

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
    pub(crate) n_tokens: u64,
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
/// tokenised fails alone. Without a model, does nothing.
pub(crate) async fn files(
    models: &Models,
    recipe: &Recipe,
    files: &Arc<[SourceFile]>,
    results: &mut [FileResult],
) -> Result<Encoded, StageError> {
    let Some(wanted) = &recipe.model else { return Ok(Encoded::default()) };
    let model = models.get(wanted).await?;
    let tokenised = tokenise(Arc::clone(&model), Arc::clone(files)).await;
    let mut unique: BTreeMap<&str, &[Vec<u32>]> = BTreeMap::new();
    for (result, tokenised) in results.iter_mut().zip(&tokenised) {
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
    match encode(&model, &unique).await {
        Err(error @ EncodeError::Device(_)) => {
            models.discard(&model).await;
            Err(error.into())
        }
        outcome => Ok(outcome?),
    }
}

/// Tokenises on the threads for parsing.
async fn tokenise(
    model: Arc<crate::model::Model>,
    files: Arc<[SourceFile]>,
) -> Vec<Result<Tokenised, String>> {
    let (reply, answer) = oneshot::channel();
    rayon::spawn(move || {
        if !reply.is_closed() {
            reply.send(files.par_iter().map(|file| tokenise_one(&model.dir, file)).collect()).ok();
        }
    });
    answer.await.expect("tokenising does not panic")
}

/// What is not UTF-8 is replaced: the model reads characters.
fn tokenise_one(dir: &ModelDir, file: &SourceFile) -> Result<Tokenised, String> {
    let text = String::from_utf8_lossy(&file.bytes);
    let windows =
        if text.is_empty() { Vec::new() } else { dir.rows(&text).map_err(|error| error.to_string())? };
    let n_tokens = match windows.as_slice() {
        [] => 0,
        [whole] => whole.len(),
        // Windows overlap: counted anew, which is rare.
        _ => dir.tokenizer().count(&text).map_err(|error| error.to_string())?,
    };
    Ok(Tokenised { oid: file.oid.clone(), n_tokens: n_tokens as u64, windows })
}

/// Runs the windows of all files through the model and sorts the vectors back to their files.
async fn encode(
    model: &crate::model::Model,
    files: &BTreeMap<&str, &[Vec<u32>]>,
) -> Result<Encoded, EncodeError> {
    let rows: Vec<(&str, &Vec<u32>)> =
        files.iter().flat_map(|(oid, windows)| windows.iter().map(|window| (*oid, window))).collect();
    let lengths: Vec<usize> = rows.iter().map(|(_, window)| window.len()).collect();
    let mut encoded = Encoded::default();
    let mut vectors: Vec<(Vec<f32>, Vec<f32>)> = vec![Default::default(); rows.len()];
    for group in pack_by_cost(&lengths, MAX_PADDED_TOKENS) {
        let batch = TokenBatch::new(group.iter().map(|&row| rows[row].1.clone()).collect());
        encoded.n_tokens += batch.n_tokens() as u64;
        let answer = model.encode(batch).await?;
        encoded.n_padded_tokens += answer.n_computed as u64;
        encoded.hidden_size = answer.hidden_size;
        for (at, &row) in group.iter().enumerate() {
            vectors[row] = (answer.sentence_of(at).to_vec(), answer.mean_of(at).to_vec());
        }
    }
    for ((oid, _), (sentence, mean)) in rows.iter().zip(vectors) {
        let file = encoded.files.entry((*oid).to_owned()).or_default();
        file.sentence.extend(sentence);
        file.mean.extend(mean);
    }
    Ok(encoded)
}

/// Groups rows, longest first, so that each group holds at most `max_padded` tokens with its rows padded to its
/// longest, and no row is padded by more than a third of its length. A row that is longer than that is a group of
/// its own.
fn pack_by_cost(lengths: &[usize], max_padded: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| (std::cmp::Reverse(lengths[row]), row));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match groups.last_mut() {
            Some(group)
                if (group.len() + 1) * lengths[group[0]] <= max_padded
                    && 4 * lengths[row] >= 3 * lengths[group[0]] =>
            {
                group.push(row);
            }
            _ => groups.push(vec![row]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_is_in_one_group_and_groups_keep_to_the_cost(
            lengths in prop::collection::vec(1_usize..500, 0..60),
            max_padded in 1_usize..2000,
        ) {
            let groups = pack_by_cost(&lengths, max_padded);
            let mut rows: Vec<usize> = groups.concat();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
            for group in groups {
                let longest = group.iter().map(|&row| lengths[row]).max().unwrap();
                prop_assert!(group.len() == 1 || group.len() * longest <= max_padded);
                prop_assert!(group.iter().all(|&row| 4 * lengths[row] >= 3 * longest));
            }
        }
    }
}
