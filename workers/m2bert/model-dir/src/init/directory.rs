//! The files of a new directory, written all at once or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::weights::Recipe;
use crate::Error;

/// The files of a model directory: the small ones in memory, the weights as what they follow from.
#[derive(Debug, Clone)]
pub struct Files {
    by_name: BTreeMap<&'static str, Contents>,
}

/// What a file is to hold.
#[derive(Debug, Clone)]
pub(super) enum Contents {
    Bytes(Vec<u8>),
    Weights(Recipe),
}

impl Contents {
    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Weights(recipe) => recipe.write_to(out),
        }
    }

    /// Whether the file at `path` holds just this.
    fn is_in(&self, path: &Path) -> io::Result<bool> {
        let mut existing = Comparison { file: BufReader::new(fs::File::open(path)?), differs: false };
        match self.write_to(&mut existing) {
            Err(_) if existing.differs => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(existing.file.read(&mut [0])? == 0),
        }
    }
}

/// Takes bytes and compares them with those of a file; the first difference is an error, so that no more are made.
struct Comparison {
    file: BufReader<fs::File>,
    differs: bool,
}

impl Write for Comparison {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut existing = vec![0; bytes.len()];
        let n_read = self.file.read(&mut existing)?;
        if existing[..n_read] == bytes[..n_read] && (n_read > 0 || bytes.is_empty()) {
            return Ok(n_read);
        }
        self.differs = true;
        Err(io::Error::other("the file holds something else"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What [`Files::write`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The directory is new.
    New,
    /// The directory held exactly these files already.
    Same,
}

impl Files {
    pub(super) fn new<const N: usize>(files: [(&'static str, Contents); N]) -> Self {
        Self { by_name: files.into() }
    }

    /// Writes the directory `out`, which must not exist, be empty, or hold these very files.
    ///
    /// The files are written beside it and moved into place together, so that nobody ever sees half
    /// a model.
    ///
    /// # Errors
    /// [`Error::Occupied`] if `out` holds anything else, [`Error::Io`] if it cannot be written.
    pub fn write(&self, out: &Path) -> Result<Written, Error> {
        match existing(out)? {
            Some(names) if !names.is_empty() => return self.compare(out, &names),
            _ => {}
        }
        let staging = staging_path(out);
        let failed = |source| Error::Io { path: staging.clone(), source };
        fs::create_dir_all(&staging).map_err(failed)?;
        for (name, contents) in &self.by_name {
            let written =
                fs::File::create(staging.join(name)).and_then(|mut file| contents.write_to(&mut file));
            written.map_err(failed)?;
        }
        fs::rename(&staging, out).map_err(|source| Error::Io { path: out.to_owned(), source })?;
        Ok(Written::New)
    }

    /// Whether a directory with these names in it is this one.
    fn compare(&self, out: &Path, names: &[PathBuf]) -> Result<Written, Error> {
        for path in names {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let same = match self.by_name.get(name) {
                Some(contents) => {
                    contents.is_in(path).map_err(|source| Error::Io { path: path.clone(), source })?
                }
                None => false,
            };
            if !same {
                return Err(Error::Occupied { path: path.clone() });
            }
        }
        if names.len() < self.by_name.len() {
            return Err(Error::Occupied { path: out.to_owned() });
        }
        Ok(Written::Same)
    }
}

/// The sorted entries of a directory, or `None` if there is none.
fn existing(out: &Path) -> Result<Option<Vec<PathBuf>>, Error> {
    let failed = |source| Error::Io { path: out.to_owned(), source };
    let entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.path());
    }
    names.sort();
    Ok(Some(names))
}

/// A folder beside `out`, on the same file system, of this process alone.
fn staging_path(out: &Path) -> PathBuf {
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    out.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let bytes = |bytes: &[u8]| Contents::Bytes(bytes.to_vec());
        Files::new([("config.json", bytes(b"{}")), ("model.safetensors", bytes(&[0; 16]))])
    }

    #[test]
    fn writing_twice_is_writing_once() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("deep/model");
        fs::create_dir_all(out.parent().unwrap()).unwrap();
        assert_eq!(files().write(&out).unwrap(), Written::New);
        assert_eq!(files().write(&out).unwrap(), Written::Same);
        assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1, "no staging folder is left");
    }

    #[test]
    fn an_empty_directory_is_filled() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(files().write(dir.path()).unwrap(), Written::New);
        assert_eq!(fs::read(dir.path().join("config.json")).unwrap(), b"{}");
    }

    #[test]
    fn anything_else_in_the_way_is_named_and_left_alone() {
        for (name, bytes) in [("precious.txt", "x"), ("config.json", "other")] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), bytes).unwrap();
            let error = files().write(dir.path()).unwrap_err();
            assert!(matches!(error, Error::Occupied { .. }), "{error}");
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), bytes);
        }
    }

    #[test]
    fn a_file_with_more_or_less_in_it_is_something_else() {
        for other in [vec![], vec![0; 15], vec![0; 17], vec![1; 16]] {
            let dir = tempfile::tempdir().unwrap();
            files().write(dir.path()).unwrap();
            fs::write(dir.path().join("model.safetensors"), other).unwrap();
            assert!(matches!(files().write(dir.path()), Err(Error::Occupied { .. })));
        }
    }

    #[test]
    fn half_a_model_is_something_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), "{}").unwrap();
        assert!(matches!(files().write(dir.path()), Err(Error::Occupied { .. })));
    }
}
