//! Runs the fix stage alone over the files of a folder: no queue, no store, no repository. What a job costs beside
//! this is the pipeline's own.
//!
//! `cargo run --release -p workers --example engine_alone -- DIR [all|none|ID,…]`
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use schemas::sources::SourceFile;
use schemas::{FixLevel, Language};
use workers::fetch::Recipe;
use workers::fix;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().context("usage: engine_alone DIR [RULES]")?);
    let rules = schemas::rules::select(arguments.next().as_deref().unwrap_or("all"))?;
    let engine = fixes::Engine::with_specs(&rules, fixes::FixLevel::Safe)?;
    let recipe = Recipe { engine: engine.into(), part: None, fix: FixLevel::Safe, model: None };
    let mut files = Vec::new();
    collect(&dir, &mut files)?;
    let n_bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let start = Instant::now();
    for file in &files {
        std::hint::black_box(fix::one(&recipe, file));
    }
    let elapsed = start.elapsed();
    let per_file = elapsed.as_micros() / u128::try_from(files.len().max(1))?;
    println!("{} files, {n_bytes} bytes, one thread: {elapsed:.3?}, {per_file} us a file", files.len());
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<SourceFile>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("read `{}`", dir.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            collect(&path, files)?;
        } else if let Some(language) =
            Language::of_path(path.as_os_str().as_encoded_bytes()).filter(|_| kind.is_file())
        {
            let bytes = std::fs::read(&path)?;
            files.push(SourceFile { language, facts: settings::Facts::default(), bytes });
        }
    }
    Ok(())
}
