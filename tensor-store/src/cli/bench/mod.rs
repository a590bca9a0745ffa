//! `bench`: what the store costs beside plain files, and what a clean-up of many tensors takes.

mod crowd;
mod sizes;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::Output;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    /// A folder on the disk to measure: the bench works in one of its own within, and removes it.
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// Rounds of the smallest size; larger ones get fewer.
    #[arg(long, value_name = "N", default_value_t = 200)]
    rounds: usize,
    /// Tensor packs of the clean-up; 0 leaves it out.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    packs: u32,
    /// Tensors in each of them.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    tensors: u32,
}

pub(super) async fn run(bench: &Bench, output: &mut Output) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("tensor-store-bench-").tempdir_in(&bench.dir)?;
    if bench.rounds > 0 {
        sizes::run(folder.path(), bench.rounds, output).await?;
    }
    if bench.packs > 0 {
        crowd::run(folder.path(), bench.packs, bench.tensors, output).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How long each round of one operation took.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    /// Runs `work` and notes how long it takes.
    async fn time<T>(&mut self, work: impl AsyncFnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let started = Instant::now();
        let value = work().await?;
        self.0.push(started.elapsed());
        Ok(value)
    }

    /// The time that `percent` of the rounds took at most, in microseconds.
    fn micros(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1e6)
    }
}
