//! What happens to a chunk of tokens between two rounds of convolutions.

use std::ops::Range;

use model_dir::Config;
use pulp::{Simd, WithSimd};

use super::super::weights::Weights;
use super::super::{Rows, Wanted, to_vec};
use super::element::{Element, load, store};
use super::kernels::{self, Norm};
use super::layer::{self, Block, Layer};
use super::layout::{Layout, N_SLICES};
use super::matrix::room;
use crate::Error;

/// Buffers of one thread; they grow to the size of a chunk.
#[derive(Debug, Default)]
pub(super) struct Scratch<E> {
    /// Hidden states, `[n, D]`.
    hidden: Vec<f32>,
    /// The same, or a mixer's output, as a product takes it.
    input: Vec<E>,
    /// A projection: `[n, 3D]` or `[n, D]`.
    projected: Vec<E>,
    /// `[n, G]`
    gates: Vec<E>,
    /// `[n, G]`
    values: Vec<E>,
    /// `[n_blocks, room(n), C]`
    outs: Vec<E>,
}

/// The first `len` elements, which there are afterwards.
fn sized<E: Element>(buffer: &mut Vec<E>, len: usize) -> &mut [E] {
    if buffer.len() < len {
        buffer.resize(len, E::default());
    }
    &mut buffer[..len]
}

/// Token, type and position embeddings, summed and normalised.
#[derive(Debug)]
pub(super) struct Embeddings {
    /// `[V, D]`
    words: Vec<f32>,
    /// `[Lm, D]`, if the model has them.
    positions: Option<Vec<f32>>,
    /// `[n_types, D]`
    types: Vec<f32>,
    norm: Norm,
}

impl Embeddings {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        let table = |name: &str| to_vec(&weights.tensor(name)?);
        Ok(Self {
            words: table("word_embeddings.weight")?,
            positions: config
                .use_positional_encodings
                .then(|| table("position_embeddings.weight"))
                .transpose()?,
            types: table("token_type_embeddings.weight")?,
            norm: layer::norm(&weights.at("LayerNorm"), config.layer_norm_eps)?,
        })
    }

    /// Fills `hidden`, `[n, D]`, for these tokens.
    #[inline(always)]
    fn embed<S: Simd>(&self, simd: S, rows: &Rows, tokens: Range<usize>, hidden: &mut [f32]) {
        let width = self.norm.weight.len();
        let of = |index: usize| index * width..(index + 1) * width;
        for (token, hidden) in tokens.zip(hidden.chunks_exact_mut(width)) {
            let word = rows.ids[token] as usize;
            let kind = rows.type_ids.as_ref().map_or(0, |types| types[token] as usize);
            hidden.copy_from_slice(&self.words[of(word)]);
            let types = &self.types[of(kind)];
            match &self.positions {
                Some(positions) => {
                    let position = rows.position(token);
                    kernels::add(simd, hidden, types, &positions[of(position)]);
                }
                None => {
                    for at in (0..width).step_by(S::F32_LANES) {
                        store(simd, hidden, at, simd.add_f32s(load(simd, hidden, at), load(simd, types, at)));
                    }
                }
            }
            self.norm.apply(simd, hidden);
        }
    }
}

/// Projects hidden states and lays them out for a mixer.
#[inline(always)]
fn project<S: Simd, E: Element>(
    simd: S,
    layer: &Layer,
    layout: &Layout,
    hidden: &[f32],
    (input, projected): (&mut Vec<E>, &mut Vec<E>),
    block: &mut [f32],
) -> Result<(), Error> {
    let width = layout.width();
    let n = hidden.len() / width;
    let projected = sized(projected, room(n) * 3 * width);
    let rows = E::input(simd, hidden, sized(input, room(n) * width));
    layer.in_proj.multiply(simd, rows, width, n, projected)?;
    for group in 0..layout.n_groups() {
        let first = group * layout.lanes();
        for slice in 0..N_SLICES - 1 {
            let channel = slice * width + first;
            let bias = load(simd, &layer.in_bias[..(slice + 1) * width], channel);
            for token in 0..n {
                let row = &projected[token * 3 * width..][..(slice + 1) * width];
                let lanes = simd.add_f32s(load(simd, row, channel), bias);
                store(simd, block, layout.place(n, slice, group, token), lanes);
            }
        }
        for token in 0..n {
            let row = &hidden[token * width..][..width];
            store(simd, block, layout.place(n, N_SLICES - 1, group, token), load(simd, row, first));
        }
    }
    Ok(())
}

/// Embeds a chunk and projects it for the first layer.
pub(super) struct Enter<'a> {
    pub(super) embeddings: &'a Embeddings,
    pub(super) rows: &'a Rows,
    pub(super) tokens: Range<usize>,
    pub(super) layout: &'a Layout,
    pub(super) next: &'a Layer,
    /// The chunk's mixer inputs.
    pub(super) block: &'a mut [f32],
    /// Where the embeddings are copied to.
    pub(super) trace: Option<&'a mut [f32]>,
}

impl<'a> Enter<'a> {
    pub(super) fn with<E: Element>(self, scratch: &'a mut Scratch<E>) -> With<'a, Self, E> {
        With { step: self, scratch }
    }
}

/// A step and the buffers that it works in.
pub(super) struct With<'a, T, E> {
    step: T,
    scratch: &'a mut Scratch<E>,
}

impl<E: Element> WithSimd for With<'_, Enter<'_>, E> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Scratch { hidden, input, projected, .. } = self.scratch;
        let Enter { embeddings, rows, tokens, layout, next, block, trace } = self.step;
        let hidden = sized(hidden, tokens.len() * layout.width());
        embeddings.embed(simd, rows, tokens, hidden);
        if let Some(trace) = trace {
            trace.copy_from_slice(hidden);
        }
        project(simd, next, layout, hidden, (input, projected), block)
    }
}

/// Takes a chunk out of a mixer through the MLP, and projects it for the next layer.
pub(super) struct Leave<'a> {
    pub(super) layer: &'a Layer,
    pub(super) tokens: Range<usize>,
    pub(super) layout: &'a Layout,
    /// What the mixer made, `[n_groups, n_tokens, lanes]`.
    pub(super) mixed: &'a [f32],
    pub(super) next: Option<&'a Layer>,
    /// The chunk's mixer inputs.
    pub(super) block: &'a mut [f32],
    /// Where the hidden states are copied to.
    pub(super) keep: Option<&'a mut [f32]>,
    /// Where the mixer's projection is copied to.
    pub(super) mixer: Option<&'a mut [f32]>,
    /// What is taken from the hidden states of the last layer.
    pub(super) take: Option<(&'a Rows, &'a Wanted)>,
}

impl<'a> Leave<'a> {
    pub(super) fn with<E: Element>(self, scratch: &'a mut Scratch<E>) -> With<'a, Self, E> {
        With { step: self, scratch }
    }
}

impl<E: Element> WithSimd for With<'_, Leave<'_>, E> {
    type Output = Result<Taken, Error>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Leave { layer, tokens, layout, mixed, next, block, keep, mixer, take } = self.step;
        let Scratch { hidden, input, projected, gates, values, outs } = self.scratch;
        let (width, n) = (layout.width(), tokens.len());
        let m = room(n);
        let gathered = sized(input, m * width);
        gather(simd, layout, mixed, tokens.clone(), &mut gathered[..n * width]);
        let projected_now = sized(projected, m * width);
        layer.out_proj.multiply(simd, gathered, width, n, projected_now)?;
        if let Some(mixer) = mixer {
            mixer.fill(0.0);
            let rows = mixer.chunks_exact_mut(width).zip(projected_now.chunks_exact(width));
            rows.for_each(|(sum, row)| kernels::add(simd, sum, row, &layer.out_bias));
        }
        let outs = sized(outs, m * width);
        let slice = width / layer.blocks.len();
        for (block, out) in layer.blocks.iter().zip(outs.chunks_exact_mut(m * slice)) {
            feed(simd, block, (projected_now, width, n), (&mut *gates, &mut *values), out)?;
        }
        let hidden = sized(hidden, n * width);
        for (token, hidden) in hidden.chunks_exact_mut(width).enumerate() {
            for (index, hidden) in hidden.chunks_exact_mut(slice).enumerate() {
                hidden.copy_from_slice(&layer.sum_bias[index * slice..][..slice]);
                let residual = &projected_now[token * width + index * slice..][..slice];
                sum_of(simd, hidden, residual, &outs[(index * m + token) * slice..][..slice]);
            }
            layer.norm.apply(simd, hidden);
        }
        if let Some(keep) = keep {
            keep.copy_from_slice(hidden);
        }
        if let Some(next) = next {
            project(simd, next, layout, hidden, (input, projected), block)?;
        }
        Ok(take.map_or_else(Taken::default, |(rows, wanted)| Taken::from(rows, wanted, tokens, hidden)))
    }
}

/// Adds both to `sum`.
#[inline(always)]
fn sum_of<S: Simd, E: Element>(simd: S, sum: &mut [f32], a: &[E], b: &[E]) {
    for at in (0..sum.len()).step_by(S::F32_LANES) {
        let both = simd.add_f32s(load(simd, a, at), load(simd, b, at));
        store(simd, sum, at, simd.add_f32s(load(simd, sum, at), both));
    }
}

/// Turns groups of lanes back into rows of channels.
#[inline(always)]
fn gather<S: Simd, E: Element>(simd: S, layout: &Layout, mixed: &[f32], tokens: Range<usize>, out: &mut [E]) {
    let (width, lanes) = (layout.width(), layout.lanes());
    for group in 0..layout.n_groups() {
        let first = (group * layout.n_tokens() + tokens.start) * lanes;
        let from = &mixed[first..first + tokens.len() * lanes];
        for (token, row) in out.chunks_exact_mut(width).enumerate() {
            store(simd, row, group * lanes, load(simd, from, token * lanes));
        }
    }
}

/// One block of the gated MLP: `out[i] = (gelu(a) * b) W_o` with `a` and `b` from the halves of W_g.
#[inline(always)]
fn feed<S: Simd, E: Element>(
    simd: S,
    block: &Block,
    (rows, width, n): (&[E], usize, usize),
    (gates, values): (&mut Vec<E>, &mut Vec<E>),
    out: &mut [E],
) -> Result<(), Error> {
    let n_features = block.gate.bias.len();
    let (gates, values) = (sized(gates, room(n) * n_features), sized(values, room(n) * n_features));
    block.gate.weight.multiply(simd, &rows[block.gate.start..], width, n, gates)?;
    block.value.weight.multiply(simd, &rows[block.value.start..], width, n, values)?;
    kernels::gate(simd, &mut gates[..n * n_features], values, &block.gate.bias, &block.value.bias);
    block.out.multiply(simd, gates, n_features, n, out)
}

/// What was wanted of the last hidden states of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Sums over the real tokens of a row, as far as they are in this chunk.
    pub(crate) sums: Vec<(usize, Vec<f32>)>,
    /// Hidden states of single tokens, by their place in what was asked for.
    pub(crate) picked: Vec<(usize, Vec<f32>)>,
}

impl Taken {
    fn from(rows: &Rows, wanted: &Wanted, tokens: Range<usize>, hidden: &[f32]) -> Self {
        let width = hidden.len() / tokens.len().max(1);
        let state = |token: usize| &hidden[(token - tokens.start) * width..][..width];
        let mut taken = Self::default();
        let picked = wanted.picked.iter().enumerate().filter(|(_, token)| tokens.contains(token));
        taken.picked.extend(picked.map(|(index, token)| (index, state(*token).to_vec())));
        if wanted.mean {
            for (row, real) in rows.real_tokens_within(tokens.clone()) {
                let mut sum = vec![0.0; width];
                for token in real {
                    sum.iter_mut().zip(state(token)).for_each(|(sum, value)| *sum += value);
                }
                taken.sums.push((row, sum));
            }
        }
        taken
    }
}
