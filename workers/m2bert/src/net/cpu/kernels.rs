//! What stands between the matrix products: sums, gates and norms over rows of numbers. Each makes one pass over
//! memory where libtorch's operators, one after the other, make several.

use pulp::Simd;

use super::element::{Element, load, store};

/// Numerator and denominator of a rational approximation of erf on [-4, 4], by powers of x², highest first; beyond 4 it
/// is 1 in single precision. Coefficients as in Eigen's `generic_fast_erf_float`.
const ERF_NUMERATOR: [f32; 7] = [
    -2.726_142_3e-10,
    2.770_681_4e-8,
    -2.101_024e-6,
    -5.692_506_4e-5,
    -7.349_906_3e-4,
    -2.954_6e-3,
    -1.609_603_3e-2,
];
const ERF_DENOMINATOR: [f32; 5] =
    [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];

#[inline(always)]
fn erf<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.min_f32s(simd.max_f32s(x, simd.splat_f32s(-4.0)), simd.splat_f32s(4.0));
    let square = simd.mul_f32s(x, x);
    let mut numerator = simd.splat_f32s(ERF_NUMERATOR[0]);
    for coefficient in &ERF_NUMERATOR[1..] {
        numerator = simd.mul_add_e_f32s(numerator, square, simd.splat_f32s(*coefficient));
    }
    let mut denominator = simd.splat_f32s(ERF_DENOMINATOR[0]);
    for coefficient in &ERF_DENOMINATOR[1..] {
        denominator = simd.mul_add_e_f32s(denominator, square, simd.splat_f32s(*coefficient));
    }
    simd.div_f32s(simd.mul_f32s(x, numerator), denominator)
}

#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let half = simd.mul_f32s(x, simd.splat_f32s(0.5));
    let erf = erf(simd, simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2)));
    simd.mul_add_e_f32s(half, erf, half)
}

/// `gates = gelu(gates + gate_bias) * (values + value_bias)`, rows of the biases' width.
#[inline(always)]
pub(super) fn gate<S: Simd, E: Element>(
    simd: S,
    gates: &mut [E],
    values: &[E],
    gate_bias: &[f32],
    value_bias: &[f32],
) {
    let width = gate_bias.len();
    for (gates, values) in gates.chunks_exact_mut(width).zip(values.chunks_exact(width)) {
        for at in (0..width).step_by(S::F32_LANES) {
            let gate = simd.add_f32s(load(simd, gates, at), load(simd, gate_bias, at));
            let value = simd.add_f32s(load(simd, values, at), load(simd, value_bias, at));
            store(simd, gates, at, simd.mul_f32s(gelu(simd, gate), value));
        }
    }
}

/// Adds `addend` and `bias` to `sum`.
#[inline(always)]
pub(super) fn add<S: Simd, E: Element>(simd: S, sum: &mut [f32], addend: &[E], bias: &[f32]) {
    for at in (0..sum.len()).step_by(S::F32_LANES) {
        let biased = simd.add_f32s(load(simd, addend, at), load(simd, bias, at));
        store(simd, sum, at, simd.add_f32s(load(simd, sum, at), biased));
    }
}

/// A layer norm's parameters.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) eps: f32,
}

impl Norm {
    /// Normalises one row in place.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, row: &mut [f32]) {
        let inverse_len = 1.0 / row.len() as f32;
        let mut sum = simd.splat_f32s(0.0);
        for at in (0..row.len()).step_by(S::F32_LANES) {
            sum = simd.add_f32s(sum, load(simd, row, at));
        }
        let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) * inverse_len);
        let mut squares = simd.splat_f32s(0.0);
        for at in (0..row.len()).step_by(S::F32_LANES) {
            let deviation = simd.sub_f32s(load(simd, row, at), mean);
            store(simd, row, at, deviation);
            // Read again: lanes behind the end are zero then, not minus the mean.
            let deviation = load(simd, row, at);
            squares = simd.mul_add_e_f32s(deviation, deviation, squares);
        }
        let variance = simd.reduce_sum_f32s(squares) * inverse_len;
        let scale = simd.splat_f32s(1.0 / (variance + self.eps).sqrt());
        for at in (0..row.len()).step_by(S::F32_LANES) {
            let weight = simd.mul_f32s(scale, load(simd, &self.weight, at));
            let normed = simd.mul_add_e_f32s(load(simd, row, at), weight, load(simd, &self.bias, at));
            store(simd, row, at, normed);
        }
    }
}
