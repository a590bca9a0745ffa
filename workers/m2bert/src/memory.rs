//! How much of everything fits into a budget of memory.

use model_dir::{Config, ModelDir};

use crate::encoder::Options;
use crate::net::n_points;
use crate::{Dtype, Error};

/// What a process takes before a model is loaded: libtorch, its threads, the tokenizer.
const BASE: usize = 300 << 20;

/// Tokens of a pass beyond which more tokens make nothing faster.
const ENOUGH_TOKENS: usize = 16_384;

/// What a memory budget comes to for one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryPlan {
    /// Tokens of one pass.
    pub(crate) tokens_per_pass: usize,
    /// Bytes for spectra that are kept.
    pub(crate) spectra_budget: usize,
}

impl MemoryPlan {
    /// Divides the budget: first what one full row needs, then a pass of a useful size, the rest for spectra.
    ///
    /// # Errors
    /// [`Error::Budget`] if one full row does not fit.
    pub(crate) fn new(model: &ModelDir, options: &Options, device: tch::Device) -> Result<Self, Error> {
        let config = model.config();
        let budget = options.memory_budget.unwrap_or_else(|| free_memory() / 2);
        // On a GPU, activations and spectra are not in main memory, and out of memory is an error that is recovered from.
        if device != tch::Device::Cpu {
            let spectra_budget = options.spectra_budget.unwrap_or(8 << 30);
            return Ok(Self { tokens_per_pass: ENOUGH_TOKENS.max(config.l_max()), spectra_budget });
        }
        let needs = Needs::new(config, model.weights().n_parameters() as usize, options);
        let least = needs.fixed + config.l_max() * needs.per_token;
        let Some(left) = budget.checked_sub(least) else {
            return Err(Error::Budget { budget, least });
        };
        // Not more than a quarter of what is left for longer passes: spectra save more.
        let more = (left / 4 / needs.per_token).min(ENOUGH_TOKENS.saturating_sub(config.l_max()));
        let spectra_budget = left - more * needs.per_token;
        Ok(Self {
            tokens_per_pass: config.l_max() + more,
            spectra_budget: options.spectra_budget.unwrap_or(spectra_budget),
        })
    }
}

/// Bytes that a model takes on a processor.
struct Needs {
    /// Whatever the rows: weights, scratch of each thread, the spectra of one layer.
    fixed: usize,
    /// Mixer inputs and outputs.
    per_token: usize,
}

impl Needs {
    fn new(config: &Config, n_parameters: usize, options: &Options) -> Self {
        let float = size_of::<f32>();
        let points = n_points(config.l_max());
        // A complex sample of 16 channels per point, and the taps of 128 channels while spectra are computed.
        let per_thread = points * (2 * 16 + 2 * 128) * float + (16 << 20);
        let of_a_layer = 2 * config.hidden_size * (points + 2) * float;
        let weights = match options.dtype {
            Dtype::F32 => n_parameters * float,
            // Tables, norms and filters stay f32; more than half of the parameters are not theirs.
            Dtype::Bf16 => n_parameters * float * 3 / 4,
        };
        let fixed = BASE + weights + options.n_threads.max(1) * per_thread + of_a_layer;
        Self { fixed, per_token: 5 * config.hidden_size.next_multiple_of(16) * float }
    }
}

/// Bytes of main memory that nobody uses, within the limit of the control group if there is one.
fn free_memory() -> usize {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let available = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.to_owned();
        Some(number(line.trim_end_matches("kB"))? << 10)
    });
    let limit = read("/sys/fs/cgroup/memory.max").as_deref().and_then(number);
    let used = read("/sys/fs/cgroup/memory.current").as_deref().and_then(number).unwrap_or(0);
    let in_group = limit.map(|limit| limit.saturating_sub(used));
    // 4 GiB where nothing is known.
    [available, in_group].into_iter().flatten().min().unwrap_or(4 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_some_memory() {
        assert!(free_memory() > 64 << 20);
    }
}
