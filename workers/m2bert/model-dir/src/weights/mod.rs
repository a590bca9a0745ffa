//! The weights of a model, in whichever of three forms a directory has them: compared with the
//! config by their headers, then read tensor by tensor.
//!
//! Files are mapped, not read, and a tensor is a slice of the map until it is widened to f32.
//!
//! Reading order: [`WeightFile`] → `checkpoint` (files and tensors, whatever the format) →
//! `safetensors`, `index`, `torch` (the formats; the last on top of `zip` and `pickle`) →
//! [`WeightReport`] (names and shapes).

mod checkpoint;
mod elements;
mod index;
mod pickle;
mod report;
mod safetensors;
mod torch;
mod zip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::names::Heads;
use crate::{Config, Error};
use checkpoint::{Checkpoint, Stored};
use report::Named;

pub use report::WeightReport;

/// Weights whose names, shapes and types are those that a config asks for.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    checkpoint: Checkpoint,
    tensors: BTreeMap<String, Stored>,
    report: WeightReport,
}

impl WeightFile {
    /// Maps the weights of a model directory, in the first of [`WEIGHTS_FORMS`](crate::WEIGHTS_FORMS) that it has.
    ///
    /// # Errors
    /// [`Error::Missing`] if it has none; as [`open`](Self::open).
    pub fn open_dir(dir: &Path, config: &Config) -> Result<Self, Error> {
        Self::open(&checkpoint::locate(dir)?, config)
    }

    /// Maps a weights file and compares what it says it has with what `config` asks for.
    ///
    /// The format follows from the name: `….index.json` is an index of safetensors files beside it,
    /// `….bin` a zip archive of `torch.save`, anything else a safetensors file.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if it cannot be mapped, [`Error::Safetensors`],
    /// [`Error::Json`] or [`Error::Checkpoint`] if it is not what its name says, [`Error::Weights`]
    /// with *all* missing, unexpected, doubled and misshapen tensors otherwise.
    pub fn open(path: &Path, config: &Config) -> Result<Self, Error> {
        let file = Self::survey(path, config)?;
        let problems = file.report.problems();
        if problems.is_empty() { Ok(file) } else { Err(Error::Weights { path: path.to_owned(), problems }) }
    }

    /// As [`open_dir`](Self::open_dir), but differences are in the report only.
    pub(crate) fn survey_dir(dir: &Path, config: &Config) -> Result<Self, Error> {
        Self::survey(&checkpoint::locate(dir)?, config)
    }

    fn survey(path: &Path, config: &Config) -> Result<Self, Error> {
        let checkpoint = Checkpoint::open(path)?;
        let named = Named::of(&checkpoint);
        let report = named.compare(config);
        Ok(Self { path: path.to_owned(), checkpoint, tensors: named.tensors, report })
    }

    /// What is there, and what nobody needed.
    pub fn report(&self) -> &WeightReport {
        &self.report
    }

    /// What the checkpoint has on top of the encoder.
    pub fn heads(&self) -> Heads {
        self.report.heads
    }

    /// Number of parameters: elements of all tensors, the two buffers of each filter included.
    pub fn n_parameters(&self) -> u64 {
        self.report.n_parameters
    }

    /// How many tensors there are of each type (`F32`, `F16`, `BF16`).
    pub fn dtypes(&self) -> BTreeMap<String, usize> {
        self.report.dtypes.clone()
    }

    /// The name of the file that was opened: of the index, where there are shards.
    pub fn file_name(&self) -> String {
        checkpoint::file_name(&self.path)
    }

    /// Name and bytes of each file with tensors in it: the file itself, or the shards of an index.
    pub fn mapped_files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.checkpoint.files.iter().map(|file| (file.name.as_str(), &file.bytes[..]))
    }

    /// The shape and the elements of a tensor, widened to f32 if they are stored in 16 bits.
    ///
    /// `name` is the published one with `bert.` or `cls.` in front; a filter's frequencies are
    /// `….implicit_filter.1.freq`.
    ///
    /// # Errors
    /// [`Error::Weights`] if there is no such tensor, which for a name that the config asks for
    /// cannot happen.
    pub fn f32(&self, name: &str) -> Result<(&[usize], Vec<f32>), Error> {
        let stored = self.tensors.get(name).ok_or_else(|| Error::Weights {
            path: self.path.clone(),
            problems: vec![format!("missing {name}")],
        })?;
        Ok((&stored.shape, elements::widen(stored.dtype, &self.checkpoint.elements(stored))))
    }
}

#[cfg(test)]
mod tests;
