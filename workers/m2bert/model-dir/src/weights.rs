//! `model.safetensors`: checked against the config by its header, then read tensor by tensor.
//!
//! The file is mapped, not read: checking a model touches one page of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::names::{self, Heads};
use crate::{Config, Error};

/// A weights file whose names, shapes and types are those that a config asks for.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    map: Mmap,
    tensors: BTreeMap<String, Stored>,
    heads: Heads,
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

impl WeightFile {
    /// Maps a safetensors file and compares its header with what `config` asks for.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if it cannot be mapped, [`Error::Safetensors`] if its
    /// header is broken, [`Error::Weights`] with *all* missing, unexpected, doubled and misshapen
    /// tensors otherwise.
    pub fn open(path: &Path, config: &Config) -> Result<Self, Error> {
        let map = map_file(path)?;
        let (tensors, mut problems) = read_header(path, &map)?;
        let heads = Heads::of(tensors.keys().map(String::as_str));
        problems.extend(compare(&tensors, &names::expected(config, heads)));
        if problems.is_empty() {
            Ok(Self { path: path.to_owned(), map, tensors, heads })
        } else {
            Err(Error::Weights { path: path.to_owned(), problems })
        }
    }

    /// What the checkpoint has on top of the encoder.
    pub fn heads(&self) -> Heads {
        self.heads
    }

    /// Number of parameters: elements of all tensors, the two buffers of each filter included.
    pub fn n_parameters(&self) -> u64 {
        self.tensors.values().map(|stored| n_elements(&stored.shape) as u64).sum()
    }

    /// How many tensors there are of each type (`F32`, `F16`, `BF16`).
    pub fn dtypes(&self) -> BTreeMap<String, usize> {
        let mut n_by_dtype = BTreeMap::new();
        for stored in self.tensors.values() {
            *n_by_dtype.entry(format!("{:?}", stored.dtype)).or_insert(0) += 1;
        }
        n_by_dtype
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
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
        Ok((&stored.shape, widen(stored.dtype, &self.map[stored.bytes.clone()])))
    }
}

#[expect(unsafe_code, reason = "mapping a file is unsafe: another process might change it meanwhile")]
fn map_file(path: &Path) -> Result<Mmap, Error> {
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        _ => Error::Io { path: path.to_owned(), source },
    })?;
    // SAFETY: the mapping is private and read-only, and nothing but bytes is ever read through it, for
    // which every bit pattern is valid. A model directory is not written to once it exists; whoever
    // truncates the file all the same kills the process, not its memory safety.
    unsafe { Mmap::map(&file) }.map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// The tensors under our names, and what is wrong with them by themselves.
fn read_header(path: &Path, map: &Mmap) -> Result<(BTreeMap<String, Stored>, Vec<String>), Error> {
    let invalid = |source| Error::Safetensors { path: path.to_owned(), source };
    let (header_len, header) = SafeTensors::read_metadata(map).map_err(invalid)?;
    let data_start = 8 + header_len;
    let mut tensors: BTreeMap<String, Stored> = BTreeMap::new();
    let mut problems = Vec::new();
    // In order, so that the same file gives the same message.
    for (stored_name, info) in header.tensors().into_iter().collect::<BTreeMap<_, _>>() {
        let Some(name) = names::canonical(&stored_name) else { continue };
        let (start, end) = info.data_offsets;
        let bytes = data_start + start..data_start + end;
        let stored = Stored { dtype: info.dtype, shape: info.shape.clone(), bytes };
        if !matches!(stored.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            problems.push(format!("{stored_name} has type {:?}, not F32, F16 or BF16", stored.dtype));
        }
        match tensors.get(&name) {
            // A shared tensor may be stored under several of its names, but it must be one tensor.
            Some(twin) if name.ends_with(".freq") && map[twin.bytes.clone()] == map[stored.bytes.clone()] => {
            }
            Some(_) => problems.push(format!("{stored_name} is a second, different {name}")),
            None => {
                tensors.insert(name, stored);
            }
        }
    }
    Ok((tensors, problems))
}

/// All differences between the tensors that are there and those that should be.
fn compare(stored: &BTreeMap<String, Stored>, expected: &BTreeMap<String, Vec<usize>>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, shape) in expected {
        match stored.get(name) {
            None => problems.push(format!("missing {name}")),
            Some(found) if found.shape != *shape => {
                problems.push(format!("{name} has shape {:?}, not {shape:?}", found.shape));
            }
            Some(_) => {}
        }
    }
    let unexpected = stored.keys().filter(|name| !expected.contains_key(*name));
    problems.extend(unexpected.map(|name| format!("unexpected {name}")));
    problems
}

fn n_elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Little-endian elements as f32. Only the three types that `open` lets through.
fn widen(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    let (words, halves) = (bytes.as_chunks::<4>().0, bytes.as_chunks::<2>().0);
    match dtype {
        Dtype::F16 => halves.iter().map(|word| f16::from_le_bytes(*word).to_f32()).collect(),
        Dtype::BF16 => halves.iter().map(|word| bf16::from_le_bytes(*word).to_f32()).collect(),
        _ => words.iter().map(|word| f32::from_le_bytes(*word)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{TensorView, serialize};

    use super::*;

    const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens");

    fn config(set: &str) -> Config {
        Config::read(&Path::new(GOLDENS).join(set).join("config.json")).unwrap()
    }

    fn golden(set: &str) -> WeightFile {
        WeightFile::open(&Path::new(GOLDENS).join(set).join("model.safetensors"), &config(set)).unwrap()
    }

    /// Rewrites the retrieval golden with each (name, type, shape, bytes) passed through `edit`.
    fn edited(edit: impl Fn(String, Dtype, Vec<usize>, Vec<u8>) -> Vec<Edited>) -> Result<WeightFile, Error> {
        let bytes = std::fs::read(Path::new(GOLDENS).join("retrieval/model.safetensors")).unwrap();
        let all: Vec<Edited> = SafeTensors::deserialize(&bytes)
            .unwrap()
            .tensors()
            .into_iter()
            .flat_map(|(name, view)| edit(name, view.dtype(), view.shape().to_vec(), view.data().to_vec()))
            .collect();
        let views = all.iter().map(|(name, dtype, shape, data)| {
            (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        std::fs::write(&path, serialize(views, None).unwrap()).unwrap();
        WeightFile::open(&path, &config("retrieval"))
    }

    type Edited = (String, Dtype, Vec<usize>, Vec<u8>);

    #[test]
    fn published_layouts_are_accepted() {
        assert_eq!(golden("retrieval").heads(), Heads { pooler: true, masked_lm: false, own_decoder: false });
        assert!(!golden("mlm_tied").heads().own_decoder);
        assert!(golden("mlm_untied").heads().own_decoder);
    }

    #[test]
    fn sixteen_bit_weights_are_widened() {
        let halved = edited(|name, dtype, shape, data| {
            if dtype != Dtype::F32 {
                return vec![(name, dtype, shape, data)];
            }
            let values = widen(dtype, &data);
            let data = values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
            vec![(name, Dtype::BF16, shape, data)]
        })
        .unwrap();
        let name = "bert.pooler.dense.weight";
        let (shape, values) = halved.f32(name).unwrap();
        assert_eq!(shape, [64, 64]);
        for (value, exact) in values.iter().zip(golden("retrieval").f32(name).unwrap().1) {
            assert_eq!(*value, bf16::from_f32(exact).to_f32());
        }
        assert_eq!(halved.dtypes().keys().collect::<Vec<_>>(), ["BF16"]);
    }

    #[test]
    fn names_of_wrapped_and_bare_models_are_accepted() {
        edited(|name, dtype, shape, data| {
            vec![(format!("model.{}", name.trim_start_matches("bert.")), dtype, shape, data)]
        })
        .unwrap();
    }

    #[test]
    fn all_differences_are_in_one_error() {
        let error = edited(|name, dtype, shape, data| match name.as_str() {
            "bert.pooler.dense.bias" => vec![],
            "bert.pooler.dense.weight" => vec![(name, dtype, vec![32, 128], data)],
            "bert.embeddings.LayerNorm.bias" => {
                let extra = ("classifier.weight".to_owned(), dtype, shape.clone(), data.clone());
                vec![(name, dtype, shape, data), extra]
            }
            _ => vec![(name, dtype, shape, data)],
        })
        .unwrap_err()
        .to_string();
        for part in [
            "missing bert.pooler.dense.bias",
            "bert.pooler.dense.weight has shape [32, 128], not [64, 64]",
            "unexpected classifier.weight",
            "model.safetensors",
        ] {
            assert!(error.contains(part), "{part} not in {error}");
        }
    }

    #[test]
    fn frequencies_that_disagree_are_refused() {
        let error = edited(|name, dtype, shape, data| {
            let mut all = vec![(name.clone(), dtype, shape.clone(), data.clone())];
            if name.ends_with("layer.0.attention.filter_fn.implicit_filter.1.freq") {
                let mut other = data;
                other[0] ^= 1;
                all.push((name.replace(".1.freq", ".3.freq"), dtype, shape, other));
            }
            all
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains("implicit_filter.3.freq is a second, different"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_safetensors_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        std::fs::write(&path, b"not safetensors at all").unwrap();
        let error = WeightFile::open(&path, &config("retrieval")).unwrap_err();
        assert!(matches!(error, Error::Safetensors { .. }), "{error}");
        let missing = WeightFile::open(&dir.path().join("none"), &config("retrieval")).unwrap_err();
        assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    }
}
