//! Copies the report of a job from the store into a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use schemas::JobId;

use crate::job_store::{Artifact, JobStore};

/// The folders that belong to the report as a whole: a patch that the new report lacks must not stay beside it.
const OWNED_FOLDERS: [&str; 2] = ["patches", "ledger"];

/// What shows that a folder holds an earlier report.
const MARKS: [&str; 2] = ["run.json", "report.json"];

/// Writes every file of the job's report under `out`, which is created. What an earlier report left there is
/// replaced; anything else is left alone.
///
/// # Errors
/// If the store cannot be read or the folder cannot be written.
pub async fn copy(store: &JobStore, job: &JobId, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let artifacts = store.artifacts(job).await?;
    anyhow::ensure!(!artifacts.is_empty(), "job {job} has no report in {}", store.url());
    let held_report = MARKS.iter().any(|mark| out.join(mark).is_file());
    let written: BTreeSet<PathBuf> = artifacts.iter().map(|artifact| artifact.path.clone()).collect();
    for artifact in &artifacts {
        write(store, artifact, out).await?;
    }
    if held_report {
        for folder in OWNED_FOLDERS {
            remove_others(out, Path::new(folder), &written)?;
        }
    }
    Ok(written.into_iter().collect())
}

async fn write(store: &JobStore, artifact: &Artifact, out: &Path) -> anyhow::Result<()> {
    let bytes = store.artifact(artifact).await?;
    let path = out.join(&artifact.path);
    let folder = path.parent().unwrap_or(out);
    tokio::fs::create_dir_all(folder).await.with_context(|| format!("make `{}`", folder.display()))?;
    tokio::fs::write(&path, bytes).await.with_context(|| format!("write `{}`", path.display()))
}

/// Removes the files below `out/relative` that were not written now. Links are not followed.
fn remove_others(out: &Path, relative: &Path, written: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    let folder = out.join(relative);
    if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    let entries = std::fs::read_dir(&folder).with_context(|| format!("list `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("list `{}`", folder.display()))?;
        let inner = relative.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            remove_others(out, &inner, written)?;
        } else if !written.contains(&inner) {
            std::fs::remove_file(entry.path())
                .with_context(|| format!("remove `{}` of an earlier report", entry.path().display()))?;
        }
    }
    // A folder that is not empty stays.
    std::fs::remove_dir(&folder).ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_report_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in ["patches/a/old.patch", "patches/a/new.patch", "patches/gone/old.patch", "notes/mine.txt"]
        {
            put(path);
        }
        let written = BTreeSet::from([PathBuf::from("patches/a/new.patch")]);
        remove_others(dir.path(), Path::new("patches"), &written).unwrap();
        let exists = |path: &str| dir.path().join(path).exists();
        assert!(exists("patches/a/new.patch") && exists("notes/mine.txt"));
        assert!(!exists("patches/a/old.patch") && !exists("patches/gone"));
    }
}
