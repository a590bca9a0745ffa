//! The files that hold a model's weights, whatever their format: mapped, and their tensors listed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::Dtype;

use super::{elements, index, safetensors as safetensors_file, torch};
use crate::{Error, WEIGHTS_FILE, WEIGHTS_FORMS};

/// Mapped files and the tensors in them, under the names that they are stored with.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) files: Vec<MappedFile>,
    /// Sorted by name; of one name more than once only where two shards both have it.
    pub(super) tensors: Vec<(String, Stored)>,
}

/// A file of a checkpoint. Checking a model touches a few pages of it.
#[derive(Debug)]
pub(super) struct MappedFile {
    pub(super) name: String,
    pub(super) bytes: Mmap,
}

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// Which of the checkpoint's files it is in.
    pub(super) file: usize,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// From its first element to behind its last one.
    pub(super) bytes: Range<usize>,
    /// Elements from one index to the next, unless they lie one behind the other.
    pub(super) strides: Option<Vec<usize>>,
}

/// The tensors of one file, by name.
pub(super) type Tensors = BTreeMap<String, Stored>;

/// The weights of a model directory: the first of [`WEIGHTS_FORMS`] that is there.
///
/// # Errors
/// [`Error::Missing`] if none is.
pub(super) fn locate(dir: &Path) -> Result<PathBuf, Error> {
    let mut forms = WEIGHTS_FORMS.iter().map(|file| dir.join(file));
    forms.find(|path| path.is_file()).ok_or_else(|| Error::Missing { path: dir.join(WEIGHTS_FILE) })
}

impl Checkpoint {
    /// Maps a file, and its shards if it is an index of some, and lists the tensors.
    ///
    /// The name says what format it is: `….index.json`, `….bin`, or else safetensors.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let name = file_name(path);
        if name.ends_with(".index.json") {
            return index::open(path);
        }
        let mut checkpoint = Self { files: Vec::new(), tensors: Vec::new() };
        if name.ends_with(".bin") {
            checkpoint.add(path, torch::read)?;
        } else {
            checkpoint.add(path, safetensors_file::read)?;
        }
        Ok(checkpoint)
    }

    /// Maps one more file and adds what `read` finds in it.
    pub(super) fn add(
        &mut self,
        path: &Path,
        read: impl Fn(&Path, &[u8]) -> Result<Tensors, Error>,
    ) -> Result<(), Error> {
        let bytes = map_file(path)?;
        let file = self.files.len();
        let tensors = read(path, &bytes)?;
        self.tensors.extend(tensors.into_iter().map(|(name, stored)| (name, Stored { file, ..stored })));
        // Stable: of two shards with the same name, the first one stays first.
        self.tensors.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.files.push(MappedFile { name: file_name(path), bytes });
        Ok(())
    }

    /// The elements of a tensor in the order of its indices, copied only if they do not lie so.
    pub(super) fn elements(&self, stored: &Stored) -> Cow<'_, [u8]> {
        let bytes = &self.files[stored.file].bytes[stored.bytes.clone()];
        match &stored.strides {
            None => Cow::Borrowed(bytes),
            Some(strides) => {
                Cow::Owned(elements::gather(bytes, stored.dtype.bitsize() / 8, &stored.shape, strides))
            }
        }
    }

    /// Whether two tensors are the same, be it stored once or twice.
    pub(super) fn same(&self, left: &Stored, right: &Stored) -> bool {
        left == right
            || (left.dtype == right.dtype
                && left.shape == right.shape
                && self.elements(left) == self.elements(right))
    }
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
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
