//! Writing the report of an ended job again, and the keys of its tensors.

use std::path::{Path, PathBuf};

use anyhow::Context;
use schemas::report::{FileTensorsReport, Tensors};
use schemas::result::ChunkRef;

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

/// `repo path n_tokens window pack chunk` for each window, separated by tabs.
fn lines(tensors: &Tensors) -> Vec<String> {
    let line = |file: &FileTensorsReport, number: usize, window: &ChunkRef| {
        let (repo, path, n_tokens) = (&file.repo, &file.path, file.n_tokens);
        format!("{repo}\t{path}\t{n_tokens}\t{number}\t{}\t{}", window.pack, window.chunk)
    };
    let of_file = |file: &FileTensorsReport| -> Vec<String> {
        (1..).zip(&file.windows).map(|(number, window)| line(file, number, window)).collect()
    };
    tensors.files.iter().flat_map(of_file).collect()
}
