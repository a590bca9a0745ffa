//! The files of a new directory, written all at once or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// The files of a model directory, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    by_name: BTreeMap<&'static str, Vec<u8>>,
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
    pub(super) fn new<const N: usize>(files: [(&'static str, Vec<u8>); N]) -> Self {
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
        for (name, bytes) in &self.by_name {
            fs::write(staging.join(name), bytes).map_err(failed)?;
        }
        fs::rename(&staging, out).map_err(|source| Error::Io { path: out.to_owned(), source })?;
        Ok(Written::New)
    }

    /// Whether a directory with these names in it is this one.
    fn compare(&self, out: &Path, names: &[PathBuf]) -> Result<Written, Error> {
        for path in names {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let same = match self.by_name.get(name) {
                Some(bytes) => {
                    fs::read(path).map_err(|source| Error::Io { path: path.clone(), source })? == *bytes
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
        Files::new([("config.json", b"{}".to_vec()), ("model.safetensors", vec![0; 16])])
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
    fn half_a_model_is_something_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), "{}").unwrap();
        assert!(matches!(files().write(dir.path()), Err(Error::Occupied { .. })));
    }
}
