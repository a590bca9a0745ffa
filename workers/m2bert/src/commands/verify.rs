//! `m2bert verify`: golden data.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use m2bert::verify::verify;

use super::{DtypeArg, RunArgs};

/// `verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A directory with config.json, weights, and expected.safetensors: what the model must compute from given ids
    dir: PathBuf,
    /// Compute as the published code does, operation by operation
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// Every file of weights that is there, one after the other.
pub(crate) fn run(args: &Verify) -> anyhow::Result<String> {
    let names = [model_dir::WEIGHTS_FILE, model_dir::TORCH_WEIGHTS_FILE];
    let files: Vec<&str> = names.into_iter().filter(|name| args.dir.join(name).is_file()).collect();
    anyhow::ensure!(!files.is_empty(), "`{}` has neither {}", args.dir.display(), names.join(" nor "));
    let (mut text, mut all_within) = (String::new(), true);
    for file in files {
        all_within &= compare(args, &args.dir.join(file), &mut text)?;
    }
    if all_within {
        return Ok(text);
    }
    print!("{text}");
    anyhow::bail!("the model computes something else than expected")
}

fn compare(args: &Verify, file: &Path, text: &mut String) -> anyhow::Result<bool> {
    let settings = args.run.settings(DtypeArg::F32.into(), args.plain)?;
    let differences =
        verify(&args.dir, file, settings).with_context(|| format!("verify `{}`", file.display()))?;
    let mut all_within = true;
    writeln!(text, "{}", file.display())?;
    for (output, difference) in differences {
        let verdict = if difference.is_within() { "ok" } else { "TOO LARGE" };
        all_within &= difference.is_within();
        writeln!(
            text,
            "  {output:36} {:8.1e} of {:5.0e}  {:3} tensors  {verdict}",
            difference.largest, difference.tolerance, difference.n_compared
        )?;
    }
    Ok(all_within)
}
