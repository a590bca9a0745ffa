//! Weights in every form that a directory may have them in, and in some that it must not.

mod allocator;
mod formats;
mod fuzz;
mod pickler;
mod pickles;
mod shards;
mod torch_files;

use std::path::{Path, PathBuf};

use super::*;

const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens");

fn golden_path(set: &str, file: &str) -> PathBuf {
    Path::new(GOLDENS).join(set).join(file)
}

fn config(set: &str) -> Config {
    Config::read(&golden_path(set, "config.json")).unwrap()
}

fn golden(set: &str, file: &str) -> WeightFile {
    WeightFile::open(&golden_path(set, file), &config(set)).unwrap()
}
