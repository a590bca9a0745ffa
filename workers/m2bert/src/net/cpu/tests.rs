//! The fused loops against their definitions, at every size and with lanes to spare.

use half::bf16;
use proptest::prelude::*;
use pulp::{Arch, Simd, WithSimd};

use super::conv::{PairSpectrum, convolve_both, spectra_of};
use super::element::{Element, load, store};
use super::fft::{Plan, n_points};
use super::kernels::{self, Norm};

/// Numbers in [-1, 1] that follow from a seed.
fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn sizes_are_enough_and_not_far_too_much() {
    for length in 1..=40_000 {
        let points = n_points(length);
        assert!(points >= 2 * length && points.is_multiple_of(4), "{points} points for {length}");
        assert!(points <= 16.max(2 * length * 5 / 4 + 1), "{points} points for {length}");
        // Panics at a factor that no butterfly has.
        if length < 300 {
            Plan::new(points);
        }
    }
    assert_eq!((n_points(1), n_points(128), n_points(129), n_points(8192)), (16, 256, 320, 16384));
}

/// Convolves lanes of both sequences, all lanes different.
struct Both<'a> {
    plan: &'a Plan,
    length: usize,
    /// `[2 kernels, n_points]`, on the circle.
    circles: &'a [Vec<f32>; 2],
    /// `[2 sequences, length]`
    rows: &'a [Vec<f32>; 2],
}

/// What lane `lane` multiplies its kernels with.
fn of_lane(lane: usize) -> f32 {
    1.0 + lane as f32 / 16.0
}

impl WithSimd for Both<'_> {
    /// `[2, length, lanes]`
    type Output = [Vec<Vec<f32>>; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let n_points = self.plan.n_points();
        let zero = simd.splat_f32s(0.0);
        let scales: Vec<f32> = (0..S::F32_LANES).map(of_lane).collect();
        let scales = load(simd, &scales, 0);
        let mut samples = vec![[zero; 2]; n_points];
        for (place, sample) in samples.iter_mut().enumerate() {
            *sample = [0, 1].map(|part| simd.mul_f32s(scales, simd.splat_f32s(self.circles[part][place])));
        }
        let mut spectra: Vec<PairSpectrum<S::f32s>> = vec![[[zero; 2]; 2]; self.plan.n_pairs()];
        spectra_of(simd, self.plan, &mut samples, &mut spectra);
        // What is left in the second half is scratch and must not matter.
        for (place, sample) in samples[..n_points / 2].iter_mut().enumerate() {
            let value = |row: &Vec<f32>| simd.splat_f32s(row.get(place).copied().unwrap_or(0.0));
            *sample = [value(&self.rows[0]), value(&self.rows[1])];
        }
        convolve_both(simd, self.plan, &spectra, &mut samples);
        [0, 1].map(|part| {
            let lanes = |sample: &[S::f32s; 2]| {
                let mut lanes = vec![0.0; S::F32_LANES];
                store(simd, &mut lanes, 0, sample[part]);
                lanes
            };
            samples[..self.length].iter().map(lanes).collect()
        })
    }
}

/// The definition: `kernel` on the circle, lag -1 at its last point.
fn convolved(kernel: &[f32], row: &[f32], at: usize) -> f64 {
    let n = kernel.len();
    let term = |(from, value): (usize, &f32)| f64::from(kernel[(n + at - from) % n]) * f64::from(*value);
    row.iter().enumerate().map(term).sum()
}

fn check_both(length: usize, n_points: usize, seed: u64) {
    let plan = Plan::new(n_points);
    let circles = [numbers(seed, n_points), numbers(seed + 1, n_points)];
    let rows = [numbers(seed + 2, length), numbers(seed + 3, length)];
    let both = Both { plan: &plan, length, circles: &circles, rows: &rows };
    let results = Arch::new().dispatch(both);
    // Every position of a short row, some of a long one.
    let step = (length / 50).max(1);
    for (result, (circle, row)) in results.iter().zip(circles.iter().zip(&rows)) {
        for at in (0..length).step_by(step) {
            let expected = convolved(circle, row, at);
            for (lane, value) in result[at].iter().enumerate() {
                let error = (f64::from(*value) - expected * f64::from(of_lane(lane))).abs();
                assert!(
                    error < 1e-5 * (length as f64).sqrt().max(4.0),
                    "{error} at {at} of {length}, {n_points} points"
                );
            }
        }
    }
}

#[test]
fn both_convolutions_are_what_they_are_defined_to_be_at_every_size() {
    for length in [1, 2, 3, 7, 8, 9, 16, 31, 57, 64, 100, 128, 200, 500, 1000] {
        check_both(length, n_points(length), length as u64);
    }
    // Odd factors, more than one of them, and sizes that leave the cache.
    for n_points in [20, 24, 28, 60, 84, 140, 420, 1260] {
        check_both(n_points / 2, n_points, n_points as u64);
    }
    check_both(2500, 5120, 1);
    check_both(9000, n_points(9000), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn both_convolutions_are_what_they_are_defined_to_be(length in 1_usize..300, seed in 1_u64..1 << 40) {
        check_both(length, n_points(length), seed);
    }
}

/// A kernel of [`kernels`] on vectors.
struct Run<F>(F);

trait OnLanes {
    type Output;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

impl<F: OnLanes> WithSimd for Run<F> {
    type Output = F::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> F::Output {
        self.0.run(simd)
    }
}

struct Gate<'a, E> {
    gates: &'a mut [E],
    values: &'a [E],
    gate_bias: &'a [f32],
    value_bias: &'a [f32],
}

impl<E: Element> OnLanes for Gate<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        kernels::gate(simd, self.gates, self.values, self.gate_bias, self.value_bias);
    }
}

/// erf by its series, which for |x| ≤ 4.3 is exact to far more than single precision in f64.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn gelu(x: f64) -> f64 {
    // Beyond 6, less than 1e-8 is left of the difference.
    if x.abs() > 6.0 { x.max(0.0) } else { 0.5 * x * (1.0 + erf(x / 2.0_f64.sqrt())) }
}

#[test]
fn gates_are_gelus_to_single_precision() {
    for width in [1, 7, 16, 33] {
        let gates: Vec<f32> = (-8000..8000).map(|step| step as f32 / 1000.0).collect();
        let gates = &gates[..gates.len() / width * width];
        let values = numbers(3, gates.len());
        let (gate_bias, value_bias) = (numbers(4, width), numbers(5, width));
        let mut out = gates.to_vec();
        let values_in = &values;
        let gate =
            Gate { gates: &mut out, values: values_in, gate_bias: &gate_bias, value_bias: &value_bias };
        Arch::new().dispatch(Run(gate));
        for (index, out) in out.iter().enumerate() {
            let gate = f64::from(gates[index] + gate_bias[index % width]);
            let value = f64::from(values[index] + value_bias[index % width]);
            let expected = gelu(gate) * value;
            // Four units in the last place of erf, which is at most 1.
            let bound = 4.8e-7 * gate.abs().max(1.0) * value.abs().max(1.0);
            assert!((f64::from(*out) - expected).abs() < bound, "{out} is not {expected} at {gate}");
        }
    }
}

#[test]
fn bf16_gates_are_rounded_once() {
    let gates: Vec<f32> = numbers(1, 96);
    let mut out: Vec<bf16> = gates.iter().map(|value| bf16::from_f32(*value)).collect();
    let values: Vec<bf16> = numbers(2, 96).into_iter().map(bf16::from_f32).collect();
    let expected: Vec<f64> =
        out.iter().zip(&values).map(|(gate, value)| gelu(gate.to_f64()) * value.to_f64()).collect();
    let bias = vec![0.0; 24];
    Arch::new().dispatch(Run(Gate { gates: &mut out, values: &values, gate_bias: &bias, value_bias: &bias }));
    for (out, expected) in out.iter().zip(expected) {
        assert!((out.to_f64() - expected).abs() <= expected.abs() / 256.0 + 1e-6, "{out} is not {expected}");
    }
}

proptest! {
    #[test]
    fn bf16_rounds_to_nearest_even(value in -1e30_f32..1e30) {
        prop_assert_eq!(<bf16 as Element>::narrow(value), bf16::from_f32(value));
        prop_assert_eq!(bf16::from_f32(value).widen(), bf16::from_f32(value).to_f32());
    }
}

struct Normalise<'a>(&'a Norm, &'a mut [f32]);

impl OnLanes for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.apply(simd, self.1);
    }
}

#[test]
fn norms_are_norms_also_of_widths_that_fill_no_register() {
    for width in [1, 5, 16, 24, 100] {
        let norm = Norm { weight: numbers(1, width), bias: numbers(2, width), eps: 1e-12 };
        let row: Vec<f32> = numbers(3, width).iter().map(|value| value + 3.0).collect();
        let mut out = row.clone();
        Arch::new().dispatch(Run(Normalise(&norm, &mut out)));
        let mean = row.iter().map(|value| f64::from(*value)).sum::<f64>() / width as f64;
        let variance = row.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / width as f64;
        for (index, out) in out.iter().enumerate() {
            let unit = (f64::from(row[index]) - mean) / (variance + 1e-12).sqrt();
            let expected = unit * f64::from(norm.weight[index]) + f64::from(norm.bias[index]);
            assert!((f64::from(*out) - expected).abs() < 1e-5, "{out} is not {expected} at width {width}");
        }
    }
}
