//! The sequence mixer: two long convolutions, one of them gated before and after.
//!
//! ```text
//! x1, x2, v = short_filter(x W_in + b_in)
//! y = x2 * (K1 ⊛ (v * x1)) + K2 ⊛ x
//! h = y W_out + b_out
//! ```

use model_dir::Config;
use tch::Tensor;

use super::long_conv::{LongConv, convolve};
use super::short_filter::ShortFilter;
use crate::Error;
use crate::net::cpu::n_points;
use crate::net::kernel::{FilterWeights, KernelName};
use crate::net::weights::Weights;
use crate::net::{Dtype, KIND, Settings};

/// Floats that one chunk of channels occupies during a transform: what stays in a core's cache.
const CHUNK_FLOATS: i64 = 1 << 17;

#[derive(Debug)]
pub(super) struct Mixer {
    /// `[3D, D]`
    in_weight: Tensor,
    /// `[3D, 1]`
    in_bias: Tensor,
    short_filter: ShortFilter,
    gated: LongConv,
    residual: Option<LongConv>,
    /// `[D, D]`, transposed: input by output.
    out_weight: Tensor,
    /// `[D]`
    out_bias: Tensor,
    /// Of the projections.
    dtype: Dtype,
}

impl Mixer {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, settings: &Settings) -> Result<Self, Error> {
        let budget = settings.spectra_budget / (2 * config.n_layers);
        let kind = settings.dtype.kind();
        let long_conv = |name: KernelName| {
            LongConv::new(FilterWeights::load(&weights.at(name.as_str()), config)?.kernel()?, budget)
        };
        Ok(Self {
            in_weight: weights.tensor("in_linear.weight")?.f_to_kind(kind)?,
            in_bias: weights.tensor("in_linear.bias")?.f_to_kind(kind)?.f_unsqueeze(1)?,
            short_filter: ShortFilter::load(&weights.at("short_filter"))?,
            gated: long_conv(KernelName::Gated)?,
            residual: config.residual_long_conv.then(|| long_conv(KernelName::Residual)).transpose()?,
            out_weight: weights
                .tensor("out_linear.weight")?
                .f_to_kind(kind)?
                .f_transpose(0, 1)?
                .f_contiguous()?,
            out_bias: weights.tensor("out_linear.bias")?.f_to_kind(kind)?,
            dtype: settings.dtype,
        })
    }

    /// `x`: `[B, L, D]`, zero where `mask`, `[B, L]`, is; returns `[B, L, D]`.
    pub(super) fn forward(&mut self, x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor, Error> {
        let (n_rows, width) = (x.size()[0], x.size()[2]);
        let x = x.f_transpose(1, 2)?.f_contiguous()?; // [B, D, L]
        let in_weight = self.in_weight.f_expand([n_rows, -1, -1], false)?; // [B, 3D, D]
        let projected =
            self.in_bias.f_baddbmm(&in_weight, &x.f_to_kind(self.dtype.kind())?, 1, 1)?.f_to_kind(KIND)?; // [B, 3D, L]
        let filtered = self.short_filter.forward(&projected)?; // [B, 3D, L]
        drop(projected);
        let part = |index| filtered.f_narrow(1, index * width, width); // [B, D, L]
        let (x1, x2, mut gated) = (part(0)?, part(1)?, part(2)?);
        gated = gated.f_mul_(&x1)?;
        if let Some(mask) = mask {
            // The short filter looks back only, so it carries nothing from padding to tokens; but its
            // bias makes padding non-zero again, and the long convolution looks ahead.
            gated = gated.f_mul_(&mask.f_unsqueeze(1)?)?;
        }
        let mixed = self.convolve_both(&gated, &x2, &x)?; // [B, D, L]
        let out_weight = self.out_weight.f_expand([n_rows, -1, -1], false)?; // [B, D, D]
        let mixed = mixed.f_to_kind(self.dtype.kind())?.f_transpose(1, 2)?; // [B, L, D]
        Ok(self.out_bias.f_baddbmm(&mixed, &out_weight, 1, 1)?.f_to_kind(KIND)?) // [B, L, D]
    }

    /// `gate * (K1 ⊛ gated) + K2 ⊛ x`, a chunk of channels at a time; all `[B, D, L]`.
    fn convolve_both(&mut self, gated: &Tensor, gate: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        let [n_rows, width, length] = [x.size()[0], x.size()[1], x.size()[2]];
        let points = n_points(length as usize) as i64;
        let gated_spectrum = self.gated.spectrum(points)?; // [D, points / 2 + 1]
        let residual_spectrum = self.residual.as_mut().map(|conv| conv.spectrum(points)).transpose()?; // [D, points / 2 + 1]
        let chunk = (CHUNK_FLOATS / (n_rows * points)).clamp(1, width);
        let mixed = x.f_empty_like()?; // [B, D, L]
        for first in (0..width).step_by(chunk as usize) {
            let n_channels = chunk.min(width - first);
            let of = |tensor: &Tensor| tensor.f_narrow(1, first, n_channels); // [B, C, L]
            let spectrum_of = |tensor: &Tensor| tensor.f_narrow(0, first, n_channels);
            let main = convolve(&of(gated)?, &spectrum_of(&gated_spectrum)?, points)?;
            let _in_place = match &residual_spectrum {
                Some(spectrum) => {
                    let residual = convolve(&of(x)?, &spectrum_of(spectrum)?, points)?;
                    residual.f_addcmul_out(&of(&mixed)?, &of(gate)?, &main)?
                }
                None => main.f_mul_out(&of(&mixed)?, &of(gate)?)?,
            };
        }
        Ok(mixed)
    }
}
