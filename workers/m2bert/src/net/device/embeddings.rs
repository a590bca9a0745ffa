//! Token, type and position embeddings, summed and normalised.

use model_dir::Config;
use tch::Tensor;

use crate::Error;
use crate::net::weights::Weights;

#[derive(Debug)]
pub(super) struct Embeddings {
    /// `[V, D]`
    words: Tensor,
    /// `[Lm, D]`, if the model has them.
    positions: Option<Tensor>,
    /// `[n_types, D]`
    types: Tensor,
    /// `[D]`
    norm_weight: Tensor,
    /// `[D]`
    norm_bias: Tensor,
    eps: f64,
}

impl Embeddings {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        Ok(Self {
            words: weights.tensor("word_embeddings.weight")?,
            positions: config
                .use_positional_encodings
                .then(|| weights.tensor("position_embeddings.weight"))
                .transpose()?,
            types: weights.tensor("token_type_embeddings.weight")?,
            norm_weight: weights.tensor("LayerNorm.weight")?,
            norm_bias: weights.tensor("LayerNorm.bias")?,
            eps: config.layer_norm_eps,
        })
    }

    /// `ids` and `type_ids`: i64 `[B, L]`; returns `[B, L, D]`.
    pub(super) fn forward(&self, ids: &Tensor, type_ids: Option<&Tensor>) -> Result<Tensor, Error> {
        let length = ids.size()[1];
        let width = self.norm_weight.size()[0];
        let types = match type_ids {
            Some(type_ids) => Tensor::f_embedding(&self.types, type_ids, -1, false, false)?, // [B, L, D]
            None => self.types.f_narrow(0, 0, 1)?,                                           // [1, D]
        };
        let mut sum = Tensor::f_embedding(&self.words, ids, -1, false, false)?; // [B, L, D]
        sum = sum.f_add_(&types)?;
        if let Some(positions) = &self.positions {
            sum = sum.f_add_(&positions.f_narrow(0, 0, length)?)?; // + [L, D]
        }
        Ok(sum.f_layer_norm([width], Some(&self.norm_weight), Some(&self.norm_bias), self.eps, false)?)
    }
}
