//! The network as the published code computes it, one operator after the other, kernels and their transforms in every
//! pass: the reference by which the other implementations are tested, and measured.
//!
//! Rows of different lengths do not share a pass, so that none is padded.

use std::collections::BTreeMap;

use model_dir::Config;
use tch::Tensor;

use super::kernel::{FilterWeights, KernelName};
use super::rows::{Rows, States, Trace, Wanted};
use super::to_vec;
use super::weights::Weights;
use crate::Error;

#[derive(Debug)]
pub(super) struct PlainNetwork {
    /// Of words and, if the model has them, of positions: `[V, D]`, `[Lm, D]`.
    words: Tensor,
    positions: Option<Tensor>,
    /// `[n_types, D]`
    types: Tensor,
    norm: (Tensor, Tensor),
    layers: Vec<PlainLayer>,
    width: i64,
    eps: f64,
}

#[derive(Debug)]
struct PlainLayer {
    in_linear: (Tensor, Tensor),
    /// `[3D, 1, 3]` and `[3D]`
    short_filter: (Tensor, Tensor),
    gated: FilterWeights,
    residual: Option<FilterWeights>,
    out_linear: (Tensor, Tensor),
    /// `[n_blocks, 2F / n_blocks, D / n_blocks]`
    gated_layers: Tensor,
    /// `[n_blocks, D / n_blocks, F / n_blocks]`
    wo: Tensor,
    wo_bias: Tensor,
    norm: (Tensor, Tensor),
}

fn pair(weights: &Weights<'_>) -> Result<(Tensor, Tensor), Error> {
    Ok((weights.tensor("weight")?, weights.tensor("bias")?))
}

impl PlainNetwork {
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        let embeddings = weights.at("bert.embeddings");
        let table = |name: &str| embeddings.tensor(&format!("{name}_embeddings.weight"));
        let layer =
            |index: usize| PlainLayer::load(&weights.at(&format!("bert.encoder.layer.{index}")), config);
        Ok(Self {
            words: table("word")?,
            positions: config.use_positional_encodings.then(|| table("position")).transpose()?,
            types: table("token_type")?,
            norm: pair(&embeddings.at("LayerNorm"))?,
            layers: (0..config.n_layers).map(layer).collect::<Result<_, _>>()?,
            width: config.hidden_size as i64,
            eps: config.layer_norm_eps,
        })
    }

    pub(super) fn forward(
        &self,
        rows: &Rows,
        wanted: &Wanted,
        mut trace: Option<&mut Trace>,
    ) -> Result<States, Error> {
        let mut states = States::new(self.width as usize, rows, wanted);
        if let Some(trace) = &mut trace {
            trace.resize(self.layers.len(), rows.n_tokens() * self.width as usize);
        }
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, range) in rows.ranges().iter().enumerate() {
            by_length.entry(range.len()).or_default().push(row);
        }
        for indices in by_length.values() {
            let selected = rows.select(indices);
            let hidden = self.encode(&selected, &mut |stage, tensor| {
                let Some(trace) = &mut trace else { return Ok(()) };
                let kept = match stage {
                    Stage::Embedding => &mut trace.embedding,
                    Stage::Mixer(layer) => &mut trace.mixers[layer],
                    Stage::Hidden(layer) => &mut trace.hidden[layer],
                };
                scatter(tensor, rows, indices, kept)
            })?;
            states.take(&hidden, rows, indices, wanted)?;
        }
        Ok(states)
    }

    /// Rows of one length: `[B, L, D]`.
    fn encode(
        &self,
        rows: &Rows,
        observe: &mut dyn FnMut(Stage, &Tensor) -> Result<(), Error>,
    ) -> Result<Tensor, Error> {
        let input = rows.to_tensors(self.words.device())?;
        let length = input.ids.size()[1];
        let type_ids = match input.type_ids {
            Some(type_ids) => type_ids,
            None => input.ids.f_zeros_like()?,
        };
        let mut hidden = Tensor::f_embedding(&self.words, &input.ids, -1, false, false)?; // [B, L, D]
        hidden = hidden.f_add(&Tensor::f_embedding(&self.types, &type_ids, -1, false, false)?)?;
        if let Some(positions) = &self.positions {
            hidden = hidden.f_add(&positions.f_narrow(0, 0, length)?)?;
        }
        hidden = self.layer_norm(&hidden, &self.norm)?;
        observe(Stage::Embedding, &hidden)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let mixed = layer.mix(&hidden)?;
            observe(Stage::Mixer(index), &mixed)?;
            hidden = self.layer_norm(&layer.feed(&mixed)?.f_add(&mixed)?, &layer.norm)?;
            observe(Stage::Hidden(index), &hidden)?;
        }
        Ok(hidden)
    }

    fn layer_norm(&self, x: &Tensor, (weight, bias): &(Tensor, Tensor)) -> Result<Tensor, Error> {
        Ok(x.f_layer_norm([self.width], Some(weight), Some(bias), self.eps, false)?)
    }
}

/// A tensor on the way through the network.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    Embedding,
    Mixer(usize),
    Hidden(usize),
}

impl PlainLayer {
    fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, Error> {
        let (mixer, mlp) = (weights.at("attention"), weights.at("mlp"));
        let filter = |name: KernelName| FilterWeights::load(&mixer.at(name.as_str()), config);
        Ok(Self {
            in_linear: pair(&mixer.at("in_linear"))?,
            short_filter: pair(&mixer.at("short_filter"))?,
            gated: filter(KernelName::Gated)?,
            residual: config.residual_long_conv.then(|| filter(KernelName::Residual)).transpose()?,
            out_linear: pair(&mixer.at("out_linear"))?,
            gated_layers: mlp.tensor("gated_layers.weight")?,
            wo: mlp.tensor("wo.weight")?,
            wo_bias: mlp.tensor("wo.bias")?,
            norm: pair(&mlp.at("layernorm"))?,
        })
    }

    /// `x`: `[B, L, D]`; returns the same shape.
    fn mix(&self, x: &Tensor) -> Result<Tensor, Error> {
        let length = x.size()[1];
        let width = x.size()[2];
        let projected = x.f_linear(&self.in_linear.0, Some(&self.in_linear.1))?.f_transpose(1, 2)?; // [B, 3D, L]
        let (weight, bias) = &self.short_filter;
        let filtered = projected.f_conv1d(weight, Some(bias), 1, 2, 1, 3 * width)?.f_narrow(2, 0, length)?;
        let part = |index| filtered.f_narrow(1, index * width, width); // [B, D, L]
        let mut mixed = long_conv(&part(2)?.f_mul(&part(0)?)?, &self.gated)?.f_mul(&part(1)?)?;
        if let Some(residual) = &self.residual {
            mixed = mixed.f_add(&long_conv(&x.f_transpose(1, 2)?, residual)?)?;
        }
        Ok(mixed.f_transpose(1, 2)?.f_linear(&self.out_linear.0, Some(&self.out_linear.1))?)
    }

    /// The MLP, without its residual and norm: `[B, L, D]`.
    fn feed(&self, x: &Tensor) -> Result<Tensor, Error> {
        let features = block_diagonal(x, &self.gated_layers)?; // [B, L, 2F]
        let half = features.size()[2] / 2;
        let gates = features.f_narrow(2, 0, half)?.f_gelu("none")?;
        let gated = gates.f_mul(&features.f_narrow(2, half, half)?)?; // [B, L, F]
        Ok(block_diagonal(&gated, &self.wo)?.f_add(&self.wo_bias)?)
    }
}

/// Convolves `[B, D, L]` with a kernel that is computed now.
fn long_conv(x: &Tensor, filter: &FilterWeights) -> Result<Tensor, Error> {
    let (length, width) = (x.size()[2], x.size()[1]);
    let points = 2 * length;
    let taps = |direction| {
        let features = filter.features(direction, 0, length as usize)?;
        let taps = filter.taps(&features, direction, 0, 0, width as usize)?; // [L, D]
        Ok::<_, Error>(taps.f_transpose(0, 1)?) // [D, L]
    };
    let mut kernel = taps(0)?.f_constant_pad_nd([0, length])?; // [D, 2L]
    if filter.n_directions() == 2 {
        kernel = kernel.f_add(&taps(1)?.f_flip([-1])?.f_constant_pad_nd([length, 0])?)?;
    }
    let spectrum = kernel.f_fft_rfft(points, -1, "backward")?.f_div_scalar(points)?;
    let transformed = x.f_fft_rfft(points, -1, "backward")?.f_mul(&spectrum)?;
    let convolved = transformed.f_fft_irfft(points, -1, "forward")?.f_narrow(2, 0, length)?; // [B, D, L]
    Ok(convolved.f_add(&x.f_mul(&filter.skip().f_unsqueeze(1)?)?)?)
}

/// `x`: `[B, L, n_blocks * n_in]`; `blocks`: `[n_blocks, n_out, n_in]`; returns `[B, L, n_blocks * n_out]`.
fn block_diagonal(x: &Tensor, blocks: &Tensor) -> Result<Tensor, Error> {
    let (shape, [n_blocks, n_out, n_in]) = (x.size(), blocks.size3()?.into());
    let tokens = x.f_reshape([-1, n_blocks, n_in])?.f_transpose(0, 1)?; // [n_blocks, B * L, n_in]
    let products = tokens.f_bmm(&blocks.f_transpose(1, 2)?)?; // [n_blocks, B * L, n_out]
    Ok(products.f_transpose(0, 1)?.f_reshape([shape[0], shape[1], n_blocks * n_out])?)
}

/// Copies rows of one length, `[B, L, D]`, to their places in `[T, D]`.
fn scatter(tensor: &Tensor, rows: &Rows, indices: &[usize], to: &mut [f32]) -> Result<(), Error> {
    let values = to_vec(tensor)?;
    let width = tensor.size()[2] as usize;
    let n_values = tensor.size()[1] as usize * width;
    for (values, row) in values.chunks_exact(n_values).zip(indices) {
        let range = &rows.ranges()[*row];
        to[range.start * width..range.end * width].copy_from_slice(&values[..range.len() * width]);
    }
    Ok(())
}

impl States {
    /// Takes what is wanted out of the hidden states `[B, L, D]` of the rows with these indices.
    pub(super) fn take(
        &mut self,
        hidden: &Tensor,
        rows: &Rows,
        indices: &[usize],
        wanted: &Wanted,
    ) -> Result<(), Error> {
        let width = self.width;
        for (index, &row) in indices.iter().enumerate() {
            let range = rows.ranges()[row].clone();
            let states = hidden.f_get(index as i64)?; // [L, D]
            if wanted.mean {
                let real = states.f_narrow(0, 0, rows.n_real(row) as i64)?;
                let mean = real.f_mean_dim(0_i64, false, super::KIND)?; // [D]
                self.mean[row * width..][..width].copy_from_slice(&to_vec(&mean)?);
            }
            for (place, token) in wanted.picked.iter().enumerate().filter(|(_, token)| range.contains(token))
            {
                let state = states.f_get((token - range.start) as i64)?; // [D]
                self.picked[place * width..][..width].copy_from_slice(&to_vec(&state)?);
            }
        }
        if wanted.hidden {
            scatter(hidden, rows, indices, &mut self.hidden)?;
        }
        Ok(())
    }
}
