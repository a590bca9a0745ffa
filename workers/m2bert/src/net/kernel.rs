//! The kernels of the long convolutions, computed from a small network of sines.
//!
//! Taps depend on their absolute position only, not on the input and not on its length: the kernel
//! for L positions is the first L taps of the one for Lm. So they are computed once, at load.

use model_dir::{Config, WeightFile};
use tch::{Device, Tensor};

use super::weights::Weights;
use crate::Error;

/// Which of a layer's two long convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelName {
    /// The one whose input is gated (`filter_fn`).
    Gated,
    /// The one over the layer's input, which serves as residual (`filter_fn2`).
    Residual,
}

impl KernelName {
    /// The name in a checkpoint.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gated => "filter_fn",
            Self::Residual => "filter_fn2",
        }
    }
}

/// The taps of a two-sided convolution, and its skip term.
#[derive(Debug)]
pub struct Kernel {
    /// Taps at lags 0, 1, 2, …: `[D, Lm]`.
    pub forward: Tensor,
    /// Taps at lags -1, -2, -3, …: `[D, Lm]`.
    pub reverse: Tensor,
    /// What is added to the tap at lag 0, one number per channel: `[D]`.
    pub skip: Tensor,
}

impl Kernel {
    /// Computes a kernel of one layer of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Model`] if the checkpoint has no such layer.
    pub fn load(
        file: &WeightFile,
        config: &Config,
        layer: usize,
        name: KernelName,
        device: Device,
    ) -> Result<Self, Error> {
        let place = format!("bert.encoder.layer.{layer}.attention.{}", name.as_str());
        Self::from_weights(&Weights::new(file, device).at(&place), config)
    }

    pub(super) fn from_weights(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        let features = weights.tensor("pos_emb.z")?.f_squeeze_dim(0)?; // [Lm, E]
        let frequencies = weights.tensor("implicit_filter.1.freq")?; // [1, O]
        let time = weights.tensor("pos_emb.t")?.f_view([config.long_conv_l_max as i64, 1])?; // [Lm, 1]
        let rates = weights.tensor("modulation.deltas")?.f_view([1, config.hidden_size as i64])?; // [1, D]
        let decay = time.f_mul(&rates.f_abs()?.f_neg()?)?.f_exp_()?; // [Lm, D]
        let taps = |direction| {
            let values = sine_network(&weights.at(direction), &features, &frequencies)?; // [Lm, D]
            Ok::<_, Error>(values.f_mul(&decay)?.f_transpose(0, 1)?.f_contiguous()?) // [D, Lm]
        };
        Ok(Self {
            forward: taps("implicit_filter")?,
            reverse: taps("implicit_filter_rev")?,
            skip: weights.tensor("bias")?,
        })
    }
}

/// Three layers of sines and a linear one: `[Lm, E]` to `[Lm, D]`.
fn sine_network(weights: &Weights<'_>, features: &Tensor, frequencies: &Tensor) -> Result<Tensor, Error> {
    let mut hidden = features.f_linear(&weights.tensor("0.weight")?, Some(weights.tensor("0.bias")?))?; // [Lm, O]
    for linear in ["2", "4"] {
        hidden = hidden.f_mul_(frequencies)?.f_sin_()?;
        let (weight, bias) = (format!("{linear}.weight"), format!("{linear}.bias"));
        hidden = hidden.f_linear(&weights.tensor(&weight)?, Some(weights.tensor(&bias)?))?; // [Lm, O]
    }
    hidden = hidden.f_mul_(frequencies)?.f_sin_()?;
    Ok(hidden.f_linear(&weights.tensor("6.weight")?, None::<Tensor>)?) // [Lm, D]
}
