//! Both long convolutions of a mixer at once, for a few channels.
//!
//! ```text
//! y = x2 * (K1 ⊛ g) + K2 ⊛ x
//! ```
//! The two real sequences g and x of a channel are the real and imaginary part of one complex sequence Z, whose
//! transform therefore holds both of theirs. With n points and k a frequency,
//!
//! ```text
//! Y[k] = Z[k] S[k] + conj(Z[n - k]) T[k],   S = (K1 + K2) / 2n,   T = (K1 - K2) / 2n
//! ```
//! is the transform of both results in the same arrangement (times 1/n, which the inverse transform leaves out). So one
//! transform and one inverse do the work of four real ones.

use pulp::Simd;

use super::fft::{self, Plan, Sample};

/// S and T of one pair of frequencies, for those of the first of the two.
pub(super) type PairSpectrum<V> = [Sample<V>; 2];

/// Replaces the first half of `samples`, (g, x) in its parts, by (K1 ⊛ g, K2 ⊛ x). Its second half is scratch.
///
/// `spectra` has one entry per pair of the plan.
#[inline(always)]
pub(super) fn convolve_both<S: Simd>(
    simd: S,
    plan: &Plan,
    spectra: &[PairSpectrum<S::f32s>],
    samples: &mut [Sample<S::f32s>],
) {
    plan.forward_of_half(simd, samples);
    for (&(one, other), &[s, t]) in plan.pairs().iter().zip(spectra) {
        let (one, other) = (one as usize, other as usize);
        let (z_one, z_other) = (samples[one], samples[other]);
        // At the negative frequency, the spectra of real kernels are conjugate.
        let crossed_one = fft::multiply(simd, fft::conjugate(simd, z_other), t);
        let crossed_other = fft::conjugate(simd, fft::multiply(simd, z_one, t));
        let straight_other = fft::multiply(simd, z_other, fft::conjugate(simd, s));
        samples[other] = fft::add(simd, straight_other, crossed_other);
        samples[one] = fft::add(simd, fft::multiply(simd, z_one, s), crossed_one);
    }
    plan.inverse_to_half(simd, samples);
}

/// Turns the taps of two kernels, (K1, K2) in the parts of `samples` with lag -1 at the last point, into spectra.
#[inline(always)]
pub(super) fn spectra_of<S: Simd>(
    simd: S,
    plan: &Plan,
    samples: &mut [Sample<S::f32s>],
    spectra: &mut [PairSpectrum<S::f32s>],
) {
    plan.forward(simd, samples);
    let scale = simd.splat_f32s(0.25 / plan.n_points() as f32);
    for (&(one, other), spectrum) in plan.pairs().iter().zip(spectra) {
        let z = samples[one as usize];
        let mirrored = fft::conjugate(simd, samples[other as usize]);
        let k1 = fft::add(simd, z, mirrored);
        let [real, imaginary] = fft::sub(simd, z, mirrored);
        let k2 = [imaginary, simd.neg_f32s(real)];
        let scaled = |sample: Sample<S::f32s>| sample.map(|part| simd.mul_f32s(part, scale));
        *spectrum = [scaled(fft::add(simd, k1, k2)), scaled(fft::sub(simd, k1, k2))];
    }
}
