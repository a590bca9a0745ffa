//! One forward pass: the steps of the module's drawing, in their order.

use std::ops::Range;
use std::sync::Mutex;

use pulp::{Arch, Simd, WithSimd};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::buffer::Buffer;
use super::chunk::{Embeddings, Enter, Leave, Scratch, Taken};
use super::element::Element;
use super::first::{FirstTaps, mix_first};
use super::layer::Layer;
use super::layout::Layout;
use super::mixer::Mix;
use super::spectra::{LayerSpectra, SpectraCache};
use crate::Error;
use crate::net::{Rows, States, Trace, Wanted};

/// Tokens of a chunk where there is one token per row.
const FIRSTS_CHUNK: usize = 64;

/// Everything that a pass works with.
pub(super) struct Pass<'a, E> {
    pub(super) threads: &'a ThreadPool,
    pub(super) embeddings: &'a Embeddings,
    pub(super) layers: &'a [Layer],
    pub(super) spectra: &'a mut SpectraCache,
    pub(super) first_taps: &'a mut FirstTaps,
    pub(super) layout: Layout,
    /// What enters a mixer, as [`Layout`] says.
    pub(super) inputs: &'a mut [f32],
    /// What a mixer makes, `[n_groups, n_tokens, lanes]`.
    pub(super) mixed: &'a mut [f32],
    pub(super) scratch: &'a [Mutex<Scratch<E>>],
    /// For transforms.
    pub(super) samples: &'a [Mutex<Buffer>],
    pub(super) rows: &'a Rows,
    pub(super) wanted: &'a Wanted,
    pub(super) trace: Option<&'a mut Trace>,
}

impl<E: Element> Pass<'_, E> {
    pub(super) fn run(mut self) -> Result<States, Error> {
        let mut states = States::new(self.layout.width(), self.rows, self.wanted);
        let shortens = self.can_shorten();
        self.spectra.begin();
        self.enter()?;
        for index in 0..self.layers.len() {
            if shortens && index + 1 == self.layers.len() {
                self.leave_firsts(index, &mut states)?;
                return Ok(states);
            }
            self.mix(index)?;
            self.leave(index, &mut states)?;
        }
        states.finish(self.rows);
        Ok(states)
    }

    /// Whether the last layer is needed at first positions only, and there is room for the taps that this takes.
    fn can_shorten(&self) -> bool {
        let longest = self.rows.longest();
        self.trace.is_none()
            && self.rows.wants_firsts(self.wanted)
            && FirstTaps::n_bytes(self.layout.width(), longest) <= self.spectra.budget()
    }

    /// Embeds all chunks and projects them for the first layer.
    fn enter(&mut self) -> Result<(), Error> {
        let (embeddings, rows, scratch, next) = (self.embeddings, self.rows, self.scratch, &self.layers[0]);
        let Self { layout, inputs, trace, .. } = self;
        let layout = &*layout;
        let traces = pieces(layout, trace.as_mut().map(|trace| trace.embedding.as_mut_slice()));
        let blocks = inputs.par_chunks_mut(layout.chunk() * layout.floats_per_token());
        let chunks: Vec<Range<usize>> = layout.chunks().collect();
        let enter = |((block, trace), tokens)| {
            let enter = Enter { embeddings, rows, tokens, layout, next, block, trace };
            Arch::new().dispatch(enter.with(&mut *mine(scratch)))
        };
        self.threads.install(|| blocks.zip(traces).zip(chunks).try_for_each(enter))
    }

    /// Runs a layer's convolutions, all groups of channels of all rows, one size of transform after the other.
    fn mix(&mut self, index: usize) -> Result<(), Error> {
        let layer = &self.layers[index];
        for (n_points, rows) in self.rows.by_points() {
            self.threads.install(|| {
                let spectra = self.spectra.of_layer(index, &layer.kernels, n_points, self.samples)?;
                let convolutions = Convolutions {
                    layer,
                    layout: &self.layout,
                    spectra,
                    inputs: self.inputs,
                    samples: self.samples,
                };
                convolutions.run(&rows, self.mixed);
                Ok::<_, Error>(())
            })?;
        }
        Ok(())
    }

    /// Takes all chunks out of a mixer, through the MLP, and into the next layer.
    fn leave(&mut self, index: usize, states: &mut States) -> Result<(), Error> {
        let (rows, wanted, scratch, threads) = (self.rows, self.wanted, self.scratch, self.threads);
        let (layer, next) = (&self.layers[index], self.layers.get(index + 1));
        let Self { layout, inputs, mixed, trace, .. } = self;
        let (layout, mixed) = (&*layout, &**mixed);
        let (mixers, traced) = match trace {
            Some(trace) => (Some(&mut trace.mixers[index][..]), Some(&mut trace.hidden[index][..])),
            None => (None, None),
        };
        let is_last = next.is_none();
        let wants_hidden = is_last && wanted.hidden;
        let keeps = pieces(layout, if wants_hidden { Some(&mut states.hidden[..]) } else { traced });
        let blocks = inputs.par_chunks_mut(layout.chunk() * layout.floats_per_token());
        let chunks: Vec<Range<usize>> = layout.chunks().collect();
        let leave = |(((block, keep), mixer), tokens)| {
            let take = is_last.then_some((rows, wanted));
            let leave = Leave { layer, tokens, layout, mixed, next, block, keep, mixer, take };
            Arch::new().dispatch(leave.with(&mut *mine(scratch)))
        };
        let chunks = blocks.zip(keeps).zip(pieces(layout, mixers)).zip(chunks);
        let taken: Vec<Taken> = threads.install(|| chunks.map(leave).collect::<Result<_, _>>())?;
        taken.into_iter().for_each(|taken| states.add(taken));
        if let (Some(trace), true) = (trace, wants_hidden) {
            trace.hidden[index].copy_from_slice(&states.hidden);
        }
        Ok(())
    }

    /// The last layer, at the first position of each row.
    fn leave_firsts(&mut self, index: usize, states: &mut States) -> Result<(), Error> {
        let (layer, rows, scratch) = (&self.layers[index], self.rows, self.scratch);
        let Self { layout, inputs, first_taps, .. } = self;
        let (ranges, layout) = (rows.ranges(), &*layout);
        let mut hidden = vec![0.0; ranges.len() * layout.width()];
        self.threads.install(|| {
            first_taps.reach(&layer.kernels, rows.longest())?;
            let mixed = &mix_first(layer, first_taps, layout, inputs, ranges);
            let layout = &Layout::new(layout.width(), layout.lanes(), ranges.len(), FIRSTS_CHUNK);
            let keeps = pieces(layout, Some(&mut hidden));
            let chunks: Vec<Range<usize>> = layout.chunks().collect();
            keeps.into_par_iter().zip(chunks).try_for_each(|(keep, tokens)| {
                let (next, block, mixer, take) = (None, &mut [][..], None, None);
                let leave = Leave { layer, tokens, layout, mixed, next, block, keep, mixer, take };
                Arch::new().dispatch(leave.with(&mut *mine(scratch))).map(drop)
            })
        })?;
        let width = states.width;
        for (place, token) in self.wanted.picked.iter().enumerate() {
            let state = &hidden[self.rows.row_of(*token) * width..][..width];
            states.picked[place * width..][..width].copy_from_slice(state);
        }
        Ok(())
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
pub(super) fn mine<T>(each: &[Mutex<T>]) -> std::sync::MutexGuard<'_, T> {
    let index = rayon::current_thread_index().expect("called on the network's threads");
    // What a thread that panicked left behind is scratch all the same.
    each[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The convolutions of a layer for one size of transform.
struct Convolutions<'a> {
    layer: &'a Layer,
    layout: &'a Layout,
    spectra: LayerSpectra<'a>,
    inputs: &'a [f32],
    samples: &'a [Mutex<Buffer>],
}

impl Convolutions<'_> {
    /// All groups of channels of these rows. Neighbouring jobs share a group, whose spectra stay in cache.
    fn run(&self, rows: &[Range<usize>], mixed: &mut [f32]) {
        let lanes = self.layout.lanes();
        let mut jobs = Vec::with_capacity(self.layout.n_groups() * rows.len());
        for (group, mut rest) in mixed.chunks_exact_mut(self.layout.n_tokens() * lanes).enumerate() {
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
                layout: self.layout,
                inputs: self.inputs,
                short_filter: &self.layer.short_filter,
                plan: &self.spectra.plan,
                spectra: self.spectra.values,
                group,
                row,
            };
            Arch::new().dispatch(RunMix { mix, samples: &mut mine(self.samples), out });
        });
    }
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
