//! What comes out when nothing breaks: computed once for each shape and each build of the programs, and kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::scenario::Scenario;
use super::shape::Shape;
use super::system::System;
use crate::cluster::binary;

/// The outcome of a job of one shape without faults.
#[derive(Clone, Debug)]
pub struct Reference {
    /// `submit-job --out`.
    pub out: PathBuf,
    /// A copy of `results/` of its store.
    pub results: PathBuf,
    /// The names in there: one for each batch.
    pub batches: BTreeSet<String>,
    /// The repositories.
    pub repos: Vec<PathBuf>,
}

/// References by the name of their shape.
pub type References = BTreeMap<&'static str, Reference>;

/// The references of these shapes, from `cache` or computed now.
///
/// # Errors
/// If a job without faults does not end well.
pub async fn references(shapes: &[Shape], cache: &Path) -> Result<References> {
    let mut references = References::new();
    for shape in shapes {
        if !references.contains_key(shape.name) {
            let reference = reference(*shape, cache).await;
            references.insert(shape.name, reference.with_context(|| format!("{shape} without faults"))?);
        }
    }
    Ok(references)
}

async fn reference(shape: Shape, cache: &Path) -> Result<Reference> {
    fs::create_dir_all(cache)?;
    let repos = shape.repos(cache)?;
    let folder = cache.join(format!("{shape}.reference"));
    let (out, results) = (folder.join("out"), folder.join("results"));
    let build = fingerprint()?;
    if fs::read_to_string(folder.join("build")).ok().as_deref() != Some(&build) {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let scenario = Scenario::undisturbed(shape);
        let work = tempfile::tempdir()?;
        let system = System::start(work.path(), &scenario, &mut Vec::new()).await?;
        let mut child = system.submit("reference", &submit_arguments("reference", &out, &repos))?;
        let status = child.wait().await?;
        let said = fs::read_to_string(work.path().join("reference.stderr"))?;
        ensure!(status.success(), "submit-job ended with {status}: {said}");
        fs::create_dir_all(&results)?;
        for entry in fs::read_dir(system.store().join("results"))? {
            let entry = entry?;
            fs::copy(entry.path(), results.join(entry.file_name()))?;
        }
        fs::write(folder.join("build"), &build)?;
    }
    let batches = names(&results)?;
    Ok(Reference { out, results, batches, repos })
}

/// The arguments of a submission of all rules.
pub(super) fn submit_arguments(job: &str, out: &Path, repos: &[PathBuf]) -> Vec<String> {
    let mut arguments: Vec<String> = ["--job-id", job, "--rules", "all", "--out"].map(str::to_owned).to_vec();
    arguments.push(out.display().to_string());
    arguments.extend(repos.iter().map(|repo| repo.display().to_string()));
    arguments
}

/// The names in a folder; none if there is no such folder.
pub(super) fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// What the programs are, as far as their size and time of change say it.
fn fingerprint() -> Result<String> {
    let mut text = String::new();
    for name in ["submit-job", "orchestrator", "worker"] {
        let data = fs::metadata(binary(name)).with_context(|| name.to_owned())?;
        let modified = data.modified()?.duration_since(std::time::UNIX_EPOCH)?;
        text += &format!("{name} {} {}\n", data.len(), modified.as_nanos());
    }
    Ok(text)
}
