//! What a worker is told at start.

use std::path::PathBuf;

use clap::Parser;
use model_dir::remote::ServeOptions;

/// Pulls batches, mends files, encodes them, stores results.
#[derive(Clone, Debug, Parser)]
#[command(name = "worker", version, about)]
pub struct Config {
    /// NATS server, or several of one cluster separated by commas
    #[arg(long, env = "NM_NATS_URL", value_name = "URL")]
    pub nats: String,
    /// Token of the NATS server
    #[arg(long, env = "NM_NATS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub nats_token: Option<String>,
    /// Credentials file for the NATS server
    #[arg(long, env = "NM_NATS_CREDS", value_name = "FILE")]
    pub creds: Option<PathBuf>,
    /// Object store: file:///… or s3://…
    #[arg(long, env = "NM_STORE", value_name = "URL")]
    pub store: String,
    /// Where models are kept after they were fetched from the store
    #[arg(long, env = "NM_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Batches in hand at once: one is read or stored while another is computed
    #[arg(long, env = "NM_SLOTS", default_value_t = 2, value_name = "N")]
    pub slots: u32,
    /// Threads for parsing and for the model [default: all cores]
    #[arg(long, env = "NM_THREADS", value_name = "N")]
    pub threads: Option<usize>,
    /// Where the model computes: auto, cpu, cuda, cuda:N or mps
    #[arg(long, env = "NM_DEVICE", default_value = "cpu", value_name = "DEVICE")]
    pub device: String,
    /// Memory that the model may take, such as 4GiB [default: half of what is free]
    #[arg(long, env = "NM_MEMORY_BUDGET", value_name = "SIZE")]
    pub memory_budget: Option<String>,
    /// Share of a GPU's memory that the model may take, for several workers on one GPU [default: all]
    #[arg(long, env = "NM_GPU_MEMORY_FRACTION", value_name = "SHARE")]
    pub gpu_memory_fraction: Option<String>,
    /// How long batches in hand may take after SIGTERM before they are given back, in seconds
    #[arg(long, env = "NM_DRAIN_TIMEOUT", default_value_t = 15, value_name = "SECONDS")]
    pub drain_timeout: u64,
    /// Stop when standard input closes: for a parent that may be killed
    #[arg(long, hide = true)]
    pub exit_with_parent: bool,
}

impl Config {
    /// Threads for parsing and for the model.
    #[must_use]
    pub fn n_threads(&self) -> usize {
        let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or(all).max(1)
    }

    /// How the model's process is to run.
    #[must_use]
    pub fn serve_options(&self) -> ServeOptions {
        ServeOptions {
            n_threads: self.n_threads(),
            device: Some(self.device.clone()),
            // The job's.
            dtype: None,
            memory_budget: self.memory_budget.clone(),
            gpu_memory_fraction: self.gpu_memory_fraction.clone(),
        }
    }
}
