//! From hidden states to one vector per row.

use model_dir::Config;
use tch::Tensor;

use super::weights::Weights;
use crate::Error;

/// The head that makes sentence embeddings: a dense layer and a tanh over position 0, or over the
/// mean of the real tokens if the config says `pool_all`.
#[derive(Debug)]
pub struct Pooler {
    /// `[D, D]`
    weight: Tensor,
    /// `[D]`
    bias: Tensor,
    pool_all: bool,
}

impl Pooler {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        Ok(Self {
            weight: weights.tensor("dense.weight")?,
            bias: weights.tensor("dense.bias")?,
            pool_all: config.pool_all,
        })
    }

    /// Whether it takes the mean of the real tokens; otherwise it takes position 0.
    pub fn takes_mean(&self) -> bool {
        self.pool_all
    }

    /// Sentence embeddings, not normalised, of what the head takes.
    ///
    /// # Shapes
    /// `pooled`: `[B, D]`; returns the same.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Torch`] if the shapes differ.
    pub fn forward(&self, pooled: &Tensor) -> Result<Tensor, Error> {
        Ok(pooled.f_linear(&self.weight, Some(&self.bias))?.f_tanh_()?)
    }
}
