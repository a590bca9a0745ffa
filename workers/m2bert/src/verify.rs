//! Golden data: what a model must compute from given token ids, to within the tolerances of single precision.

use std::collections::BTreeMap;
use std::path::Path;

use model_dir::{Config, Padding, WeightFile};
use safetensors::{Dtype, SafeTensors};

use crate::Error;
use crate::cases::Case;
use crate::net::{Kernel, KernelName, Network, Settings, to_vec};

/// The name of the file with inputs and expected outputs.
pub const EXPECTED_FILE: &str = "expected.safetensors";

/// The largest difference of one kind of output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Absolute.
    pub largest: f32,
    /// What it may be: 1e-4 for hidden states, 5e-4 for logits, 2e-5 for sentence embeddings, 2e-6 for filters.
    pub tolerance: f32,
    /// Tensors that were compared.
    pub n_compared: usize,
}

impl Difference {
    /// Whether it is small enough; not a number is not.
    pub fn is_within(&self) -> bool {
        self.largest <= self.tolerance
    }
}

/// Runs every case of the expected file of `dir` through the weights `file` and compares every output; by kind.
///
/// # Errors
/// [`Error::Model`] if the directory has no such weights, [`Error::Case`] if an expected tensor has another shape or no
/// counterpart.
pub fn verify(dir: &Path, weights: &Path, settings: Settings) -> Result<BTreeMap<String, Difference>, Error> {
    let config = Config::read(&dir.join(model_dir::CONFIG_FILE))?;
    let weights = WeightFile::open(weights, &config)?;
    let path = dir.join(EXPECTED_FILE);
    let bytes = std::fs::read(&path)
        .map_err(|source| Error::Model(model_dir::Error::Io { path: path.clone(), source }))?;
    let expected = SafeTensors::deserialize(&bytes)
        .map_err(|source| Error::Model(model_dir::Error::Safetensors { path, source }))?;
    let mut network = Network::load(&weights, &config, settings)?;
    let mut comparison = Comparison { expected: &expected, differences: BTreeMap::new(), n_compared: 0 };
    let cases = Case::read_all(&expected)?;
    for case in &cases {
        for (output, array) in case.run(&mut network, Padding::MaxLength, true)? {
            comparison.check(&case.name, &output, &array.shape, &array.values)?;
        }
    }
    let filters: Vec<String> =
        expected.names().into_iter().filter(|name| name.starts_with("filter.")).map(str::to_owned).collect();
    for name in filters {
        compare_filter(&mut comparison, &name, &weights, &config, settings)?;
    }
    comparison.finish()
}

struct Comparison<'a> {
    expected: &'a SafeTensors<'a>,
    differences: BTreeMap<String, Difference>,
    n_compared: usize,
}

impl Comparison<'_> {
    /// Compares an output with the expected one of this name, if there is one.
    fn check(&mut self, case: &str, output: &str, shape: &[usize], values: &[f32]) -> Result<(), Error> {
        let Ok(expected) = self.expected.tensor(&format!("{case}.{output}")) else { return Ok(()) };
        if expected.dtype() != Dtype::F32 || expected.shape() != shape {
            let reason = format!("{output} has shape {shape:?}, not {:?}", expected.shape());
            return Err(Error::Case { case: case.to_owned(), reason });
        }
        let (words, _) = expected.data().as_chunks::<4>();
        let differences =
            words.iter().zip(values).map(|(word, value)| (f32::from_le_bytes(*word) - value).abs());
        let largest = differences.fold(0.0, larger);
        let start = Difference { largest: 0.0, tolerance: tolerance(output), n_compared: 0 };
        let difference = self.differences.entry(output.to_owned()).or_insert(start);
        difference.largest = larger(difference.largest, largest);
        difference.n_compared += 1;
        self.n_compared += 1;
        Ok(())
    }

    /// Everything that is expected must have been compared.
    fn finish(self) -> Result<BTreeMap<String, Difference>, Error> {
        let inputs = [".input_ids", ".attention_mask", ".token_type_ids"];
        let is_output = |name: &&str| !inputs.iter().any(|input| name.ends_with(input));
        let n_expected = self.expected.names().into_iter().filter(is_output).count();
        if self.n_compared == n_expected {
            return Ok(self.differences);
        }
        let reason =
            format!("{n_expected} outputs are expected, of which {} could be compared", self.n_compared);
        Err(Error::Case { case: EXPECTED_FILE.to_owned(), reason })
    }
}

/// Not `max`, which passes over what is not a number.
fn larger(one: f32, other: f32) -> f32 {
    if one.is_nan() || other.is_nan() { f32::NAN } else { one.max(other) }
}

fn tolerance(output: &str) -> f32 {
    if output.starts_with("sentence_embedding") {
        2e-5
    } else if output == "logits" {
        5e-4
    } else if output.contains("filter") {
        2e-6
    } else {
        1e-4
    }
}

/// Compares the taps `filter.<layer>.<name>.L<length>.<direction>`, `[length, D]`.
fn compare_filter(
    comparison: &mut Comparison<'_>,
    name: &str,
    weights: &WeightFile,
    config: &Config,
    settings: Settings,
) -> Result<(), Error> {
    let unknown = || Error::Case { case: name.to_owned(), reason: "it names no filter".to_owned() };
    let parts: Vec<&str> = name.split('.').collect();
    let [case, layer, filter, length, direction] = parts[..] else { return Err(unknown()) };
    let names = [KernelName::Gated, KernelName::Residual];
    let kernel_name = names.into_iter().find(|own| own.as_str() == filter).ok_or_else(unknown)?;
    let layer = layer.parse().map_err(|_| unknown())?;
    let length: usize = length.trim_start_matches('L').parse().map_err(|_| unknown())?;
    let kernel = Kernel::load(weights, config, layer, kernel_name, settings.device)?;
    let taps = if direction == "forward" { kernel.forward } else { kernel.reverse };
    let taps = taps.f_narrow(1, 0, length as i64)?.f_transpose(0, 1)?;
    let output = name.trim_start_matches(case).trim_start_matches('.');
    comparison.check(case, output, &[length, config.hidden_size], &to_vec(&taps)?)
}
