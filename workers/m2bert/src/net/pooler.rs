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

    /// Sentence embeddings as the config wants them; not normalised.
    ///
    /// # Shapes
    /// `hidden`: `[B, L, D]`; `mask`: f32 `[B, L]`, 1 at real tokens; returns `[B, D]`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Torch`] if the shapes differ.
    pub fn forward(&self, hidden: &Tensor, mask: &Tensor) -> Result<Tensor, Error> {
        let pooled = if self.pool_all { masked_mean(hidden, mask)? } else { hidden.f_select(1, 0)? }; // [B, D]
        Ok(pooled.f_linear(&self.weight, Some(&self.bias))?.f_tanh_()?)
    }
}

/// The mean over the real tokens of each row: `[B, L, D]` and `[B, L]` to `[B, D]`.
pub(crate) fn masked_mean(hidden: &Tensor, mask: &Tensor) -> Result<Tensor, Error> {
    let sum = mask.f_unsqueeze(1)?.f_bmm(hidden)?.f_squeeze_dim(1)?; // [B, D]
    let n_tokens = mask.f_sum_dim_intlist(1_i64, true, super::KIND)?; // [B, 1]
    Ok(sum.f_div(&n_tokens)?)
}
