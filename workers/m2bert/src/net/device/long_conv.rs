//! A two-sided convolution along the whole sequence, by FFT.
//!
//! Any FFT of n ≥ 2L points gives the same linear convolution, so sizes are rounded up to a few per
//! octave, and the kernel's spectrum is kept for each size in use.

use tch::Tensor;

use crate::Error;
use crate::net::{KIND, Kernel};

/// Spectra of one convolution that are kept at the same time. A worker sorts its rows by length, so
/// it seldom alternates between more sizes than this.
const MAX_SPECTRA: usize = 8;

#[derive(Debug)]
pub(super) struct LongConv {
    /// `[D, Lm]`, with the skip term in the first tap.
    forward: Tensor,
    /// `[D, Lm]`
    reverse: Tensor,
    /// Bytes that the kept spectra may take.
    budget: usize,
    /// Spectra by number of points, the latest used last.
    spectra: Vec<(i64, Tensor)>,
}

impl LongConv {
    /// Takes over a kernel. Spectra that do not fit into `budget` bytes are computed at each use.
    pub(super) fn new(kernel: Kernel, budget: usize) -> Result<Self, Error> {
        let _in_place = kernel.forward.f_select(1, 0)?.f_add_(&kernel.skip)?;
        Ok(Self { forward: kernel.forward, reverse: kernel.reverse, budget, spectra: Vec::new() })
    }

    /// Bytes of the spectra that are kept.
    pub(super) fn n_bytes(&self) -> usize {
        self.spectra.iter().map(|(_, kept)| n_bytes(kept)).sum()
    }

    /// The kernel's spectrum for transforms of `points`: complex `[D, points / 2 + 1]`.
    pub(super) fn spectrum(&mut self, points: i64) -> Result<Tensor, Error> {
        if let Some(index) = self.spectra.iter().position(|(kept, _)| *kept == points) {
            let entry = self.spectra.remove(index);
            let spectrum = entry.1.shallow_clone();
            self.spectra.push(entry);
            return Ok(spectrum);
        }
        let spectrum = self.compute_spectrum(points)?;
        self.keep(points, &spectrum);
        Ok(spectrum)
    }

    fn compute_spectrum(&self, points: i64) -> Result<Tensor, Error> {
        let [channels, l_max] = [self.forward.size()[0], self.forward.size()[1]];
        let n_taps = l_max.min(points / 2);
        let n_gap = points - 2 * n_taps;
        let gap = self.forward.f_new_zeros([channels, n_gap], (KIND, self.forward.device()))?;
        let forward = self.forward.f_narrow(1, 0, n_taps)?;
        let reverse = self.reverse.f_narrow(1, 0, n_taps)?.f_flip([1])?;
        // Lag -1 is the last point of the circle, lag -2 the one before.
        let circle = Tensor::f_cat(&[forward, gap, reverse], 1)?; // [D, points]
        Ok(circle.f_fft_rfft(points, -1, "backward")?) // [D, points / 2 + 1]
    }

    fn keep(&mut self, points: i64, spectrum: &Tensor) {
        if n_bytes(spectrum) > self.budget {
            return;
        }
        self.spectra.push((points, spectrum.shallow_clone()));
        while self.spectra.len() > MAX_SPECTRA || self.n_bytes() > self.budget {
            drop(self.spectra.remove(0));
        }
    }
}

/// Of complex numbers of single precision.
fn n_bytes(spectrum: &Tensor) -> usize {
    2 * size_of::<f32>() * spectrum.numel()
}

/// Convolves rows with kernels given by their spectra.
///
/// `rows`: `[B, C, L]`; `spectrum`: complex `[C, points / 2 + 1]`, `points ≥ 2L`; returns `[B, C, L]`,
/// a view.
pub(super) fn convolve(rows: &Tensor, spectrum: &Tensor, points: i64) -> Result<Tensor, Error> {
    let length = rows.size()[2];
    let mut transformed = rows.f_fft_rfft(points, -1, "backward")?; // [B, C, points / 2 + 1]
    transformed = transformed.f_mul_(spectrum)?;
    let circular = transformed.f_fft_irfft(points, -1, "backward")?; // [B, C, points]
    Ok(circular.f_narrow(2, 0, length)?) // [B, C, L]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tch::Kind;

    use super::*;
    use crate::net::cpu::n_points;

    /// A kernel of two channels whose taps are these values, over and over.
    fn kernel(values: &[f32], l_max: i64) -> Kernel {
        let mut values = values.iter().copied().cycle();
        let mut tensor = |shape: &[i64]| {
            let n = shape.iter().product::<i64>() as usize;
            Tensor::from_slice(&values.by_ref().take(n).collect::<Vec<f32>>()).view(shape)
        };
        Kernel { forward: tensor(&[2, l_max]), reverse: tensor(&[2, l_max]), skip: tensor(&[2]) }
    }

    /// The definition, term by term: `rows` `[C, L]`.
    fn by_definition(kernel: &Kernel, rows: &Tensor) -> Vec<Vec<f64>> {
        let read = |tensor: &Tensor| Vec::<Vec<f64>>::try_from(tensor.to_kind(Kind::Double)).unwrap();
        let (forward, reverse, rows) = (read(&kernel.forward), read(&kernel.reverse), read(rows));
        let skip = Vec::<f64>::try_from(kernel.skip.to_kind(Kind::Double)).unwrap();
        let at = |c: usize, t: usize| -> f64 {
            let past: f64 = (0..=t).map(|j| forward[c][j] * rows[c][t - j]).sum();
            let future: f64 = (t + 1..rows[c].len()).map(|s| reverse[c][s - t - 1] * rows[c][s]).sum();
            past + future + skip[c] * rows[c][t]
        };
        (0..rows.len()).map(|c| (0..rows[c].len()).map(|t| at(c, t)).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_fft_computes_the_definition(
            values in prop::collection::vec(-1.0_f32..1.0, 251),
            length in 1_i64..=48,
            l_max in 48_i64..=64,
            extra in 0_i64..3,
        ) {
            let kernel = kernel(&values, l_max);
            let rows = Tensor::from_slice(&values[..2 * length as usize]).view([2, length]);
            let expected = by_definition(&kernel, &rows);
            let points = (n_points(length as usize) << extra) as i64;
            let mut conv = LongConv::new(kernel, 1 << 20).unwrap();
            let actual = convolve(&rows.unsqueeze(0), &conv.spectrum(points).unwrap(), points).unwrap();
            let actual = Vec::<Vec<f64>>::try_from(actual.squeeze_dim(0).to_kind(Kind::Double)).unwrap();
            for (actual, expected) in actual.iter().flatten().zip(expected.iter().flatten()) {
                prop_assert!((actual - expected).abs() < 1e-4, "{} is not {}", actual, expected);
            }
        }
    }

    #[test]
    fn spectra_are_kept_within_the_budget() {
        let kernel = kernel(&[1.0, 2.0, 3.0], 64);
        let one = 2 * 8 * (32 / 2 + 1);
        let mut conv = LongConv::new(kernel, 3 * one).unwrap();
        for points in [16, 32, 16, 32, 20] {
            drop(conv.spectrum(points).unwrap());
        }
        assert_eq!(conv.spectra.iter().map(|(points, _)| *points).collect::<Vec<_>>(), [16, 32, 20]);
        drop(conv.spectrum(128).unwrap());
        assert_eq!(conv.spectra.len(), 3, "a spectrum above the budget is not kept");
        drop(conv.spectrum(64).unwrap());
        assert_eq!(conv.spectra.iter().map(|(points, _)| *points).collect::<Vec<_>>(), [20, 64]);
    }
}
