//! Every output of every case of the three golden models, within the stated tolerances.
//!
//! `cargo test -p m2bert -- --nocapture goldens` prints the largest difference of each output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use m2bert::net::{Engine, Kernel, KernelName, Network, Pooler, Rows, Settings, Trace, Wanted};
use model_dir::{Config, WeightFile};
use safetensors::{Dtype, SafeTensors};
use tch::{Device, Tensor};

/// Absolute, for f32 on any backend.
const HIDDEN: f64 = 1e-4;
const LOGITS: f64 = 5e-4;
const SENTENCE: f64 = 2e-5;
const FILTER: f64 = 2e-6;

pub(crate) fn folder(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(set)
}

pub(crate) fn config(set: &str) -> Config {
    Config::read(&folder(set).join("config.json")).unwrap()
}

pub(crate) fn network(set: &str, config: &Config, settings: Settings) -> Network {
    let weights = WeightFile::open(&folder(set).join("model.safetensors"), config).unwrap();
    Network::load(&weights, config, settings).unwrap()
}

/// Every implementation, on several threads where it has its own.
pub(crate) fn engines() -> [Settings; 3] {
    let with = |engine, n_threads| Settings { engine, n_threads, ..Settings::default() };
    [with(Engine::Fused, 2), with(Engine::Torch, 1), with(Engine::Plain, 1)]
}

/// The inputs and the expected outputs of a golden model, by name.
fn expected(set: &str) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(folder(set).join("expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let read = |view: safetensors::tensor::TensorView<'_>| {
        let kind = match view.dtype() {
            Dtype::F32 => tch::Kind::Float,
            Dtype::I64 => tch::Kind::Int64,
            other => panic!("unexpected type {other:?}"),
        };
        let shape: Vec<i64> = view.shape().iter().map(|size| *size as i64).collect();
        Tensor::from_data_size(view.data(), &shape, kind)
    };
    file.tensors().into_iter().map(|(name, view)| (name, read(view))).collect()
}

/// The largest difference so far of each kind of output, and which expected tensors were compared.
struct Comparison {
    set: &'static str,
    engine: Engine,
    expected: BTreeMap<String, Tensor>,
    largest: BTreeMap<String, (f64, f64)>,
    compared: Vec<String>,
}

impl Comparison {
    fn new(set: &'static str, engine: Engine) -> Self {
        Self { set, engine, expected: expected(set), largest: BTreeMap::new(), compared: Vec::new() }
    }

    fn input(&self, name: &str) -> Option<Tensor> {
        self.expected.get(name).map(Tensor::shallow_clone)
    }

    /// Compares an output with the expected one of this name, if the golden file has it.
    fn check(&mut self, case: &str, output: &str, actual: &Tensor, tolerance: f64) {
        let name = format!("{case}.{output}");
        let Some(expected) = self.expected.get(&name) else { return };
        assert_eq!(actual.size(), expected.size(), "shape of {name} in {}", self.set);
        let difference = (actual - expected).abs().max().double_value(&[]);
        let (largest, _) = self.largest.entry(output.to_owned()).or_insert((0.0, tolerance));
        *largest = largest.max(difference);
        self.compared.push(name);
    }

    /// Fails unless every expected output was compared and is within its tolerance.
    fn finish(self) {
        for (output, (largest, tolerance)) in &self.largest {
            println!("goldens {} {:?}: {output:40} {largest:.1e} of {tolerance:.0e}", self.set, self.engine);
        }
        let inputs = ["input_ids", "attention_mask", "token_type_ids"];
        for name in self.expected.keys() {
            let is_input = inputs.iter().any(|input| name.ends_with(input));
            assert!(is_input || self.compared.contains(name), "{}: {name} was not compared", self.set);
        }
        for (output, (largest, tolerance)) in self.largest {
            assert!(largest <= tolerance, "{} {:?}: {output} differs by {largest:e}", self.set, self.engine);
        }
    }
}

fn run_case(comparison: &mut Comparison, network: &mut Network, pool_all: Option<&Pooler>, case: &str) {
    let ids = comparison.input(&format!("{case}.input_ids")).unwrap();
    let types = comparison.input(&format!("{case}.token_type_ids"));
    let mask = comparison.input(&format!("{case}.attention_mask")).unwrap();
    let numbers = |tensor: &Tensor| Vec::<i64>::try_from(tensor.view(-1)).unwrap();
    let [n_rows, length] = ids.size()[..] else { panic!("{case} is no rectangle") };
    let (flat_ids, flat_mask) = (numbers(&ids), numbers(&mask));
    let mut rows = Rows::default();
    // In the published model padding takes part; only means leave it out.
    for (ids, mask) in flat_ids.chunks(length as usize).zip(flat_mask.chunks(length as usize)) {
        rows.push(ids.iter().map(|id| *id as u32), mask.iter().sum::<i64>() as usize);
    }
    rows.type_ids = types.map(|types| numbers(&types).into_iter().map(|id| id as u32).collect());
    let firsts = rows.ranges().iter().map(|row| row.start).collect();
    let wanted = Wanted { hidden: true, mean: true, picked: firsts };
    let mut trace = Trace::default();
    let states = network.run(&rows, &wanted, Some(&mut trace)).unwrap();
    let tensor = |values: &[f32], shape: &[i64]| Tensor::from_slice(values).view(shape);
    let width = states.width as i64;
    let all = [n_rows, length, width];
    comparison.check(case, "embedding_output", &tensor(&trace.embedding, &all), HIDDEN);
    for (layer, mixed) in trace.mixers.iter().enumerate() {
        comparison.check(case, &format!("mixer.{layer}"), &tensor(mixed, &all), HIDDEN);
    }
    for (layer, hidden) in trace.hidden.iter().enumerate() {
        comparison.check(case, &format!("hidden.{layer}"), &tensor(hidden, &all), HIDDEN);
    }
    comparison.check(case, "last_hidden_state", &tensor(&states.hidden, &all), HIDDEN);
    let first = tensor(&states.picked, &[n_rows, width]);
    comparison.check(case, "cls_hidden", &first, HIDDEN);
    if let Some(pooler) = network.pooler() {
        comparison.check(case, "sentence_embedding", &pooler.forward(&first).unwrap(), SENTENCE);
    }
    if let Some(pooler) = pool_all {
        let pooled = pooler.forward(&tensor(&states.mean, &[n_rows, width])).unwrap();
        comparison.check(case, "sentence_embedding_if_pool_all", &pooled, SENTENCE);
    }
    if let Some(head) = network.masked_lm() {
        let logits = head.forward(&tensor(&states.hidden, &[-1, width])).unwrap();
        comparison.check(case, "logits", &logits.view([n_rows, length, -1]), LOGITS);
    }
}

/// Compares the kernels that the golden file names: `filter.<layer>.<name>.L<length>.<direction>`.
fn run_kernels(comparison: &mut Comparison, config: &Config) {
    let weights = WeightFile::open(&folder(comparison.set).join("model.safetensors"), config).unwrap();
    let names: Vec<String> =
        comparison.expected.keys().filter(|name| name.starts_with("filter.")).cloned().collect();
    for name in names {
        let parts: Vec<&str> = name.split('.').collect();
        let [_, layer, filter, length, direction] = parts[..] else { panic!("{name}") };
        let kernel_name =
            [KernelName::Gated, KernelName::Residual].into_iter().find(|own| own.as_str() == filter);
        let layer = layer.parse().unwrap();
        let kernel = Kernel::load(&weights, config, layer, kernel_name.unwrap(), Device::Cpu).unwrap();
        let taps = if direction == "forward" { kernel.forward } else { kernel.reverse };
        let length: i64 = length[1..].parse().unwrap();
        let (case, output) = name.split_once('.').unwrap();
        comparison.check(case, output, &taps.narrow(1, 0, length).transpose(0, 1), FILTER);
    }
}

fn run(set: &'static str) {
    for settings in engines() {
        run_with(set, settings);
    }
}

fn run_with(set: &'static str, settings: Settings) {
    let _no_grad = tch::no_grad_guard();
    let config = config(set);
    let mut comparison = Comparison::new(set, settings.engine);
    let mut net = network(set, &config, settings);
    let pool_all = network(set, &Config { pool_all: true, ..config.clone() }, settings);
    let cases: Vec<String> = comparison
        .expected
        .keys()
        .filter_map(|name| name.strip_suffix(".input_ids"))
        .map(str::to_owned)
        .collect();
    assert!(!cases.is_empty());
    for case in cases {
        run_case(&mut comparison, &mut net, pool_all.pooler(), &case);
    }
    run_kernels(&mut comparison, &config);
    comparison.finish();
}

#[test]
fn retrieval_matches() {
    run("retrieval");
}

#[test]
fn masked_lm_with_tied_decoder_matches() {
    run("mlm_tied");
}

#[test]
fn masked_lm_with_own_decoder_matches() {
    run("mlm_untied");
}
