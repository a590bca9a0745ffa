//! `m2bert forward`: token ids from a safetensors file, every output into another.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use m2bert::cases::{Array, Case};
use m2bert::net::Network;
use model_dir::{CARD_FILE, CONFIG_FILE, Card, Config, WeightFile};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{DtypeArg, RunArgs};

/// `forward`
#[derive(Debug, Args)]
pub(crate) struct Forward {
    /// The model directory; needs no tokenizer
    dir: PathBuf,
    /// Safetensors file with `<case>.input_ids` and `<case>.attention_mask`, i64 [rows, length], and optionally
    /// `<case>.token_type_ids`
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Safetensors file to write: `<case>.last_hidden_state`, `<case>.cls_hidden`, `<case>.sentence_embedding` and
    /// `<case>.logits`, as far as the model has them
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Also write `<case>.embedding_output`, `<case>.mixer.<layer>` and `<case>.hidden.<layer>`
    #[arg(long)]
    trace: bool,
    /// Compute as the published code does, operation by operation
    #[arg(long)]
    plain: bool,
    /// The type of matrix products
    #[arg(long, value_enum, default_value = "f32")]
    dtype: DtypeArg,
    #[command(flatten)]
    run: RunArgs,
}

pub(crate) fn run(args: &Forward) -> anyhow::Result<String> {
    let config = Config::read(&args.dir.join(CONFIG_FILE))?;
    let card = Card::read(&args.dir.join(CARD_FILE))?;
    let weights = WeightFile::open_dir(&args.dir, &config)?;
    let bytes = read(&args.input)?;
    let input = SafeTensors::deserialize(&bytes)
        .with_context(|| format!("`{}` is not a valid safetensors file", args.input.display()))?;
    let cases = Case::read_all(&input)?;
    anyhow::ensure!(!cases.is_empty(), "`{}` has no tensor `<case>.input_ids`", args.input.display());
    let mut network = Network::load(&weights, &config, args.run.settings(args.dtype.into(), args.plain)?)?;
    let mut outputs: Vec<(String, Array)> = Vec::new();
    for case in &cases {
        let arrays = case.run(&mut network, card.padding, args.trace)?;
        let arrays = arrays.into_iter().filter(|(name, _)| !name.ends_with("_if_pool_all"));
        outputs.extend(arrays.map(|(name, array)| (format!("{}.{name}", case.name), array)));
    }
    write(&args.output, &outputs)?;
    Ok(String::new())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read `{}`", path.display()))
}

/// Writes f32 tensors.
pub(super) fn write(path: &Path, arrays: &[(String, Array)]) -> anyhow::Result<()> {
    let bytes: Vec<Vec<u8>> = arrays
        .iter()
        .map(|(_, array)| array.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = arrays.iter().zip(&bytes).map(|((name, array), bytes)| {
        Ok((name, TensorView::new(Dtype::F32, array.shape.clone(), bytes).context("shape an output")?))
    });
    let file = safetensors::serialize(views.collect::<anyhow::Result<Vec<_>>>()?, None)
        .context("write safetensors")?;
    std::fs::write(path, file).with_context(|| format!("write `{}`", path.display()))
}
