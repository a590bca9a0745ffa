//! `m2bert info`: what a model directory holds, and what is wrong with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use model_dir::{Config, Inspection, Padding, inspect};

/// `info`
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The model directory
    dir: PathBuf,
}

/// What there is goes to standard output, whether or not the model can be used.
pub(crate) fn run(args: &Info) -> anyhow::Result<String> {
    let seen = inspect(&args.dir)?;
    for warning in &seen.warnings {
        eprintln!("warning: {warning}");
    }
    let text = describe(&seen);
    if seen.problems.is_empty() {
        return Ok(text);
    }
    print!("{text}");
    anyhow::bail!("`{}` cannot be used:\n  {}", display(&args.dir), seen.problems.join("\n  "))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

fn describe(seen: &Inspection) -> String {
    let padding = match seen.card.padding {
        Padding::None => "none: a row's vectors depend on its own tokens only",
        Padding::MaxLength => "max_length: every row costs a full-length forward pass",
    };
    let dtypes = seen.weights.dtypes.iter().map(|(dtype, n)| format!("{n} {dtype}")).collect::<Vec<_>>();
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut rows = vec![
        ("name", seen.name.clone()),
        ("digest", seen.digest.clone()),
        ("trained", seen.card.trained.to_string()),
        ("padding", padding.to_owned()),
    ];
    rows.extend(shape(&seen.config));
    let largest = seen.max_token_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    rows.extend([
        ("vocabulary", format!("{}, largest token id {largest}", seen.config.vocab_size)),
        ("parameters", seen.weights.n_parameters.to_string()),
        ("tensors", dtypes.join(", ")),
        ("pooler", seen.weights.heads.pooler.to_string()),
        ("masked LM head", seen.weights.heads.masked_lm.to_string()),
        ("missing", list(&seen.weights.missing)),
        ("unexpected", list(&seen.weights.unexpected)),
        ("ignored", format!("{} tensors that nobody needs", seen.weights.ignored.len())),
        ("files", seen.files.join(", ")),
    ]);
    let mut text = String::new();
    for (label, value) in rows {
        writeln!(text, "{label:18} {value}").expect("a string takes any text");
    }
    text
}

fn shape(config: &Config) -> [(&'static str, String); 8] {
    let yes_no = |value: bool| if value { "yes" } else { "no" }.to_owned();
    [
        ("longest row", format!("{} tokens", config.l_max())),
        ("hidden size", config.hidden_size.to_string()),
        ("layers", config.n_layers.to_string()),
        ("intermediate size", format!("{} in {} blocks", config.intermediate_size, config.n_blocks)),
        ("filter order", format!("{} over {} features", config.filter_order, config.filter_emb_dim)),
        ("looks ahead", yes_no(config.bidirectional)),
        ("residual conv", yes_no(config.residual_long_conv)),
        ("positions", yes_no(config.use_positional_encodings)),
    ]
}
