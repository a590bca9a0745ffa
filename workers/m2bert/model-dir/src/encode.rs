//! The seam between the worker and the model: tokens in, vectors out, and no libtorch in sight.
//!
//! The worker's model thread owns a `Box<dyn Encode>`. In production it is `m2bert::Encoder`, in
//! tests of the loop it is a fake.

use serde::{Deserialize, Serialize};

/// Why a batch could not be encoded, by what the caller should do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum EncodeError {
    /// The batch breaks the rules of [`TokenBatch`] for this model. The same batch never succeeds.
    #[error("row {row} of the token batch: {reason}")]
    BadBatch {
        /// Index of the offending row.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The model has no part that makes a wanted output. No batch that wants it succeeds.
    #[error("the model cannot make {0}")]
    Unable(String),
    /// The device has too little memory for a batch of this shape. A smaller batch may fit.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// The device or the library failed. This process cannot do model work any more.
    #[error("the device failed: {0}")]
    Device(String),
}

/// What a batch wants of the model; what is not asked for is not computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// The sentence embedding of each row.
    pub sentence: bool,
    /// The mean of each row's last hidden states.
    pub mean: bool,
    /// The last hidden state of each token.
    pub hidden: bool,
    /// Masked-LM logits, at these positions only.
    pub logits_at: Vec<Position>,
    /// The pseudo-log-likelihood of each token.
    pub log_likelihoods: bool,
}

impl Outputs {
    /// Nothing.
    pub const NONE: Self =
        Self { sentence: false, mean: false, hidden: false, logits_at: Vec::new(), log_likelihoods: false };
    /// What the pipeline stores of a file: its sentence embedding and its mean.
    pub const VECTORS: Self =
        Self { sentence: true, mean: true, hidden: false, logits_at: Vec::new(), log_likelihoods: false };
}

/// A token of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Index of the row.
    pub row: usize,
    /// Index of the token in its row.
    pub token: usize,
}

/// Token ids of one or more texts, one row each, not padded, and what is wanted of them.
///
/// Rows keep their order and may differ in length; a model pads them as its card says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBatch {
    rows: Vec<Vec<u32>>,
    outputs: Outputs,
}

impl TokenBatch {
    /// Makes a batch of these rows that wants [`Outputs::VECTORS`]. Whether each row fits a model is for the model
    /// to say.
    pub fn new(rows: Vec<Vec<u32>>) -> Self {
        Self { rows, outputs: Outputs::VECTORS }
    }

    /// The same rows with other wishes.
    #[must_use]
    pub fn wanting(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[Vec<u32>] {
        &self.rows
    }

    /// What is wanted.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Number of rows, B.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of tokens in all rows together, without padding.
    pub fn n_tokens(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Length of the longest row, T; 0 for a batch without rows.
    pub fn max_len(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// What a model says of a [`TokenBatch`]: the outputs that were asked for, empty where not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Encodings {
    /// Width of each vector, D.
    pub hidden_size: usize,
    /// Number of rows, B.
    pub n_rows: usize,
    /// Tokens that were computed, padding included.
    pub n_computed: usize,
    /// Sentence embeddings, not normalised, so compare by cosine: f32 `[B, D]`.
    pub sentence: Vec<f32>,
    /// Means over the real tokens of a row of its last hidden states: f32 `[B, D]`.
    pub mean: Vec<f32>,
    /// Last hidden states, row after row: f32 `[n_tokens, D]`.
    pub hidden: Vec<f32>,
    /// Logits at the positions asked for, in their order: f32 `[n_positions, V]`.
    pub logits: Vec<f32>,
    /// Natural logarithms of the probability of each token when it alone is masked, row after row: f32 `[n_tokens]`.
    pub log_likelihoods: Vec<f32>,
}

impl Encodings {
    /// The sentence embedding of a row: f32 `[D]`.
    ///
    /// # Panics
    /// If there is no such row, or no sentence embeddings were asked for.
    pub fn sentence_of(&self, row: usize) -> &[f32] {
        &self.sentence[row * self.hidden_size..(row + 1) * self.hidden_size]
    }

    /// The mean of a row: f32 `[D]`.
    ///
    /// # Panics
    /// If there is no such row, or no means were asked for.
    pub fn mean_of(&self, row: usize) -> &[f32] {
        &self.mean[row * self.hidden_size..(row + 1) * self.hidden_size]
    }

    /// Adds the rows of another answer behind these.
    pub fn append(&mut self, mut other: Self) {
        self.hidden_size = other.hidden_size;
        self.n_rows += other.n_rows;
        self.n_computed += other.n_computed;
        self.sentence.append(&mut other.sentence);
        self.mean.append(&mut other.mean);
        self.hidden.append(&mut other.hidden);
        self.logits.append(&mut other.logits);
        self.log_likelihoods.append(&mut other.log_likelihoods);
    }
}

/// A model that turns batches of tokens into vectors.
///
/// It may be moved to the thread that owns it and is used by that thread alone.
pub trait Encode: Send {
    /// Width of the vectors, D.
    fn hidden_size(&self) -> usize;

    /// The longest row that the model takes, in tokens.
    fn max_tokens(&self) -> usize;

    /// Encodes a batch; the answer has one row per row of `batch`, in the same order.
    ///
    /// # Errors
    /// [`EncodeError::BadBatch`] for a row that is empty, longer than [`max_tokens`](Self::max_tokens)
    /// or holds an unknown token id; [`EncodeError::OutOfMemory`] if a smaller batch may succeed;
    /// [`EncodeError::Device`] if nothing will.
    fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_real_tokens_only() {
        let batch = TokenBatch::new(vec![vec![1, 2, 3], vec![4]]);
        assert_eq!((batch.n_rows(), batch.n_tokens(), batch.max_len()), (2, 4, 3));
        assert_eq!(TokenBatch::new(Vec::new()).max_len(), 0);
    }

    #[test]
    fn encodings_are_read_by_row_and_joined() {
        let one = |value: f32| Encodings {
            hidden_size: 2,
            n_rows: 1,
            n_computed: 3,
            sentence: vec![value; 2],
            mean: vec![-value; 2],
            ..Encodings::default()
        };
        let mut all = one(1.0);
        all.append(one(2.0));
        assert_eq!((all.n_rows, all.n_computed), (2, 6));
        assert_eq!(all.sentence_of(1), [2.0, 2.0]);
        assert_eq!(all.mean_of(0), [-1.0, -1.0]);
    }
}
