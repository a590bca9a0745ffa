//! The weights of a new model as a safetensors file, made while it is written: the largest model
//! has 440 MB of them, and none is needed twice.

use std::collections::BTreeMap;
use std::io::{self, Write};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::values::Values;
use crate::Config;
use crate::names::{self, Heads};

/// Elements are made in pieces of this many bytes.
const PIECE: usize = 64 << 10;

/// All weights of a model, as what they follow from.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    config: Config,
    seed: u64,
}

impl Recipe {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        Self { config, seed }
    }

    /// Writes the file, front to back: the same bytes each time.
    ///
    /// # Errors
    /// Those of `out`.
    pub(super) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let tensors = self.tensors();
        out.write_all(&header(&tensors)?)?;
        let mut piece = vec![0; PIECE];
        for (name, shape) in &tensors {
            let mut values = Values::initial(&self.config, self.seed, name, shape);
            let n_bytes = byte_len(shape);
            for start in (0..n_bytes).step_by(PIECE) {
                let bytes = &mut piece[..PIECE.min(n_bytes - start)];
                values.fill(start / size_of::<f32>(), bytes);
                out.write_all(bytes)?;
            }
        }
        Ok(())
    }

    /// Names and shapes, in the order in which they are stored.
    fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        names::expected(&self.config, Heads { pooler: true, masked_lm: false, own_decoder: false })
    }
}

fn byte_len(shape: &[usize]) -> usize {
    shape.iter().product::<usize>() * size_of::<f32>()
}

/// What stands before the elements: the length of the rest, names, shapes and places, and spaces up to a multiple of
/// eight bytes.
fn header(tensors: &BTreeMap<String, Vec<usize>>) -> io::Result<Vec<u8>> {
    let mut end = 0;
    let infos = tensors.iter().map(|(name, shape)| {
        let start = end;
        end += byte_len(shape);
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) })
    });
    let metadata = Metadata::new(None, infos.collect()).map_err(io::Error::other)?;
    let mut json = serde_json::to_vec(&metadata)?;
    json.resize(json.len().next_multiple_of(size_of::<u64>()), b' ');
    Ok([(json.len() as u64).to_le_bytes().as_slice(), &json].concat())
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::super::Size;
    use super::*;

    fn written(recipe: &Recipe) -> Vec<u8> {
        let mut bytes = Vec::new();
        recipe.write_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_file_is_the_one_that_the_library_would_write() {
        let bytes = written(&Recipe::new(Size::Micro.config(), 1));
        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(safetensors::serialize(read.tensors(), None).unwrap(), bytes);
    }

    /// Models are named by their seed: a seed means the same bytes in every version of this program.
    #[test]
    fn a_seed_stands_for_the_same_weights_for_ever() {
        let digest = blake3::hash(&written(&Recipe::new(Size::Micro.config(), 1))).to_hex();
        assert_eq!(digest.as_str(), "889c50d5b97714024f784fbdb9c7329f90f8377f1216b2c07e28952f810069d2");
    }

    #[test]
    fn another_seed_gives_other_weights() {
        let [first, second] = [1, 2].map(|seed| written(&Recipe::new(Size::Micro.config(), seed)));
        assert_eq!(first.len(), second.len());
        assert_ne!(first, second);
    }
}
