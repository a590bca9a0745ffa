//! `m2bert embed`: the vectors of files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use m2bert::Encoder;
use m2bert::cases::Array;
use model_dir::{Encode as _, Encodings, ModelDir, Outputs, TokenBatch};
use serde_json::json;

use super::{DtypeArg, RunArgs};

/// `embed`
#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// The model directory
    dir: PathBuf,
    /// Files to embed; one that is longer than the model is read in overlapping windows, a vector each
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write a safetensors file, `<file>.sentence_embedding` and `<file>.mean`, f32 [windows, width], instead of JSON
    /// lines on standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The type of matrix products
    #[arg(long, value_enum, default_value = "f32")]
    dtype: DtypeArg,
    #[command(flatten)]
    run: RunArgs,
}

/// The vectors of one file, a row for each window.
struct Embedded<'a> {
    file: &'a Path,
    n_windows: usize,
    encodings: Encodings,
}

/// A file that cannot be read is named, and the others are done all the same.
pub(crate) fn run(args: &Embed) -> anyhow::Result<String> {
    let model = ModelDir::open(&args.dir)?;
    model.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    let mut encoder = Encoder::load(&model, &args.run.options(args.dtype.into(), false))?;
    let (mut done, mut n_failed) = (Vec::new(), 0);
    for file in &args.files {
        match embed(&model, &mut encoder, file) {
            Ok(embedded) => done.push(embedded),
            Err(error) => {
                eprintln!("error: {error:#}");
                n_failed += 1;
            }
        }
    }
    let text = match &args.output {
        Some(path) => {
            super::forward::write(path, &arrays(&done))?;
            String::new()
        }
        None => done.iter().map(|embedded| format!("{}\n", to_json(embedded))).collect(),
    };
    if n_failed > 0 {
        print!("{text}");
        anyhow::bail!("{n_failed} of {} files have no vectors", args.files.len());
    }
    Ok(text)
}

fn embed<'a>(model: &ModelDir, encoder: &mut Encoder, file: &'a Path) -> anyhow::Result<Embedded<'a>> {
    let bytes = std::fs::read(file).with_context(|| format!("read `{}`", file.display()))?;
    let rows = model
        .rows(&String::from_utf8_lossy(&bytes))
        .with_context(|| format!("tokenise `{}`", file.display()))?;
    let n_windows = rows.len();
    let outputs = Outputs { sentence: encoder.has_pooler(), ..Outputs::VECTORS };
    let encodings = encoder
        .encode(&TokenBatch::new(rows).wanting(outputs))
        .with_context(|| format!("embed `{}`", file.display()))?;
    Ok(Embedded { file, n_windows, encodings })
}

fn to_json(embedded: &Embedded<'_>) -> serde_json::Value {
    let Embedded { file, n_windows, encodings } = embedded;
    let rows = |values: &[f32]| values.chunks(encodings.hidden_size).map(<[f32]>::to_vec).collect::<Vec<_>>();
    json!({
        "file": file.to_string_lossy(),
        "n_windows": n_windows,
        "n_computed": encodings.n_computed,
        "sentence_embedding": rows(&encodings.sentence),
        "mean": rows(&encodings.mean),
    })
}

fn arrays(done: &[Embedded<'_>]) -> Vec<(String, Array)> {
    let mut arrays = Vec::new();
    for Embedded { file, n_windows, encodings } in done {
        for (name, values) in [("sentence_embedding", &encodings.sentence), ("mean", &encodings.mean)] {
            if !values.is_empty() {
                let shape = vec![*n_windows, encodings.hidden_size];
                let array = Array { shape, values: values.clone() };
                arrays.push((format!("{}.{name}", file.to_string_lossy()), array));
            }
        }
    }
    arrays
}
