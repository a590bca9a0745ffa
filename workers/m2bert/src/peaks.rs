//! How fast this machine could go: the measured limits against which `m2bert bench` holds the network.

use std::hint::black_box;
use std::time::{Duration, Instant};

use model_dir::Config;
use tch::{Device, Kind, Tensor};

use crate::Error;
use crate::net::{self, Dtype};

/// A rate is the best of this many measurements.
const N_MEASUREMENTS: usize = 5;

/// Each of which takes at least this long.
const LEAST: Duration = Duration::from_millis(200);

/// Floating point operations of one token, by kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flops {
    /// Of dense and block-diagonal products.
    pub products: f64,
    /// Of transforms of twice the length: two convolutions a layer, each a transform and an inverse of a real
    /// sequence, kernels not counted.
    pub transforms: f64,
}

impl Flops {
    /// Of a token in a row of `length`.
    pub fn per_token(config: &Config, length: usize) -> Self {
        let (d, f, n_layers) =
            (config.hidden_size as f64, config.intermediate_size as f64, config.n_layers as f64);
        let dense = 3.0 * d * d + d * d;
        let blocks = (2.0 * f * d + f * d) / config.n_blocks as f64;
        let n_convs = if config.residual_long_conv { 2.0 } else { 1.0 };
        let points = 2.0 * length as f64;
        Self {
            products: 2.0 * n_layers * (dense + blocks),
            transforms: n_layers * n_convs * 2.0 * d * 2.5 * points * points.log2() / length as f64,
        }
    }
}

/// Calls per second of `work`, at its best.
fn best_rate(mut work: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    work()?;
    let mut best = 0.0_f64;
    for _ in 0..N_MEASUREMENTS {
        let (start, mut n_calls) = (Instant::now(), 0);
        while start.elapsed() < LEAST {
            work()?;
            n_calls += 1;
        }
        best = best.max(f64::from(n_calls) / start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Floating point operations per second of the product of two large square matrices: the better of libtorch's, on as
/// many threads as libtorch has on this one, and our own.
///
/// # Errors
/// [`Error::Torch`] if the device has no such product.
pub fn products(dtype: Dtype, n_threads: usize, device: Device) -> Result<f64, Error> {
    const SIZE: usize = 2048;
    let shape = [SIZE as i64; 2];
    let matrix = || Ok::<_, Error>(Tensor::f_randn(shape, (Kind::Float, device))?.f_to_kind(dtype.kind())?);
    let (a, b, out) = (matrix()?, matrix()?, matrix()?);
    let mut rate = best_rate(|| {
        let _same = a.f_mm_out(&out, &b)?;
        if device != Device::Cpu {
            // Products on a GPU are only queued; reading an element waits for them.
            black_box(out.f_double_value(&[0, 0])?);
        }
        Ok(())
    })?;
    if device == Device::Cpu && dtype == Dtype::F32 {
        let mut work = net::product_work(SIZE, n_threads)?;
        let ours = best_rate(|| {
            work();
            Ok(())
        })?;
        rate = rate.max(ours);
    }
    Ok(rate * 2.0 * (SIZE as f64).powi(3))
}

/// Floating point operations per second of real transforms of `n_points`: the better of libtorch's, over as many
/// channels as stay in cache, and our own. An operation count of `2.5 n log2 n` a transform, as is usual.
///
/// # Errors
/// [`Error::Torch`] if the device has no transforms.
pub fn transforms(n_points: usize, n_threads: usize, device: Device) -> Result<f64, Error> {
    let flops = 2.5 * n_points as f64 * (n_points as f64).log2();
    let n_rows = ((1 << 17) / n_points).max(2 * n_threads);
    let rows = Tensor::f_randn([n_rows as i64, n_points as i64], (Kind::Float, device))?;
    let theirs = best_rate(|| {
        let transformed = rows.f_fft_rfft(n_points as i64, -1, "backward")?;
        black_box(transformed.f_fft_irfft(n_points as i64, -1, "backward")?.f_double_value(&[0, 0])?);
        Ok(())
    })?;
    let mut best = theirs * 2.0 * n_rows as f64 * flops;
    if device == Device::Cpu {
        let (mut work, n_transforms) = net::transform_work(n_points, n_threads)?;
        let ours = best_rate(|| {
            work();
            Ok(())
        })?;
        best = best.max(ours * n_transforms as f64 * flops);
    }
    Ok(best)
}
