//! The network of libtorch's operators, for GPUs: rows padded to one length, kernels computed once.
//!
//! Tensors between layers are `[B, L, D]`; inside the mixer, whose convolutions run along the sequence, they are
//! `[B, D, L]`.

mod embeddings;
mod layer;
mod long_conv;
mod mixer;
mod mlp;
mod short_filter;

use model_dir::Config;
use tch::{Device, Kind, Tensor};

use self::embeddings::Embeddings;
use self::layer::Layer;
use super::rows::{Rectangle, Rows, States, Trace, Wanted};
use super::weights::Weights;
use super::{Settings, to_vec};
use crate::Error;

#[derive(Debug)]
pub(super) struct DeviceNetwork {
    device: Device,
    embeddings: Embeddings,
    layers: Vec<Layer>,
}

impl DeviceNetwork {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, settings: &Settings) -> Result<Self, Error> {
        let layers = (0..config.n_layers)
            .map(|layer| Layer::load(&weights.at(&format!("bert.encoder.layer.{layer}")), config, settings))
            .collect::<Result<_, _>>()?;
        let embeddings = Embeddings::load(&weights.at("bert.embeddings"), config)?;
        Ok(Self { device: settings.device, embeddings, layers })
    }

    pub(super) fn forward(
        &mut self,
        rows: &Rows,
        wanted: &Wanted,
        mut trace: Option<&mut Trace>,
    ) -> Result<States, Error> {
        let input = rows.to_tensors(self.device)?;
        // Rows of one length have no padding that must not leak.
        let mask = (!rows.are_even()).then_some(&input.is_token);
        let mut hidden = self.embeddings.forward(&input.ids, input.type_ids.as_ref())?; // [B, L, D]
        zero_padding(&mut hidden, mask)?;
        if let Some(trace) = &mut trace {
            trace.resize(0, 0);
            trace.embedding = tokens_of(&hidden, &input)?;
        }
        for layer in &mut self.layers {
            let mixed = layer.mixer.forward(&hidden, mask)?; // [B, L, D]
            hidden = layer.mlp.forward(&mixed)?; // [B, L, D]
            zero_padding(&mut hidden, mask)?;
            if let Some(trace) = &mut trace {
                trace.mixers.push(tokens_of(&mixed, &input)?);
                trace.hidden.push(tokens_of(&hidden, &input)?);
            }
        }
        take(&hidden, &input, rows, wanted)
    }
}

/// What is wanted of `[B, L, D]`, in as few transfers as there are kinds.
fn take(hidden: &Tensor, input: &Rectangle, rows: &Rows, wanted: &Wanted) -> Result<States, Error> {
    let (length, width) = (hidden.size()[1], hidden.size()[2]);
    let mut states = States { width: width as usize, ..States::default() };
    if wanted.hidden {
        states.hidden = tokens_of(hidden, input)?;
    }
    if wanted.mean {
        let sum = input.is_real.f_unsqueeze(1)?.f_bmm(hidden)?.f_squeeze_dim(1)?; // [B, D]
        let n_tokens = input.is_real.f_sum_dim_intlist(1_i64, true, super::KIND)?; // [B, 1]
        states.mean = to_vec(&sum.f_div(&n_tokens)?)?;
    }
    if !wanted.picked.is_empty() {
        let place = |token: &usize| {
            let row = rows.ranges().partition_point(|range| range.end <= *token);
            row as i64 * length + (token - rows.ranges()[row].start) as i64
        };
        let places: Vec<i64> = wanted.picked.iter().map(place).collect();
        let places = Tensor::f_from_slice(&places)?.f_to(hidden.device())?;
        states.picked = to_vec(&hidden.f_view([-1, width])?.f_index_select(0, &places)?)?;
    }
    Ok(states)
}

/// The tokens `[T, D]` of `[B, L, D]`, without padding.
fn tokens_of(tensor: &Tensor, input: &Rectangle) -> Result<Vec<f32>, Error> {
    let is_token = input.is_token.f_to_kind(Kind::Bool)?;
    to_vec(&tensor.f_index(&[Some(is_token)])?)
}

/// Zeroes the padded positions of `[B, L, D]`: what enters a layer enters a convolution.
fn zero_padding(hidden: &mut Tensor, mask: Option<&Tensor>) -> Result<(), Error> {
    if let Some(mask) = mask {
        let _in_place = hidden.f_mul_(&mask.f_unsqueeze(2)?)?; // [B, L, D] * [B, L, 1]
    }
    Ok(())
}
