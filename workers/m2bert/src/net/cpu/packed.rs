//! Products with f32 weights that were laid out for them once.
//!
//! A library must lay out the weights anew at each call, which for a few hundred rows takes 8 % of the time. Here they
//! lie in panels of two registers' width, and a block of rows is multiplied with a panel in registers alone: loads and
//! multiply-adds, nothing else.

use pulp::{Simd, WithSimd};

use super::element::store;

/// Rows of a block: two registers of sums for each, beside two for weights, fill the 32 registers of AVX-512.
const ROWS: usize = 12;

/// Rows of the blocks that do what is left of a multiple of [`ROWS`].
const FEW_ROWS: usize = 4;

/// A matrix `[n_in, n_out]`.
#[derive(Debug)]
pub(super) struct Packed {
    /// `[n_panels, n_in, 2 * lanes]`, zero where the last panel has columns to spare.
    panels: Vec<f32>,
    n_in: usize,
    n_out: usize,
}

impl Packed {
    /// Of a weight as checkpoints have it, `[n_out, n_in]`.
    pub(super) fn new(weight: &[f32], n_out: usize, lanes: usize) -> Self {
        let (n_in, width) = (weight.len() / n_out, 2 * lanes);
        let mut panels = vec![0.0; n_out.div_ceil(width) * n_in * width];
        for (column, weights) in weight.chunks_exact(n_in).enumerate() {
            let first = column / width * n_in * width + column % width;
            for (row, value) in weights.iter().enumerate() {
                panels[first + row * width] = *value;
            }
        }
        Self { panels, n_in, n_out }
    }
}

/// `out[i] = rows[i] W` for rows that are `stride` apart.
pub(super) struct Multiply<'a> {
    pub(super) weight: &'a Packed,
    pub(super) rows: &'a [f32],
    pub(super) stride: usize,
    pub(super) n_rows: usize,
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Packed { panels, n_in, n_out } = self.weight;
        let panel_len = n_in * 2 * S::F32_LANES;
        for (index, panel) in panels.chunks_exact(panel_len).enumerate() {
            let panel = S::as_simd_f32s(panel).0.as_chunks::<2>().0;
            let column = index * 2 * S::F32_LANES;
            let mut row = 0;
            while row < self.n_rows {
                let (rows, left) = (&self.rows[row * self.stride..], self.n_rows - row);
                let out = &mut self.out[row * n_out..];
                row += if left >= ROWS {
                    block::<S, ROWS>(simd, panel, rows, self.stride, out, *n_out, column)
                } else if left >= FEW_ROWS {
                    block::<S, FEW_ROWS>(simd, panel, rows, self.stride, out, *n_out, column)
                } else {
                    block::<S, 1>(simd, panel, rows, self.stride, out, *n_out, column)
                };
            }
        }
    }
}

/// Multiplies some rows with a panel; returns how many.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the innermost loop: a struct would only hide them")]
fn block<S: Simd, const N: usize>(
    simd: S,
    panel: &[[S::f32s; 2]],
    rows: &[f32],
    stride: usize,
    out: &mut [f32],
    n_out: usize,
    column: usize,
) -> usize {
    let rows: [&[f32]; N] = std::array::from_fn(|row| &rows[row * stride..][..panel.len()]);
    let mut sums = [[simd.splat_f32s(0.0); 2]; N];
    for (index, weights) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let value = simd.splat_f32s(row[index]);
            sums[0] = simd.mul_add_e_f32s(value, weights[0], sums[0]);
            sums[1] = simd.mul_add_e_f32s(value, weights[1], sums[1]);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let out = &mut out[row * n_out..][..n_out];
        store(simd, out, column, sums[0]);
        if column + S::F32_LANES < n_out {
            store(simd, out, column + S::F32_LANES, sums[1]);
        }
    }
    N
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulp::Arch;

    use super::super::Lanes;
    use super::*;

    proptest! {
        #[test]
        fn products_are_sums_of_products(
            n_rows in 0_usize..40,
            n_in in 1_usize..20,
            n_out in 1_usize..80,
            spare in 0_usize..3,
            seed in 1_u32..1000,
        ) {
            let number = |n: usize| ((n as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 16) as f32 / 65536.0 - 0.5;
            let weight: Vec<f32> = (0..n_in * n_out).map(number).collect();
            let stride = n_in + spare;
            let rows: Vec<f32> = (0..n_rows * stride).map(|n| number(n + 77)).collect();
            let mut out = vec![9.0; n_rows * n_out];
            let packed = Packed::new(&weight, n_out, Arch::new().dispatch(Lanes));
            Arch::new().dispatch(Multiply { weight: &packed, rows: &rows, stride, n_rows, out: &mut out });
            for row in 0..n_rows {
                for column in 0..n_out {
                    let product = |k: usize| f64::from(rows[row * stride + k]) * f64::from(weight[column * n_in + k]);
                    let expected: f64 = (0..n_in).map(product).sum();
                    prop_assert!((f64::from(out[row * n_out + column]) - expected).abs() < 1e-5);
                }
            }
        }
    }
}
