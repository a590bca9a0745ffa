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
    /// The device has too little memory for a batch of this shape. A smaller batch may fit.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// The device or the library failed. This process cannot do model work any more.
    #[error("the device failed: {0}")]
    Device(String),
}

/// Token ids of one or more texts, one row each, not padded.
///
/// Rows keep their order and may differ in length; a model pads them as its card says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBatch {
    rows: Vec<Vec<u32>>,
}

impl TokenBatch {
    /// Makes a batch of these rows. Whether each row fits a model is for the model to say.
    pub fn new(rows: Vec<Vec<u32>>) -> Self {
        Self { rows }
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[Vec<u32>] {
        &self.rows
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

/// What a model says about each row of a [`TokenBatch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encodings {
    hidden_size: usize,
    sentence: Vec<f32>,
    mean: Vec<f32>,
}

impl Encodings {
    /// Puts together the vectors of a batch.
    ///
    /// # Shapes
    /// `sentence` and `mean`: `[B, hidden_size]`, row-major.
    ///
    /// # Panics
    /// If the two differ in length or are not whole rows.
    pub fn new(hidden_size: usize, sentence: Vec<f32>, mean: Vec<f32>) -> Self {
        assert_eq!(sentence.len(), mean.len(), "one sentence vector and one mean per row");
        assert!(hidden_size > 0 && sentence.len().is_multiple_of(hidden_size), "whole rows only");
        Self { hidden_size, sentence, mean }
    }

    /// Number of rows, B.
    pub fn n_rows(&self) -> usize {
        self.sentence.len() / self.hidden_size
    }

    /// Width of each vector, D.
    pub fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    /// The sentence embedding of a row: f32 `[D]`, not normalised, so compare by cosine.
    ///
    /// # Panics
    /// If `row >= n_rows()`.
    pub fn sentence(&self, row: usize) -> &[f32] {
        &self.sentence[row * self.hidden_size..(row + 1) * self.hidden_size]
    }

    /// The mean over the real tokens of a row of its last hidden states: f32 `[D]`.
    ///
    /// # Panics
    /// If `row >= n_rows()`.
    pub fn mean(&self, row: usize) -> &[f32] {
        &self.mean[row * self.hidden_size..(row + 1) * self.hidden_size]
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
        assert_eq!(TokenBatch::default().max_len(), 0);
    }

    #[test]
    fn encodings_are_read_by_row() {
        let encodings = Encodings::new(2, vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0, 7.0, 8.0]);
        assert_eq!(encodings.n_rows(), 2);
        assert_eq!(encodings.sentence(1), [3.0, 4.0]);
        assert_eq!(encodings.mean(0), [5.0, 6.0]);
    }

    #[test]
    #[should_panic(expected = "whole rows only")]
    fn half_a_row_is_refused() {
        Encodings::new(2, vec![1.0; 3], vec![1.0; 3]);
    }
}
