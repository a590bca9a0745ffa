//! The commands of `m2bert`. Each returns what goes to standard output.

pub(crate) mod bench;
pub(crate) mod embed;
pub(crate) mod forward;
pub(crate) mod info;
pub(crate) mod init;
pub(crate) mod serve;
pub(crate) mod verify;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use m2bert::net::{Engine, Settings};
use m2bert::{Device, Dtype, Error, Options};

/// How a model is run.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Where to compute: auto, cpu, cuda, cuda:N or mps. `auto` is the first GPU that there is, else the processor
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub(crate) device: Device,
    /// Threads of the processor [default: all cores]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Memory that the process may take, such as 4GiB; decides how much is computed at once and how many spectra are
    /// kept [default: half of what is free]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory_budget: Option<ByteSize>,
    /// Memory that the spectra of kernels may take [default: what the memory budget leaves]
    #[arg(long, value_name = "SIZE")]
    pub(crate) spectra_budget: Option<ByteSize>,
    /// Share of a GPU's memory that this process may take, for several processes on one GPU
    #[arg(long, default_value_t = 1.0, value_name = "SHARE", value_parser = share)]
    pub(crate) gpu_memory_fraction: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "it must be above 0 and at most 1".to_owned())
}

/// `--dtype`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeArg {
    /// Exact
    F32,
    /// Matrix products in bf16: about twice as fast, vectors differ in the third digit
    Bf16,
}

impl From<DtypeArg> for Dtype {
    fn from(dtype: DtypeArg) -> Self {
        match dtype {
            DtypeArg::F32 => Self::F32,
            DtypeArg::Bf16 => Self::Bf16,
        }
    }
}

impl RunArgs {
    pub(crate) fn n_threads(&self) -> usize {
        let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or(all).max(1)
    }

    pub(crate) fn options(&self, dtype: Dtype, plain: bool) -> Options {
        let bytes = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        Options {
            device: self.device,
            dtype,
            n_threads: self.n_threads(),
            memory_budget: self.memory_budget.map(bytes),
            spectra_budget: self.spectra_budget.map(bytes),
            gpu_memory_fraction: self.gpu_memory_fraction,
            plain,
        }
    }

    /// For a network without a model directory.
    pub(crate) fn settings(&self, dtype: Dtype, plain: bool) -> Result<Settings, Error> {
        let device = self.device.open()?;
        let engine = Engine::for_device(device, plain);
        let defaults = Settings::default();
        let spectra_budget =
            self.spectra_budget.map_or(defaults.spectra_budget, |size| size.as_u64() as usize);
        Ok(Settings { device, engine, dtype, n_threads: self.n_threads(), spectra_budget })
    }
}
