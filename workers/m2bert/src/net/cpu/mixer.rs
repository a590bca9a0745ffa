//! The sequence mixer between its two projections, for one row and as many channels as a register has lanes.
//!
//! ```text
//! x1, x2, v = short_filter(p)
//! y = x2 * (K1 ⊛ (v * x1)) + K2 ⊛ x
//! ```

use std::ops::Range;

use pulp::Simd;

use super::conv::{PairSpectrum, convolve_both};
use super::element::{load, store};
use super::fft::{Plan, Sample};
use super::layout::{Layout, Slice};

/// The three taps and the bias of the short filter, by slice, in the lanes of each group.
#[derive(Debug)]
pub(super) struct ShortFilter {
    /// `[3, n_groups, 4, lanes]`: taps at lag 2, 1, 0 and the bias.
    values: Vec<f32>,
    n_groups: usize,
}

impl ShortFilter {
    /// Of the checkpoint's `[3D, 3]` and `[3D]`.
    pub(super) fn new(taps: &[f32], bias: &[f32], layout: &Layout) -> Self {
        let (width, lanes, n_groups) = (layout.width(), layout.lanes(), layout.n_groups());
        let mut values = vec![0.0; 3 * n_groups * 4 * lanes];
        for (channel, (taps, bias)) in taps.chunks_exact(3).zip(bias).enumerate() {
            let (slice, channel) = (channel / width, channel % width);
            let first = (slice * n_groups + channel / lanes) * 4 * lanes + channel % lanes;
            for (index, value) in taps.iter().chain([bias]).enumerate() {
                values[first + index * lanes] = *value;
            }
        }
        Self { values, n_groups }
    }

    /// A slice that begins at the start of a row.
    #[inline(always)]
    pub(super) fn of<S: Simd>(&self, simd: S, slice: Slice, group: usize) -> Filtering<S> {
        let first = (slice as usize * self.n_groups + group) * 4 * S::F32_LANES;
        let value = |index: usize| load(simd, &self.values, first + index * S::F32_LANES);
        let nothing = simd.splat_f32s(0.0);
        Filtering { taps: [value(0), value(1), value(2)], bias: value(3), earlier: [nothing; 2] }
    }
}

/// A slice on its way through the short filter.
pub(super) struct Filtering<S: Simd> {
    taps: [S::f32s; 3],
    bias: S::f32s,
    /// The two last inputs, the older one first.
    earlier: [S::f32s; 2],
}

impl<S: Simd> Filtering<S> {
    #[inline(always)]
    pub(super) fn next(&mut self, simd: S, input: S::f32s) -> S::f32s {
        let [two_back, one_back] = self.earlier;
        self.earlier = [one_back, input];
        let sum = simd.mul_add_e_f32s(two_back, self.taps[0], self.bias);
        let sum = simd.mul_add_e_f32s(one_back, self.taps[1], sum);
        simd.mul_add_e_f32s(input, self.taps[2], sum)
    }
}

/// A row of a batch and a group of its channels.
pub(super) struct Mix<'a> {
    pub(super) layout: &'a Layout,
    /// What enters, as [`Layout`] says.
    pub(super) inputs: &'a [f32],
    pub(super) short_filter: &'a ShortFilter,
    pub(super) plan: &'a Plan,
    /// Of all groups.
    pub(super) spectra: &'a [f32],
    pub(super) group: usize,
    /// The tokens of the row.
    pub(super) row: Range<usize>,
}

impl Mix<'_> {
    /// Fills `out`, `[n_tokens, lanes]`. `samples` is scratch of a transform's size.
    #[inline(always)]
    pub(super) fn run<S: Simd>(&self, simd: S, samples: &mut [Sample<S::f32s>], out: &mut [f32]) {
        self.load(simd, samples);
        let spectra: &[PairSpectrum<S::f32s>] = pulp::bytemuck::cast_slice(self.spectra);
        let n_pairs = self.plan.n_pairs();
        convolve_both(simd, self.plan, &spectra[self.group * n_pairs..][..n_pairs], samples);
        self.store(simd, samples, out);
    }

    /// Puts `v * x1` and the layer's input into the parts of the samples.
    #[inline(always)]
    fn load<S: Simd>(&self, simd: S, samples: &mut [Sample<S::f32s>]) {
        let (first_half, _) = samples.split_at_mut(self.plan.n_points() / 2);
        let mut x1 = self.short_filter.of(simd, Slice::X1, self.group);
        let mut v = self.short_filter.of(simd, Slice::V, self.group);
        let mut at = 0;
        for piece in self.layout.pieces(self.row.clone()) {
            let of = |slice| self.layout.lanes_of(self.inputs, &piece, slice, self.group);
            let (x1_in, v_in, x_in) = (of(Slice::X1), of(Slice::V), of(Slice::X));
            for token in 0..piece.n_tokens {
                let lanes = token * S::F32_LANES;
                let gate = x1.next(simd, load(simd, x1_in, lanes));
                let value = v.next(simd, load(simd, v_in, lanes));
                first_half[at] = [simd.mul_f32s(value, gate), load(simd, x_in, lanes)];
                at += 1;
            }
        }
        first_half[at..].fill([simd.splat_f32s(0.0); 2]);
    }

    /// Gates the first convolution and adds the second.
    #[inline(always)]
    fn store<S: Simd>(&self, simd: S, samples: &[Sample<S::f32s>], out: &mut [f32]) {
        let mut x2 = self.short_filter.of(simd, Slice::X2, self.group);
        let mut at = 0;
        for piece in self.layout.pieces(self.row.clone()) {
            let x2_in = self.layout.lanes_of(self.inputs, &piece, Slice::X2, self.group);
            for token in 0..piece.n_tokens {
                let gate = x2.next(simd, load(simd, x2_in, token * S::F32_LANES));
                let [gated, residual] = samples[at];
                store(simd, out, at * S::F32_LANES, simd.mul_add_e_f32s(gate, gated, residual));
                at += 1;
            }
        }
    }
}
