//! The kernels of the long convolutions, computed from a small network of sines.
//!
//! Taps depend on their absolute position only, not on the input and not on its length: the kernel for L positions is
//! the first L taps of the one for Lm. So they are computed when they are first needed, and no more of them than are.

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
    /// Taps at lags -1, -2, -3, …: `[D, Lm]`; all zero if the model only looks back.
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
        FilterWeights::load(&Weights::new(file, device).at(&place), config)?.kernel()
    }
}

/// What the taps of one convolution are computed from.
#[derive(Debug)]
pub(super) struct FilterWeights {
    /// Features of each position, `[Lm, E]`.
    positions: Tensor,
    /// `[Lm, 1]`
    time: Tensor,
    /// Decay of each channel per unit of time, negative: `[1, D]`.
    decay: Tensor,
    /// Of all sines, `[1, O]`.
    frequencies: Tensor,
    /// Forward and, unless the model only looks back, reverse.
    directions: Vec<SineNetwork>,
    /// `[D]`
    skip: Tensor,
}

// SAFETY: the tensors are only read, which libtorch allows several threads at once, and reference counts are atomic.
#[expect(unsafe_code, reason = "tch knows no read-only tensors")]
unsafe impl Sync for FilterWeights {}

/// Three layers of sines and a linear one.
#[derive(Debug)]
struct SineNetwork {
    /// Weight and bias of the linear layer before each sine: `[O, E]` and `[O]`, then `[O, O]` and `[O]`.
    linears: [(Tensor, Tensor); 3],
    /// `[O, D]`, with the kernels' scale in it.
    out: Tensor,
}

impl SineNetwork {
    fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        let linear = |index: usize| {
            let (weight, bias) = (format!("{index}.weight"), format!("{index}.bias"));
            Ok::<_, Error>((weights.tensor(&weight)?, weights.tensor(&bias)?))
        };
        let out = weights.tensor("6.weight")?.f_transpose(0, 1)?.f_contiguous()?; // [O, D]
        let out = out.f_mul_scalar(config.kernel_scale)?;
        Ok(Self { linears: [linear(0)?, linear(2)?, linear(4)?], out })
    }
}

impl FilterWeights {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        let names: &[&str] = if config.bidirectional {
            &["implicit_filter", "implicit_filter_rev"]
        } else {
            &["implicit_filter"]
        };
        let networks = names.iter().map(|name| SineNetwork::load(&weights.at(name), config));
        let rates = weights.tensor("modulation.deltas")?.f_view([1, config.hidden_size as i64])?; // [1, D]
        Ok(Self {
            positions: weights.tensor("pos_emb.z")?.f_squeeze_dim(0)?,
            time: weights.tensor("pos_emb.t")?.f_view([config.long_conv_l_max as i64, 1])?,
            decay: rates.f_abs()?.f_neg()?,
            frequencies: weights.tensor("implicit_filter.1.freq")?,
            directions: networks.collect::<Result<_, _>>()?,
            skip: weights.tensor("bias")?,
        })
    }

    /// The longest kernel, Lm.
    pub(super) fn l_max(&self) -> usize {
        self.positions.size()[0] as usize
    }

    /// Number of channels, D.
    pub(super) fn width(&self) -> usize {
        self.skip.size()[0] as usize
    }

    /// 1, or 2 if the convolution looks ahead too.
    pub(super) fn n_directions(&self) -> usize {
        self.directions.len()
    }

    /// What the last sines say of `n` positions from `first` on: `[n, O]`.
    pub(super) fn features(&self, direction: usize, first: usize, n: usize) -> Result<Tensor, Error> {
        let mut hidden = self.positions.f_narrow(0, first as i64, n as i64)?; // [n, E]
        for (weight, bias) in &self.directions[direction].linears {
            hidden = hidden.f_linear(weight, Some(bias))?; // [n, O]
            hidden = hidden.f_mul_(&self.frequencies)?.f_sin_()?;
        }
        Ok(hidden)
    }

    /// Taps of some channels, of the positions from `first` on to which `features`, `[n, O]`, belong, without the skip
    /// term. Returns `[n, n_channels]`.
    pub(super) fn taps(
        &self,
        features: &Tensor,
        direction: usize,
        first: usize,
        first_channel: usize,
        n_channels: usize,
    ) -> Result<Tensor, Error> {
        let of = |tensor: &Tensor| tensor.f_narrow(1, first_channel as i64, n_channels as i64);
        let time = self.time.f_narrow(0, first as i64, features.size()[0])?; // [n, 1]
        let decay = time.f_mul(&of(&self.decay)?)?.f_exp_()?; // [n, C]
        Ok(features.f_mm(&of(&self.directions[direction].out)?)?.f_mul_(&decay)?) // [n, C]
    }

    /// What is added to the tap at lag 0: `[D]`.
    pub(super) fn skip(&self) -> &Tensor {
        &self.skip
    }

    /// All taps, with the skip term apart.
    pub(super) fn kernel(&self) -> Result<Kernel, Error> {
        let width = self.width();
        let taps = |direction| {
            let features = self.features(direction, 0, self.l_max())?; // [Lm, O]
            let taps = self.taps(&features, direction, 0, 0, width)?; // [Lm, D]
            Ok::<_, Error>(taps.f_transpose(0, 1)?.f_contiguous()?) // [D, Lm]
        };
        let forward = taps(0)?;
        let reverse = if self.n_directions() == 2 { taps(1)? } else { forward.f_zeros_like()? };
        Ok(Kernel { forward, reverse, skip: self.skip.shallow_clone() })
    }
}
