//! What must not change: a folder as one text, and where a run may write.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Every file below a folder: name, mode, size, time of change, target of a link. Two of them are equal if nothing was
/// written, created, removed or renamed. (Content need not be read: whoever writes leaves a time of change.)
#[must_use]
pub fn state_of(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let target = fs::read_link(&path).ok();
        let (seconds, nanos) = (metadata.ctime(), metadata.ctime_nsec());
        let size = if metadata.is_dir() { 0 } else { metadata.size() };
        found.push(format!("{} {:o} {size} {seconds}.{nanos} {target:?}", path.display(), metadata.mode()));
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    found.sort();
    found
}

/// Files below `folder` whose path relative to it starts with none of `allowed`.
#[must_use]
pub fn strays(folder: &Path, allowed: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !allowed.iter().any(|start| name.starts_with(start)) {
            found.push(path);
        }
    }
    found
}
