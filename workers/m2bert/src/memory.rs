//! How much of everything fits into a budget of memory.

use model_dir::{Config, ModelDir};

use crate::encoder::Options;
use crate::net::n_points;
use crate::{Dtype, Error};

/// What a process takes before a model is loaded: libtorch, its threads, the tokenizer.
const BASE: usize = 384 << 20;

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
        let n_parameters = model.weights().n_parameters() as usize;
        let (budget, needs) = match device {
            tch::Device::Cpu => (budget, Needs::of_processor(config, n_parameters, options)),
            _ => {
                let memory = gpu_memory(device).unwrap_or(budget);
                let share = (memory as f64 * options.gpu_memory_fraction) as usize;
                (share, Needs::of_gpu(config, n_parameters))
            }
        };
        let least = needs.fixed + config.l_max() * needs.per_token;
        let Some(left) = budget.checked_sub(least) else {
            return Err(Error::Budget { budget, least });
        };
        // Not more than a quarter of what is left is for longer passes: spectra save more.
        let more = (left / 4 / needs.per_token).min(ENOUGH_TOKENS.saturating_sub(config.l_max()));
        let spectra_budget = left - more * needs.per_token;
        Ok(Self {
            tokens_per_pass: config.l_max() + more,
            spectra_budget: options.spectra_budget.unwrap_or(spectra_budget),
        })
    }
}

/// Bytes that a model takes.
struct Needs {
    /// Whatever the rows: weights, scratch of each thread, the spectra of one layer.
    fixed: usize,
    /// What lies between one layer and the next.
    per_token: usize,
}

impl Needs {
    /// Mixer inputs and outputs are all that is kept of a token.
    fn of_processor(config: &Config, n_parameters: usize, options: &Options) -> Self {
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

impl Needs {
    /// All kernels are kept as taps. Of a token, there are the projection, the filtered projection, the transforms of a
    /// chunk of channels, and the features of a block of the MLP at the same time. An estimate: what it gets wrong is
    /// an out of memory error, after which the batch is tried in halves.
    fn of_gpu(config: &Config, n_parameters: usize) -> Self {
        let taps = config.n_layers * 4 * config.hidden_size * config.long_conv_l_max;
        let float = size_of::<f32>();
        Self { fixed: BASE + (n_parameters + taps) * float, per_token: 16 * config.hidden_size * float }
    }
}

/// Bytes of a GPU's memory, from the CUDA library that libtorch brought along.
#[expect(unsafe_code, reason = "libtorch has this in C++ only")]
fn gpu_memory(device: tch::Device) -> Option<usize> {
    let tch::Device::Cuda(index) = device else { return None };
    // SAFETY: the names are those of two functions of the CUDA runtime, whose C interface is as declared here (CUDA
    // runtime API, "Device Management" and "Memory Management"); a library without them gives null.
    unsafe {
        let set_device = libc::dlsym(libc::RTLD_DEFAULT, c"cudaSetDevice".as_ptr());
        let get_info = libc::dlsym(libc::RTLD_DEFAULT, c"cudaMemGetInfo".as_ptr());
        if set_device.is_null() || get_info.is_null() {
            return None;
        }
        let set_device: extern "C" fn(libc::c_int) -> libc::c_int = std::mem::transmute(set_device);
        let get_info: extern "C" fn(*mut usize, *mut usize) -> libc::c_int = std::mem::transmute(get_info);
        let (mut free, mut total) = (0, 0);
        let index = libc::c_int::try_from(index).ok()?;
        (set_device(index) == 0 && get_info(&raw mut free, &raw mut total) == 0).then_some(total)
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

    fn plan(budget: usize) -> Result<MemoryPlan, Error> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("model");
        let files = model_dir::init::untrained(model_dir::init::Size::Micro, 1, &["let a = 1;".to_owned()]);
        files.and_then(|files| files.write(&path)).expect("a model");
        let model = ModelDir::open(&path).expect("what was just made is whole");
        let options = Options { memory_budget: Some(budget), ..Options::default() };
        MemoryPlan::new(&model, &options, tch::Device::Cpu)
    }

    #[test]
    fn a_budget_that_is_too_small_says_how_much_is_needed() {
        let Err(Error::Budget { least, .. }) = plan(100 << 20) else { panic!("100 MiB are not enough") };
        let enough = plan(least).expect("what is said to be enough");
        assert_eq!((enough.tokens_per_pass, enough.spectra_budget), (64, 0));
        assert!(plan(100 << 20).unwrap_err().to_string().contains("at least"));
    }

    #[test]
    fn more_memory_means_longer_passes_and_more_spectra() {
        let (some, more) = (plan(1 << 30).expect("enough"), plan(2 << 30).expect("enough"));
        assert_eq!(more.tokens_per_pass, ENOUGH_TOKENS);
        assert!(some.spectra_budget < more.spectra_budget);
    }
}
