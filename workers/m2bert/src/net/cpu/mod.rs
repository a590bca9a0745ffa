//! The network on a processor: libtorch's matrix products, and fused loops of our own for everything between them.
//!
//! Rows of any lengths lie one behind the other, so nothing is padded. A forward pass alternates between two kinds of
//! parallel steps: over chunks of tokens (projections, MLP, norms) and over groups of channels (short filters, long
//! convolutions). Threads are this network's own; within each, libtorch runs on one thread.
//!
//! ```text
//! chunks:  x = embed(tokens);  p = x W_in                        chunk.rs
//! groups:      y = x2 * (K1 ⊛ (v * x1)) + K2 ⊛ x                 mixer.rs, conv.rs, fft.rs; spectra.rs keeps K1, K2
//! chunks:  h = y W_out;  x = LN(h + mlp(h));  p = x W_in         chunk.rs
//! …
//! ```

mod buffer;
mod chunk;
mod conv;
mod element;
mod fft;
mod first;
mod kernels;
mod layer;
mod layout;
mod matrix;
mod mixer;
mod spectra;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Mutex;

use half::bf16;
use model_dir::Config;
use pulp::{Arch, Simd, WithSimd};
use rayon::ThreadPool;
use rayon::prelude::*;

use self::buffer::Buffer;
pub(super) use self::chunk::Taken;
use self::chunk::{Embeddings, Enter, Leave, Scratch};
use self::element::Element;
pub use self::fft::n_points;
use self::first::{FirstTaps, mix_first};
use self::layer::Layer;
use self::layout::Layout;
use self::mixer::Mix;
use self::spectra::{LayerSpectra, SpectraCache};
pub(crate) use self::work::transform_work;
use super::weights::Weights;
use super::{Dtype, Rows, Settings, States, Trace, Wanted};
use crate::Error;

/// Tokens that one thread projects at once. Fewer make matrix products less efficient, more leave the cache.
const CHUNK: usize = 256;

/// No chunk is smaller than this only to give every thread one.
const MIN_CHUNK: usize = 32;

/// A network whose weights are in main memory.
#[derive(Debug)]
pub(super) struct CpuNetwork {
    config: Config,
    dtype: Dtype,
    threads: ThreadPool,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    spectra: SpectraCache,
    first_taps: FirstTaps,
    /// What enters a mixer, as [`Layout`] says.
    inputs: Buffer,
    /// What a mixer makes, `[n_groups, n_tokens, lanes]`.
    mixed: Buffer,
    scratch: PerThread,
}

/// One set of buffers for each thread, so that none waits for another's.
#[derive(Debug)]
struct PerThread {
    f32: Vec<Mutex<Scratch<f32>>>,
    bf16: Vec<Mutex<Scratch<bf16>>>,
    /// For transforms.
    samples: Vec<Mutex<Buffer>>,
}

impl CpuNetwork {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, settings: &Settings) -> Result<Self, Error> {
        let Settings { dtype, n_threads, spectra_budget, .. } = *settings;
        let n_threads = n_threads.max(1);
        let lanes = Arch::new().dispatch(Lanes);
        let layers = (0..config.n_layers)
            .map(|layer| {
                Layer::load(&weights.at(&format!("bert.encoder.layer.{layer}")), config, dtype, lanes)
            })
            .collect::<Result<_, _>>()?;
        let threads = new_threads(n_threads)?;
        fn each<T: Default>(n: usize) -> Vec<Mutex<T>> {
            (0..n).map(|_| Mutex::default()).collect()
        }
        Ok(Self {
            config: config.clone(),
            dtype,
            embeddings: Embeddings::load(&weights.at("bert.embeddings"), config)?,
            layers,
            spectra: SpectraCache::new(config.hidden_size, spectra_budget),
            first_taps: FirstTaps::default(),
            inputs: Buffer::default(),
            mixed: Buffer::default(),
            scratch: PerThread { f32: each(n_threads), bf16: each(n_threads), samples: each(n_threads) },
            threads,
        })
    }

    /// Bytes of spectra that are kept.
    pub(super) fn n_spectra_bytes(&self) -> usize {
        self.spectra.n_bytes()
    }

    /// Runs checked rows through the network.
    pub(super) fn forward(
        &mut self,
        rows: &Rows,
        wanted: &Wanted,
        trace: Option<&mut Trace>,
    ) -> Result<States, Error> {
        match self.dtype {
            Dtype::F32 => self.forward_in::<f32>(rows, wanted, trace, |scratch| &scratch.f32),
            Dtype::Bf16 => self.forward_in::<bf16>(rows, wanted, trace, |scratch| &scratch.bf16),
        }
    }

    fn forward_in<E: Element>(
        &mut self,
        rows: &Rows,
        wanted: &Wanted,
        mut trace: Option<&mut Trace>,
        scratch_of: fn(&PerThread) -> &Vec<Mutex<Scratch<E>>>,
    ) -> Result<States, Error> {
        let n_tokens = rows.n_tokens();
        let lanes = Arch::new().dispatch(Lanes);
        let layout = Layout::new(self.config.hidden_size, lanes, n_tokens, self.chunk_len(n_tokens));
        let inputs = self.inputs.get(n_tokens * layout.floats_per_token())?;
        let mixed = self.mixed.get(n_tokens * layout.n_groups() * lanes)?;
        let (threads, scratch, layers) = (&self.threads, &self.scratch, &self.layers);
        self.spectra.begin();
        if let Some(trace) = &mut trace {
            trace.resize(self.layers.len(), n_tokens * self.config.hidden_size);
        }

        let embedded = pieces(&layout, trace.as_mut().map(|trace| trace.embedding.as_mut_slice()));
        let embeddings = &self.embeddings;
        threads.install(|| {
            let blocks = inputs.par_chunks_mut(layout.chunk() * layout.floats_per_token());
            blocks.zip(embedded).zip(layout.chunks().collect::<Vec<_>>()).try_for_each(
                |((block, trace), tokens)| {
                    let mut scratch = mine(scratch_of(scratch));
                    let enter =
                        Enter { embeddings, rows, tokens, layout: &layout, next: &layers[0], block, trace };
                    Arch::new().dispatch(enter.with(&mut *scratch))
                },
            )
        })?;

        let mut states = States::new(self.config.hidden_size, rows, wanted);
        let longest = rows.ranges().iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let shortens = trace.is_none()
            && rows.wants_firsts(wanted)
            && FirstTaps::n_bytes(self.config.hidden_size, longest) <= self.spectra.budget();
        for (index, layer) in layers.iter().enumerate() {
            let next = layers.get(index + 1);
            if next.is_none() && shortens {
                let firsts = threads.install(|| {
                    self.first_taps.reach(&layer.kernels, longest)?;
                    let mixed = mix_first(layer, &self.first_taps, &layout, inputs, rows.ranges());
                    leave_firsts(layer, &layout, &mixed, scratch_of(scratch))
                })?;
                let width = states.width;
                for (place, token) in wanted.picked.iter().enumerate() {
                    let state = &firsts[rows.row_of(*token) * width..][..width];
                    states.picked[place * width..][..width].copy_from_slice(state);
                }
                return Ok(states);
            }
            for (points, rows) in rows.by_points() {
                let kept = &mut self.spectra;
                threads.install(|| {
                    let spectra = kept.of_layer(index, &layer.kernels, points)?;
                    mix(layer, &layout, &spectra, inputs, mixed, &rows, &scratch.samples);
                    Ok::<_, Error>(())
                })?;
            }
            let (mixer, traced) = match &mut trace {
                Some(trace) => {
                    (Some(trace.mixers[index].as_mut_slice()), Some(trace.hidden[index].as_mut_slice()))
                }
                None => (None, None),
            };
            let wants_hidden = next.is_none() && wanted.hidden;
            let keep = if wants_hidden { Some(states.hidden.as_mut_slice()) } else { traced };
            let (keep, mixer) = (pieces(&layout, keep), pieces(&layout, mixer));
            let mixed = &*mixed;
            let taken: Vec<Taken> = threads.install(|| {
                let blocks = inputs.par_chunks_mut(layout.chunk() * layout.floats_per_token());
                blocks
                    .zip(keep)
                    .zip(mixer)
                    .zip(layout.chunks().collect::<Vec<_>>())
                    .map(|(((block, keep), mixer), tokens)| {
                        let mut scratch = mine(scratch_of(scratch));
                        let take = next.is_none().then_some((rows, wanted));
                        let leave =
                            Leave { layer, tokens, layout: &layout, mixed, next, block, keep, mixer, take };
                        Arch::new().dispatch(leave.with(&mut *scratch))
                    })
                    .collect::<Result<_, _>>()
            })?;
            taken.into_iter().for_each(|taken| states.add(taken));
        }
        if let (Some(trace), true) = (trace, wanted.hidden)
            && let Some(last) = trace.hidden.last_mut()
        {
            last.copy_from_slice(&states.hidden);
        }
        states.finish(rows);
        Ok(states)
    }

    /// Tokens of a chunk: enough chunks for all threads, as long as they are not too small.
    fn chunk_len(&self, n_tokens: usize) -> usize {
        let even = n_tokens.div_ceil(self.threads.current_num_threads());
        even.clamp(MIN_CHUNK, CHUNK)
    }
}

/// The last hidden states `[n_rows, D]` of one mixed token per row.
fn leave_firsts<E: Element>(
    layer: &Layer,
    layout: &Layout,
    mixed: &[f32],
    scratch: &[Mutex<Scratch<E>>],
) -> Result<Vec<f32>, Error> {
    let n_rows = mixed.len() / (layout.n_groups() * layout.lanes());
    let layout = Layout::new(layout.width(), layout.lanes(), n_rows, MIN_CHUNK);
    let mut hidden = vec![0.0; n_rows * layout.width()];
    let keep = pieces(&layout, Some(&mut hidden));
    keep.into_par_iter().zip(layout.chunks().collect::<Vec<_>>()).try_for_each(|(keep, tokens)| {
        let (next, block, mixer, take) = (None, &mut [][..], None, None);
        let leave = Leave { layer, tokens, layout: &layout, mixed, next, block, keep, mixer, take };
        Arch::new().dispatch(leave.with(&mut *mine(scratch))).map(drop)
    })?;
    Ok(hidden)
}

/// Threads on each of which libtorch runs alone.
fn new_threads(n_threads: usize) -> Result<ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .thread_name(|index| format!("m2bert-{index}"))
        .start_handler(|_| tch::set_num_threads(1))
        .build()
        .map_err(|error| Error::Torch { message: format!("no threads: {error}") })
}

/// Lanes of this processor's registers.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// The part of `[n_tokens, D]` that belongs to each chunk.
fn pieces<'a>(layout: &Layout, whole: Option<&'a mut [f32]>) -> Vec<Option<&'a mut [f32]>> {
    match whole {
        Some(whole) => whole.chunks_mut(layout.chunk() * layout.width()).map(Some).collect(),
        None => layout.chunks().map(|_| None).collect(),
    }
}

/// This thread's buffers.
fn mine<T>(each: &[Mutex<T>]) -> std::sync::MutexGuard<'_, T> {
    let index = rayon::current_thread_index().expect("called on the network's threads");
    // What a thread that panicked left behind is scratch all the same.
    each[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Convolves rows of one size of transform, all groups of channels.
fn mix(
    layer: &Layer,
    layout: &Layout,
    spectra: &LayerSpectra<'_>,
    inputs: &[f32],
    mixed: &mut [f32],
    rows: &[std::ops::Range<usize>],
    samples: &[Mutex<Buffer>],
) {
    let lanes = layout.lanes();
    let mut jobs = Vec::with_capacity(layout.n_groups() * rows.len());
    for (group, mut rest) in mixed.chunks_exact_mut(layout.n_tokens() * lanes).enumerate() {
        let mut done = 0;
        for row in rows {
            let (_, from_row) = std::mem::take(&mut rest).split_at_mut((row.start - done) * lanes);
            let (out, behind) = from_row.split_at_mut(row.len() * lanes);
            (rest, done) = (behind, row.end);
            jobs.push((group, row.clone(), out));
        }
    }
    jobs.into_par_iter().for_each(|(group, row, out)| {
        let mix = Mix {
            layout,
            inputs,
            short_filter: &layer.short_filter,
            plan: &spectra.plan,
            spectra: spectra.values,
            group,
            row,
        };
        Arch::new().dispatch(RunMix { mix, samples: &mut mine(samples), out });
    });
}

struct RunMix<'a> {
    mix: Mix<'a>,
    samples: &'a mut Buffer,
    out: &'a mut [f32],
}

impl WithSimd for RunMix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let len = 2 * self.mix.plan.n_points() * S::F32_LANES;
        let samples = self.samples.get(len).expect("a few megabytes of scratch");
        self.mix.run(simd, pulp::bytemuck::cast_slice_mut(samples), self.out);
    }
}
