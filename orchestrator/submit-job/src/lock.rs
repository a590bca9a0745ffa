//! One local system per data folder: a lock that ends with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::Context;

/// The right to run a system in a data folder. Dropped, the folder is free.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the folder, which must exist.
    ///
    /// # Errors
    /// If another process has it (it is named), or the folder cannot be written.
    pub fn take(data_dir: &Path) -> anyhow::Result<Self> {
        let mut file = open(data_dir)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder =
                    read_pid(&mut file).map_or("another process".to_owned(), |pid| format!("process {pid}"));
                anyhow::bail!(
                    "{holder} runs a local system in `{}`; wait for it, or give this one another --data-dir",
                    data_dir.display()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).context("lock the data folder"),
        }
        write_pid(&mut file).context("write the lock of the data folder")?;
        Ok(Self { _file: file })
    }

    /// The process that runs a system in the folder, if one does.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn holder(data_dir: &Path) -> anyhow::Result<Option<u32>> {
        let path = data_dir.join("lock");
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("open `{}`", path.display())),
        };
        // Shared, so that two who look at once do not take each other for a system.
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read_pid(&mut file).unwrap_or_default())),
            Err(TryLockError::Error(error)) => Err(error).context("look at the lock of the data folder"),
        }
    }
}

fn open(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("open `{}`", path.display()))
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_system_is_told_who_runs_the_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(DataLock::holder(dir.path()).unwrap(), None);
        let lock = DataLock::take(dir.path()).unwrap();
        let me = std::process::id();
        let error = DataLock::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {me} runs a local system")), "{error}");
        assert_eq!(DataLock::holder(dir.path()).unwrap(), Some(me));
        drop(lock);
        assert_eq!(DataLock::holder(dir.path()).unwrap(), None);
        DataLock::take(dir.path()).unwrap();
    }
}
