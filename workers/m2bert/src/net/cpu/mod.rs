//! The network on a processor: fused loops of our own, and libtorch's matrix products where they are bf16.
//!
//! Rows of any lengths lie one behind the other, so nothing is padded. A forward pass alternates between two kinds of
//! parallel steps: over chunks of tokens (projections, MLP, norms) and over groups of channels (short filters, long
//! convolutions). Threads are this network's own; within each, libtorch runs on one thread.
//!
//! ```text
//! chunks:  x = embed(tokens);  p = x W_in                        pass.rs lists the steps; chunk.rs
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
mod packed;
mod pass;
mod spectra;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Mutex;

use half::bf16;
use model_dir::Config;
use pulp::{Arch, Simd, WithSimd};
use rayon::ThreadPool;

use self::buffer::Buffer;
pub(super) use self::chunk::Taken;
use self::chunk::{Embeddings, Scratch};
use self::element::Element;
pub use self::fft::n_points;
use self::first::FirstTaps;
use self::layer::Layer;
use self::layout::Layout;
use self::pass::Pass;
use self::spectra::SpectraCache;
pub(crate) use self::work::{product_work, transform_work};
use super::weights::Weights;
use super::{Dtype, Rows, Settings, States, Trace, Wanted};
use crate::Error;

/// Bytes of one number of each token that one thread projects at once. Fewer make matrix products less efficient, more
/// leave the cache: of 128, 256 and 512 tokens, 256 are fastest in f32 and 512 in bf16.
const CHUNK_BYTES: usize = 1024;

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
        let layout =
            Layout::new(self.config.hidden_size, lanes, n_tokens, self.chunk_len(n_tokens, size_of::<E>()));
        if let Some(trace) = &mut trace {
            trace.resize(self.layers.len(), n_tokens * self.config.hidden_size);
        }
        let pass = Pass {
            threads: &self.threads,
            embeddings: &self.embeddings,
            layers: &self.layers,
            spectra: &mut self.spectra,
            first_taps: &mut self.first_taps,
            inputs: self.inputs.get(n_tokens * layout.floats_per_token())?,
            mixed: self.mixed.get(n_tokens * layout.n_groups() * lanes)?,
            layout,
            scratch: scratch_of(&self.scratch),
            samples: &self.scratch.samples,
            rows,
            wanted,
            trace,
        };
        pass.run()
    }

    /// Tokens of a chunk: enough chunks for all threads, as long as they are not too small.
    fn chunk_len(&self, n_tokens: usize, n_bytes: usize) -> usize {
        let even = n_tokens.div_ceil(self.threads.current_num_threads());
        even.clamp(MIN_CHUNK, CHUNK_BYTES / n_bytes)
    }
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
