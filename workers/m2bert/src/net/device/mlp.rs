//! The gated MLP along the width, with block-diagonal matrices, a residual and a layer norm.
//!
//! ```text
//! a = blockdiag(h; W_g);  g = gelu(a[..F]) * a[F..];  x' = LN(blockdiag(g; W_o) + b_o + h)
//! ```
//!
//! The F features that feed one block of W_o are, on either side of the gate, half the output of one
//! block of W_g. So each output block is computed on its own, from two slices of the input, and no
//! intermediate tensor is ever rearranged.

use model_dir::Config;
use tch::Tensor;

use crate::Error;
use crate::net::weights::Weights;
use crate::net::{Dtype, KIND};

#[derive(Debug)]
pub(super) struct Mlp {
    blocks: Vec<Block>,
    /// Width of a block's slice of the hidden state, D / n_blocks.
    slice: i64,
    /// `[D]`
    out_bias: Tensor,
    /// `[D]`
    norm_weight: Tensor,
    /// `[D]`
    norm_bias: Tensor,
    eps: f64,
    /// Of the products.
    dtype: Dtype,
}

/// What makes one slice of the output. C is `slice`, G is F / n_blocks.
#[derive(Debug)]
struct Block {
    gate: HalfBlock,
    value: HalfBlock,
    /// `[G, C]`
    out: Tensor,
}

/// Half a block of W_g, and the slice of the input that it reads.
#[derive(Debug)]
struct HalfBlock {
    /// First element of the input slice.
    start: i64,
    /// `[C, G]`
    weight: Tensor,
}

impl Mlp {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, dtype: Dtype) -> Result<Self, Error> {
        let n_blocks = config.n_blocks as i64;
        let slice = config.hidden_size as i64 / n_blocks;
        let n_features = config.intermediate_size as i64 / n_blocks;
        let gated = weights.tensor("gated_layers.weight")?.f_to_kind(dtype.kind())?; // [n_blocks, 2G, C]
        let out = weights.tensor("wo.weight")?.f_to_kind(dtype.kind())?; // [n_blocks, C, G]
        // The 2 * n_blocks halves in the order of the features: gates first, values after.
        let half = |index: i64| {
            let weight = gated.f_get(index / 2)?.f_narrow(0, index % 2 * n_features, n_features)?; // [G, C]
            let weight = weight.f_transpose(0, 1)?.f_contiguous()?; // [C, G]
            Ok::<_, Error>(HalfBlock { start: index / 2 * slice, weight })
        };
        let block = |index| {
            let out = out.f_get(index)?.f_transpose(0, 1)?.f_contiguous()?; // [G, C]
            Ok::<_, Error>(Block { gate: half(index)?, value: half(n_blocks + index)?, out })
        };
        Ok(Self {
            blocks: (0..n_blocks).map(block).collect::<Result<_, _>>()?,
            slice,
            out_bias: weights.tensor("wo.bias")?,
            norm_weight: weights.tensor("layernorm.weight")?,
            norm_bias: weights.tensor("layernorm.bias")?,
            eps: config.layer_norm_eps,
            dtype,
        })
    }

    /// `hidden`: `[B, L, D]`; returns the same shape.
    pub(super) fn forward(&self, hidden: &Tensor) -> Result<Tensor, Error> {
        let shape = hidden.size();
        let width = shape[2];
        let tokens = hidden.f_view([-1, width])?; // [B * L, D]
        let sum = tokens.f_add(&self.out_bias)?; // [B * L, D]
        let tokens = tokens.f_to_kind(self.dtype.kind())?;
        for (index, block) in self.blocks.iter().enumerate() {
            let project = |half: &HalfBlock| tokens.f_narrow(1, half.start, self.slice)?.f_mm(&half.weight);
            let mut features = project(&block.gate)?.f_gelu_("none")?; // [B * L, G]
            features = features.f_mul_(&project(&block.value)?)?;
            let mut slice = sum.f_narrow(1, index as i64 * self.slice, self.slice)?; // [B * L, C]
            let _in_place = slice.f_add_(&features.f_mm(&block.out)?.f_to_kind(KIND)?)?;
        }
        let normed =
            sum.f_layer_norm([width], Some(&self.norm_weight), Some(&self.norm_bias), self.eps, false)?;
        Ok(normed.f_view(shape.as_slice())?) // [B, L, D]
    }
}
