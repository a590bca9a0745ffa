//! Every output of every case of the golden models, in both formats and by every engine, within the stated tolerances.
//!
//! `cargo test -p m2bert -- --nocapture goldens` prints the largest difference of each output.

use std::path::{Path, PathBuf};

use m2bert::net::{Engine, Network, Settings};
use m2bert::verify::verify;
use model_dir::{Config, WeightFile};
use tch::Device;

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

/// Every implementation, on several threads where it has its own; on a GPU too where there is one.
pub(crate) fn engines() -> Vec<Settings> {
    let with = |engine, n_threads| Settings { engine, n_threads, ..Settings::default() };
    let mut all = vec![with(Engine::Fused, 2), with(Engine::Torch, 1), with(Engine::Plain, 1)];
    if tch::Cuda::is_available() {
        all.push(Settings { device: Device::Cuda(0), ..with(Engine::Torch, 1) });
    } else {
        eprintln!(
            "NOT TESTED: there is no CUDA device here, so the golden data is compared on the processor only"
        );
    }
    all
}

fn run(set: &str, n_outputs: usize) {
    let mut n_files = 0;
    for file in [model_dir::WEIGHTS_FILE, model_dir::TORCH_WEIGHTS_FILE] {
        let path = folder(set).join(file);
        if !path.is_file() {
            continue;
        }
        n_files += 1;
        for settings in engines() {
            let differences = verify(&folder(set), &path, settings).unwrap();
            assert_eq!(differences.len(), n_outputs, "{set}: kinds of outputs");
            for (output, difference) in differences {
                let (largest, tolerance) = (difference.largest, difference.tolerance);
                let who = format!("{set} {file} {:?} {:?}", settings.engine, settings.device);
                println!("{who}: {output} {largest:.1e} of {tolerance:.0e}");
                assert!(difference.is_within(), "{who}: {output} differs by {largest:e}");
            }
        }
    }
    assert_eq!(n_files, if set == "mlm_untied" { 1 } else { 2 }, "{set}: files of weights");
}

#[test]
fn retrieval_matches() {
    run("retrieval", 11);
}

#[test]
fn masked_lm_with_tied_decoder_matches() {
    run("mlm_tied", 6);
}

#[test]
fn masked_lm_with_own_decoder_matches() {
    run("mlm_untied", 6);
}
