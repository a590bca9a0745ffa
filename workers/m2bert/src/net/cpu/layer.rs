//! The weights of a layer, in the form in which chunks and convolutions use them.

use model_dir::Config;
use tch::Tensor;

use super::kernels::Norm;
use super::layout::Layout;
use super::matrix::Matrix;
use super::mixer::ShortFilter;
use super::spectra::LayerKernels;
use crate::Error;
use crate::net::kernel::{FilterWeights, KernelName};
use crate::net::weights::Weights;
use crate::net::{Dtype, to_vec};

#[derive(Debug)]
pub(super) struct Layer {
    /// `[D, 3D]`
    pub(super) in_proj: Matrix,
    /// `[3D]`
    pub(super) in_bias: Vec<f32>,
    pub(super) short_filter: ShortFilter,
    pub(super) kernels: LayerKernels,
    /// `[D, D]`
    pub(super) out_proj: Matrix,
    /// `[D]`. Not added to the projection but where it is used: to the gates, through their weights, and before the norm.
    pub(super) out_bias: Vec<f32>,
    /// What makes each slice of the MLP's output.
    pub(super) blocks: Vec<Block>,
    /// Bias of the MLP and of the projection before it, which is also its residual: `[D]`
    pub(super) sum_bias: Vec<f32>,
    pub(super) norm: Norm,
}

/// The F features that feed one block of W_o are, on either side of the gate, half the output of one block of W_g. So
/// each output block is computed on its own, from two slices of the input. C is D / n_blocks, G is F / n_blocks.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) gate: HalfBlock,
    pub(super) value: HalfBlock,
    /// `[G, C]`
    pub(super) out: Matrix,
}

/// Half a block of W_g, and the slice of the input that it reads.
#[derive(Debug)]
pub(super) struct HalfBlock {
    /// First element of the input slice.
    pub(super) start: usize,
    /// `[C, G]`
    pub(super) weight: Matrix,
    /// What the bias of the projection before comes to here: `[G]`
    pub(super) bias: Vec<f32>,
}

impl Layer {
    pub(super) fn load(
        weights: &Weights<'_>,
        config: &Config,
        dtype: Dtype,
        lanes: usize,
    ) -> Result<Self, Error> {
        let (mixer, mlp) = (weights.at("attention"), weights.at("mlp"));
        let matrix = |weight: &Tensor| Matrix::new(weight, dtype.kind(), lanes);
        let vector = |place: &Weights<'_>, name: &str| to_vec(&place.tensor(name)?);
        let layout = Layout::new(config.hidden_size, lanes, 0, 1);
        let short = mixer.at("short_filter");
        let filter = |name: KernelName| FilterWeights::load(&mixer.at(name.as_str()), config);
        let out_bias = mixer.tensor("out_linear.bias")?;
        Ok(Self {
            in_proj: matrix(&mixer.tensor("in_linear.weight")?)?,
            in_bias: vector(&mixer, "in_linear.bias")?,
            short_filter: ShortFilter::new(&vector(&short, "weight")?, &vector(&short, "bias")?, &layout),
            kernels: LayerKernels {
                gated: filter(KernelName::Gated)?,
                residual: config.residual_long_conv.then(|| filter(KernelName::Residual)).transpose()?,
            },
            out_proj: matrix(&mixer.tensor("out_linear.weight")?)?,
            blocks: blocks(&mlp, config, &matrix, &out_bias)?,
            sum_bias: to_vec(&mlp.tensor("wo.bias")?.f_add(&out_bias)?)?,
            out_bias: to_vec(&out_bias)?,
            norm: norm(&mlp.at("layernorm"), config.layer_norm_eps)?,
        })
    }
}

pub(super) fn norm(weights: &Weights<'_>, eps: f64) -> Result<Norm, Error> {
    Ok(Norm {
        weight: to_vec(&weights.tensor("weight")?)?,
        bias: to_vec(&weights.tensor("bias")?)?,
        eps: eps as f32,
    })
}

fn blocks(
    mlp: &Weights<'_>,
    config: &Config,
    matrix: &dyn Fn(&Tensor) -> Result<Matrix, Error>,
    in_bias: &Tensor,
) -> Result<Vec<Block>, Error> {
    let n_blocks = config.n_blocks as i64;
    let slice = config.hidden_size as i64 / n_blocks;
    let n_features = config.intermediate_size as i64 / n_blocks;
    let gated = mlp.tensor("gated_layers.weight")?; // [n_blocks, 2G, C]
    let out = mlp.tensor("wo.weight")?; // [n_blocks, C, G]
    // The 2 * n_blocks halves in the order of the features: gates first, values after.
    let half = |index: i64| {
        let weight = gated.f_get(index / 2)?.f_narrow(0, index % 2 * n_features, n_features)?; // [G, C]
        let start = index / 2 * slice;
        let bias = to_vec(&weight.f_mv(&in_bias.f_narrow(0, start, slice)?)?)?;
        Ok::<_, Error>(HalfBlock { start: start as usize, weight: matrix(&weight)?, bias })
    };
    let block = |index| {
        let out = matrix(&out.f_get(index)?)?;
        Ok(Block { gate: half(index)?, value: half(n_blocks + index)?, out })
    };
    (0..n_blocks).map(block).collect()
}
