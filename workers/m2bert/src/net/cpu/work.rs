//! Transforms and products alone, for measuring how fast they are.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::Buffer;
use super::fft::Plan;
use super::packed::{Multiply, Packed};
use super::{Lanes, new_threads};
use crate::Error;

/// Work that transforms, and takes back, as many channels per thread as a register has lanes; and to how many
/// transforms of one real sequence that comes.
pub(crate) fn transform_work(n_points: usize, n_threads: usize) -> Result<(impl FnMut(), usize), Error> {
    let (threads, plan) = (new_threads(n_threads)?, Plan::new(n_points));
    let lanes = Arch::new().dispatch(Lanes);
    let mut buffers: Vec<Buffer> = (0..n_threads).map(|_| Buffer::default()).collect();
    let len = 2 * n_points * lanes;
    for buffer in &mut buffers {
        buffer.get(len)?;
    }
    let work = move || {
        threads.install(|| {
            buffers.par_iter_mut().for_each(|buffer| {
                let samples = buffer.get(len).expect("taken before");
                Arch::new().dispatch(ThereAndBack { plan: &plan, samples });
            });
        });
    };
    // A complex transform is worth two real ones; there and back.
    Ok((work, n_threads * lanes * 2 * 2))
}

/// Work that multiplies a square matrix of this size with another, rows shared out among threads.
pub(crate) fn product_work(size: usize, n_threads: usize) -> Result<impl FnMut(), Error> {
    let threads = new_threads(n_threads)?;
    let numbers: Vec<f32> = (0..size * size).map(|n| (n % 251) as f32 / 251.0 - 0.5).collect();
    let weight = Packed::new(&numbers, size, Arch::new().dispatch(Lanes));
    let mut out = vec![0.0; size * size];
    let n_rows = size.div_ceil(n_threads);
    let work = move || {
        threads.install(|| {
            let parts = numbers.par_chunks(n_rows * size).zip(out.par_chunks_mut(n_rows * size));
            parts.for_each(|(rows, out)| {
                let n_rows = rows.len() / size;
                Arch::new().dispatch(Multiply { weight: &weight, rows, stride: size, n_rows, out });
            });
        });
    };
    Ok(work)
}

struct ThereAndBack<'a> {
    plan: &'a Plan,
    samples: &'a mut [f32],
}

impl WithSimd for ThereAndBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let samples = pulp::bytemuck::cast_slice_mut(self.samples);
        self.plan.forward(simd, samples);
        self.plan.inverse(simd, samples);
        // Keeps the numbers small however often this is done.
        let scale = simd.splat_f32s(1.0 / self.plan.n_points() as f32);
        for sample in samples.iter_mut() {
            *sample = sample.map(|part| simd.mul_f32s(part, scale));
        }
    }
}
