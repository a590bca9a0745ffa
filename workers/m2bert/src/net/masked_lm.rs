//! From hidden states to scores for every token of the vocabulary.

use tch::Tensor;

use super::weights::Weights;
use crate::Error;

/// The norm of this head does not follow the config.
const EPS: f64 = 1e-12;

/// The masked language model head.
#[derive(Debug)]
pub struct MaskedLm {
    /// `[D, D]`
    weight: Tensor,
    /// `[D]`
    bias: Tensor,
    /// `[D]`
    norm_weight: Tensor,
    /// `[D]`
    norm_bias: Tensor,
    /// `[V, D]`
    decoder_weight: Tensor,
    /// `[V]`
    decoder_bias: Tensor,
}

impl MaskedLm {
    /// From the root of the weights. The token embeddings decode if the head has no decoder of its own.
    pub(super) fn load(root: &Weights<'_>, own_decoder: bool) -> Result<Self, Error> {
        let weights = root.at("cls.predictions");
        Ok(Self {
            weight: weights.tensor("transform.dense.weight")?,
            bias: weights.tensor("transform.dense.bias")?,
            norm_weight: weights.tensor("transform.LayerNorm.weight")?,
            norm_bias: weights.tensor("transform.LayerNorm.bias")?,
            decoder_weight: if own_decoder {
                weights.tensor("decoder.weight")?
            } else {
                root.tensor("bert.embeddings.word_embeddings.weight")?
            },
            decoder_bias: weights.tensor("decoder.bias")?,
        })
    }

    /// Scores (logits) of every token of the vocabulary at these hidden states.
    ///
    /// # Shapes
    /// `hidden`: `[N, D]`; returns `[N, V]`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]: the answer is V floats per state.
    pub fn forward(&self, hidden: &Tensor) -> Result<Tensor, Error> {
        let width = self.bias.size()[0];
        let transformed = hidden.f_linear(&self.weight, Some(&self.bias))?.f_gelu_("none")?; // [N, D]
        let normed =
            transformed.f_layer_norm([width], Some(&self.norm_weight), Some(&self.norm_bias), EPS, false)?;
        Ok(normed.f_linear(&self.decoder_weight, Some(&self.decoder_bias))?) // [N, V]
    }
}
