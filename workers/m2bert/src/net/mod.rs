//! The network: embeddings, layers of mixer and MLP, and the heads on top.
//!
//! Shapes are written with B rows, L positions, D hidden size, F intermediate size and Lm the
//! length for which the model was made. Tensors between layers are `[B, L, D]`; inside the mixer,
//! whose convolutions run along the sequence, they are `[B, D, L]`.
//!
//! Everything is f32. Run it under `tch::no_grad`; [`crate::Encoder`] does.

mod embeddings;
mod kernel;
mod layer;
mod long_conv;
mod masked_lm;
mod mixer;
mod mlp;
mod pooler;
mod short_filter;
mod weights;

use model_dir::{Config, WeightFile};
use tch::{Device, Kind, Tensor};

pub use kernel::{Kernel, KernelName};
pub use masked_lm::MaskedLm;
pub use pooler::Pooler;
pub(crate) use pooler::masked_mean;

use self::embeddings::Embeddings;
use self::layer::Layer;
use self::weights::Weights;
use crate::Error;

/// Libtorch's types for weights and activations.
pub(crate) const KIND: Kind = Kind::Float;

/// One padded batch of token ids.
#[derive(Debug)]
pub struct Input {
    /// Token ids: i64 `[B, L]`, each below the vocabulary size, `1 ≤ L ≤ Lm`.
    pub ids: Tensor,
    /// Token types: i64 `[B, L]`; type 0 everywhere if absent.
    pub type_ids: Option<Tensor>,
    /// 1 at real tokens, 0 at padding: f32 `[B, L]`. If present, padding has no influence on real
    /// tokens. If absent, all positions take part, padding too.
    pub mask: Option<Tensor>,
}

/// A tensor on the way through the network, for whoever looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The embeddings, after their layer norm.
    Embeddings,
    /// What the sequence mixer of a layer makes.
    Mixer(usize),
    /// What a layer makes.
    Hidden(usize),
}

/// An M2-BERT network with its weights and convolution kernels on a device.
#[derive(Debug)]
pub struct Network {
    config: Config,
    device: Device,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    pooler: Option<Pooler>,
    masked_lm: Option<MaskedLm>,
}

impl Network {
    /// Reads all weights and computes the convolution kernels.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the device is too small; [`Error::Model`] if `file` was not opened
    /// with this `config`.
    pub fn load(file: &WeightFile, config: &Config, device: Device) -> Result<Self, Error> {
        let weights = Weights::new(file, device);
        let heads = file.heads();
        let embeddings = Embeddings::load(&weights.at("bert.embeddings"), config)?;
        let layers = (0..config.n_layers)
            .map(|layer| Layer::load(&weights.at(&format!("bert.encoder.layer.{layer}")), config))
            .collect::<Result<_, _>>()?;
        let pooler = heads.pooler.then(|| Pooler::load(&weights.at("bert.pooler"), config)).transpose()?;
        let masked_lm = heads
            .masked_lm
            .then(|| MaskedLm::load(&weights.at("cls.predictions"), heads.own_decoder, embeddings.words()))
            .transpose()?;
        Ok(Self { config: config.clone(), device, embeddings, layers, pooler, masked_lm })
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The device that inputs must be on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The head that makes sentence embeddings, if the checkpoint has one.
    pub fn pooler(&self) -> Option<&Pooler> {
        self.pooler.as_ref()
    }

    /// The masked language model head, if the checkpoint has one.
    pub fn masked_lm(&self) -> Option<&MaskedLm> {
        self.masked_lm.as_ref()
    }

    /// Computes the last hidden states.
    ///
    /// # Shapes
    /// Returns `[B, L, D]`; zero at masked positions.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if a smaller batch may fit, [`Error::Torch`] for ids out of range or
    /// a row longer than the model.
    pub fn forward(&mut self, input: &Input) -> Result<Tensor, Error> {
        self.forward_observed(input, &mut |_, _| {})
    }

    /// [`forward`](Self::forward), showing each intermediate `[B, L, D]` to `observe`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_observed(
        &mut self,
        input: &Input,
        observe: &mut dyn FnMut(Stage, &Tensor),
    ) -> Result<Tensor, Error> {
        let mask = input.mask.as_ref();
        let mut hidden = self.embeddings.forward(&input.ids, input.type_ids.as_ref())?; // [B, L, D]
        zero_padding(&mut hidden, mask)?;
        observe(Stage::Embeddings, &hidden);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let mixed = layer.mixer.forward(&hidden, mask)?; // [B, L, D]
            observe(Stage::Mixer(index), &mixed);
            hidden = layer.mlp.forward(&mixed)?; // [B, L, D]
            zero_padding(&mut hidden, mask)?;
            observe(Stage::Hidden(index), &hidden);
        }
        Ok(hidden)
    }
}

/// Zeroes the padded positions of `[B, L, D]`: what enters a layer enters a convolution.
fn zero_padding(hidden: &mut Tensor, mask: Option<&Tensor>) -> Result<(), Error> {
    if let Some(mask) = mask {
        let _in_place = hidden.f_mul_(&mask.f_unsqueeze(2)?)?; // [B, L, D] * [B, L, 1]
    }
    Ok(())
}
