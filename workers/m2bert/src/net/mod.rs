//! The network: embeddings, layers of mixer and MLP, and the heads on top.
//!
//! Shapes are written with B rows, L positions, T tokens in all rows, D hidden size, F intermediate size and Lm the
//! length for which the model was made. Weights and activations are f32; matrix products may be bf16.
//!
//! There are three implementations. [`Engine::Fused`] (`cpu/`) is the one that runs on processors, [`Engine::Torch`]
//! (`device/`) the one for GPUs, made of libtorch's operators alone; [`Engine::Plain`] (`plain.rs`) does what the
//! published code does, operation by operation, and is what the others are measured against.

mod cpu;
mod device;
mod kernel;
mod masked_lm;
mod plain;
mod pooler;
mod rows;
mod weights;

use model_dir::{Config, WeightFile};
use tch::{Device, Kind, Tensor};

pub use kernel::{Kernel, KernelName};
pub use masked_lm::MaskedLm;
pub use pooler::Pooler;
pub use rows::{Rows, States, Trace, Wanted};

use self::cpu::CpuNetwork;
pub use self::cpu::n_points;
pub(crate) use self::cpu::{product_work, transform_work};
use self::device::DeviceNetwork;
use self::plain::PlainNetwork;
use self::weights::Weights;
use crate::Error;

/// Libtorch's type for weights and activations.
pub(crate) const KIND: Kind = Kind::Float;

/// The type of matrix products. Convolutions, norms and filters are always f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Exact.
    #[default]
    F32,
    /// Twice as fast where the device has it; vectors differ in the third digit.
    Bf16,
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl Dtype {
    /// libtorch's word for it.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}

/// Which implementation computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Fused loops of our own; processors only.
    Fused,
    /// libtorch's operators, with kernels computed once: any device.
    Torch,
    /// Every operation as the published code does it, kernels computed in every pass: the reference. f32 only.
    Plain,
}

impl Engine {
    /// The one to use on a device, or the reference.
    pub fn for_device(device: Device, plain: bool) -> Self {
        match device {
            _ if plain => Self::Plain,
            Device::Cpu => Self::Fused,
            _ => Self::Torch,
        }
    }
}

/// How a network is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Where.
    pub device: Device,
    /// By which implementation.
    pub engine: Engine,
    /// In which type products are computed.
    pub dtype: Dtype,
    /// Threads of a processor.
    pub n_threads: usize,
    /// Bytes that kept spectra of kernels may take.
    pub spectra_budget: usize,
}

impl Default for Settings {
    /// One thread of the processor, exact.
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            engine: Engine::Fused,
            dtype: Dtype::F32,
            n_threads: 1,
            spectra_budget: 512 << 20,
        }
    }
}

#[derive(Debug)]
enum Body {
    Fused(Box<CpuNetwork>),
    Torch(DeviceNetwork),
    Plain(PlainNetwork),
}

/// An M2-BERT network with its weights on a device.
#[derive(Debug)]
pub struct Network {
    config: Config,
    settings: Settings,
    body: Body,
    pooler: Option<Pooler>,
    masked_lm: Option<MaskedLm>,
}

impl Network {
    /// Reads all weights.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the device is too small; [`Error::Model`] if `file` was not opened
    /// with this `config`.
    pub fn load(file: &WeightFile, config: &Config, settings: Settings) -> Result<Self, Error> {
        let weights = Weights::new(file, settings.device);
        let heads = file.heads();
        let body = match settings.engine {
            Engine::Fused => Body::Fused(Box::new(CpuNetwork::load(&weights, config, &settings)?)),
            Engine::Torch => Body::Torch(DeviceNetwork::load(&weights, config, &settings)?),
            Engine::Plain => Body::Plain(PlainNetwork::load(&weights, config)?),
        };
        let pooler = heads.pooler.then(|| Pooler::load(&weights.at("bert.pooler"), config)).transpose()?;
        let masked_lm = heads.masked_lm.then(|| MaskedLm::load(&weights, heads.own_decoder)).transpose()?;
        Ok(Self { config: config.clone(), settings, body, pooler, masked_lm })
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How it runs.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The head that makes sentence embeddings, if the checkpoint has one.
    pub fn pooler(&self) -> Option<&Pooler> {
        self.pooler.as_ref()
    }

    /// The masked language model head, if the checkpoint has one.
    pub fn masked_lm(&self) -> Option<&MaskedLm> {
        self.masked_lm.as_ref()
    }

    /// Tokens that a pass over these rows computes, padding included.
    pub fn n_computed(&self, rows: &Rows) -> usize {
        match self.body {
            Body::Torch(_) => rows.len() * rows.longest(),
            Body::Fused(_) | Body::Plain(_) => rows.n_tokens(),
        }
    }

    /// Computes the last hidden states of rows, none of which influences another; with `trace`, also keeps every
    /// intermediate.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if fewer rows may fit, [`Error::Torch`] if libtorch refuses.
    ///
    /// # Panics
    /// If a token id is outside the vocabulary or a row is longer than the model: the caller checks.
    pub fn run(&mut self, rows: &Rows, wanted: &Wanted, trace: Option<&mut Trace>) -> Result<States, Error> {
        if rows.is_empty() {
            return Ok(States::new(self.config.hidden_size, rows, wanted));
        }
        match &mut self.body {
            Body::Fused(network) => network.forward(rows, wanted, trace),
            Body::Torch(network) => tch::no_grad(|| network.forward(rows, wanted, trace)),
            Body::Plain(network) => tch::no_grad(|| network.forward(rows, wanted, trace)),
        }
    }
}

/// All elements, row by row, on the host, as f32.
pub(crate) fn to_vec(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    let flat = tensor.f_to(Device::Cpu)?.f_to_kind(KIND)?.f_contiguous()?.f_view(-1_i64)?;
    let mut values = vec![0.0; flat.numel()];
    let n_values = values.len();
    flat.f_copy_data(&mut values, n_values)?;
    Ok(values)
}
