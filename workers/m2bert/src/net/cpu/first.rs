//! The last layer where only the first position of each row is wanted, as for sentence embeddings.
//!
//! There a convolution is one sum over the row, `(K ⊛ g)_0 = (kf_0 + d) g_0 + Σ_j kr_j g_{1+j}`, and the output
//! projection and the MLP are for one token: a twelfth of the transforms and a twentieth of the products are saved in a
//! network of twelve layers.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::element::{load, store};
use super::layer::Layer;
use super::layout::{Layout, Slice};
use super::spectra::LayerKernels;
use crate::Error;
use crate::net::kernel::FilterWeights;
use crate::net::to_vec;

/// What the first position of a row is summed with, for both kernels of the last layer.
#[derive(Debug, Default)]
pub(super) struct FirstTaps {
    /// `[n_taps, D]` each: the tap at lag 0 with the skip term, then those at lags -1, -2, …
    kernels: Vec<Vec<f32>>,
    n_taps: usize,
}

impl FirstTaps {
    /// Bytes for rows of `length`.
    pub(super) fn n_bytes(width: usize, length: usize) -> usize {
        2 * width * length.next_power_of_two() * size_of::<f32>()
    }

    /// Makes sure that there are taps for rows of `length`.
    pub(super) fn reach(&mut self, kernels: &LayerKernels, length: usize) -> Result<(), Error> {
        if length > self.n_taps {
            let n_taps = length.next_power_of_two().min(kernels.gated.l_max());
            let filters = std::iter::once(&kernels.gated).chain(&kernels.residual);
            self.kernels = filters.map(|filter| taps(filter, n_taps)).collect::<Result<_, _>>()?;
            self.n_taps = n_taps;
        }
        Ok(())
    }
}

/// Positions whose taps are computed by one thread at a time.
const STRETCH: usize = 2048;

fn taps(filter: &FilterWeights, n_taps: usize) -> Result<Vec<f32>, Error> {
    let width = filter.width();
    let mut taps = vec![0.0; n_taps * width];
    let (first, others) = taps.split_at_mut(width);
    let lag_0 = filter.taps(&filter.features(0, 0, 1)?, 0, 0, 0, width)?;
    first.copy_from_slice(&to_vec(&lag_0.f_add(filter.skip())?)?);
    if filter.n_directions() == 2 {
        others.par_chunks_mut(STRETCH * width).enumerate().try_for_each(|(index, others)| {
            let (first, n) = (index * STRETCH, others.len() / width);
            let features = filter.features(1, first, n)?;
            others.copy_from_slice(&to_vec(&filter.taps(&features, 1, first, 0, width)?)?);
            Ok::<_, Error>(())
        })?;
    }
    Ok(taps)
}

/// Mixes the first position of each row: `[n_groups, n_rows, lanes]`, as a chunk of one token per row takes it.
pub(super) fn mix_first(
    layer: &Layer,
    taps: &FirstTaps,
    layout: &Layout,
    inputs: &[f32],
    rows: &[Range<usize>],
) -> Vec<f32> {
    let jobs: Vec<(usize, Range<usize>)> = rows
        .iter()
        .enumerate()
        .flat_map(|(row, range)| {
            let step = layout.chunk();
            range.clone().step_by(step).map(move |first| (row, first..range.end.min(first + step)))
        })
        .collect();
    let sums: Vec<(usize, Vec<f32>)> = jobs
        .into_par_iter()
        .map(|(row, tokens)| {
            let sum = SumUp { layer, taps, layout, inputs, row: rows[row].clone(), tokens };
            (row, pulp::Arch::new().dispatch(sum))
        })
        .collect();
    let (lanes, n_rows) = (layout.lanes(), rows.len());
    let mut mixed = vec![0.0; layout.n_groups() * n_rows * lanes];
    for (row, sum) in sums {
        for (group, sum) in sum.chunks_exact(lanes).enumerate() {
            let to = &mut mixed[(group * n_rows + row) * lanes..][..lanes];
            to.iter_mut().zip(sum).for_each(|(to, value)| *to += value);
        }
    }
    mixed
}

/// The part of the first position's sums that some tokens of its row contribute.
struct SumUp<'a> {
    layer: &'a Layer,
    taps: &'a FirstTaps,
    layout: &'a Layout,
    inputs: &'a [f32],
    row: Range<usize>,
    tokens: Range<usize>,
}

impl WithSimd for SumUp<'_> {
    /// `[n_groups, lanes]`
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let mut sums = vec![0.0; self.layout.n_groups() * S::F32_LANES];
        for group in 0..self.layout.n_groups() {
            let sum = self.group(simd, group);
            store(simd, &mut sums, group * S::F32_LANES, sum);
        }
        sums
    }
}

impl SumUp<'_> {
    #[inline(always)]
    fn group<S: Simd>(&self, simd: S, group: usize) -> S::f32s {
        let (width, channel) = (self.layout.width(), group * S::F32_LANES);
        let filter = |slice| self.layer.short_filter.of(simd, slice, group);
        let (mut x1, mut v) = (filter(Slice::X1), filter(Slice::V));
        let (mut gated, mut residual) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
        // The short filter remembers two tokens.
        let mut token = self.tokens.start.saturating_sub(2).max(self.row.start);
        for piece in self.layout.pieces(token..self.tokens.end) {
            let of = |slice| self.layout.lanes_of(self.inputs, &piece, slice, group);
            let (x1_in, v_in, x_in) = (of(Slice::X1), of(Slice::V), of(Slice::X));
            for at in 0..piece.n_tokens {
                let lanes = at * S::F32_LANES;
                let gate = x1.next(simd, load(simd, x1_in, lanes));
                let value = v.next(simd, load(simd, v_in, lanes));
                if self.tokens.contains(&token) {
                    let lag = (token - self.row.start) * width;
                    let tap = |kernel: &Vec<f32>| load(simd, &kernel[lag..lag + width], channel);
                    let product = simd.mul_f32s(gate, value);
                    gated = simd.mul_add_e_f32s(tap(&self.taps.kernels[0]), product, gated);
                    if let Some(kernel) = self.taps.kernels.get(1) {
                        residual = simd.mul_add_e_f32s(tap(kernel), load(simd, x_in, lanes), residual);
                    }
                }
                token += 1;
            }
        }
        let mut x2 = filter(Slice::X2);
        let first = self.layout.pieces(self.row.start..self.row.start + 1).next();
        let first = first.map(|piece| self.layout.lanes_of(self.inputs, &piece, Slice::X2, group));
        let gate = x2.next(simd, load(simd, first.unwrap_or_default(), 0));
        simd.mul_add_e_f32s(gate, gated, residual)
    }
}
