//! Writing the report of an ended job again, and the keys of its tensors.

use std::path::{Path, PathBuf};

use anyhow::Context;
use schemas::report::Tensors;

use crate::cli::ReportArgs;
use crate::place::System;
use crate::{artifacts, exit, output};

/// Copies the report out of the store and prints the tensor keys: nothing needs to run for it.
///
/// # Errors
/// If the job has no report, or the folder cannot be written.
pub async fn run(args: &ReportArgs, cwd: &Path) -> anyhow::Result<u8> {
    let system = System::reach(&args.system, cwd).await?;
    let store = system.store()?;
    let job = &args.job;
    store.run(job).await?.with_context(|| format!("job {job} has no report in {}", store.url()))?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("nightmend-{job}")));
    let out = cwd.join(out);
    let written = artifacts::copy(store, job, &out).await?;
    output::say(&format!("{} files in {}", written.len(), out.display()));
    let tensors = store.tensors(job).await?;
    if args.json {
        output::json_pretty(&tensors)?
    } else {
        output::lines(&lines(&tensors))?
    }
    Ok(exit::DONE)
}

/// `repo path pack prefix n_tokens n_windows`, separated by tabs.
fn lines(tensors: &Tensors) -> Vec<String> {
    let line = |file: &schemas::report::FileTensorsReport| {
        let (repo, path, pack, prefix) = (&file.repo, &file.path, &file.pack, &file.prefix);
        format!("{repo}\t{path}\t{pack}\t{prefix}\t{}\t{}", file.n_tokens, file.n_windows)
    };
    tensors.files.iter().map(line).collect()
}
