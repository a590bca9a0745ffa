//! `m2bert init`: makes untrained models.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use model_dir::ModelDir;
use model_dir::init::{self, Written};

/// `init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The shape of the network
    #[arg(long, value_enum)]
    size: Size,
    /// What the random weights follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory to make
    #[arg(long)]
    out: PathBuf,
    /// A file that lists the files, one per line, on which the tokenizer is trained
    ///
    /// Without it the tokenizer is trained on a small built-in corpus, and its vocabulary is smaller.
    #[arg(long, value_name = "FILE-LIST")]
    corpus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Size {
    /// 2 layers of width 16, 64 tokens: for tests
    Micro,
    /// 4 layers of width 128, 8,192 tokens
    Tiny,
    /// The published shape of 80 million parameters, 2,048 tokens
    #[value(name = "80m-2k")]
    M80x2k,
    /// The same, 8,192 tokens
    #[value(name = "80m-8k")]
    M80x8k,
    /// The same, 32,768 tokens
    #[value(name = "80m-32k")]
    M80x32k,
}

impl From<Size> for init::Size {
    fn from(size: Size) -> Self {
        match size {
            Size::Micro => Self::Micro,
            Size::Tiny => Self::Tiny,
            Size::M80x2k => Self::M80x2k,
            Size::M80x8k => Self::M80x8k,
            Size::M80x32k => Self::M80x32k,
        }
    }
}

pub(crate) fn run(args: &Init) -> anyhow::Result<String> {
    let texts = match &args.corpus {
        Some(list) => read_corpus(list)?,
        None => init::default_corpus(),
    };
    let files = init::untrained(args.size.into(), args.seed, &texts)?;
    if let Written::Same = files.write(&args.out)? {
        eprintln!("`{}` holds this model already", args.out.display());
    }
    let model = ModelDir::open(&args.out)?;
    let (n_tokens, asked) =
        (model.tokenizer().max_id() as usize + 1, init::Size::from(args.size).vocab_size());
    if n_tokens < asked {
        eprintln!("the corpus has words for {n_tokens} tokens only, not {asked}: the vocabulary is smaller");
    }
    Ok(format!("{}\n", model.digest()))
}

/// The texts of the files on a list, in its order. What is not UTF-8 is read with replacements.
fn read_corpus(list: &Path) -> anyhow::Result<Vec<String>> {
    let names =
        std::fs::read_to_string(list).with_context(|| format!("read the list `{}`", list.display()))?;
    let names = names.lines().filter(|line| !line.trim().is_empty());
    names
        .map(|name| {
            let bytes = std::fs::read(name).with_context(|| format!("read `{name}` of the corpus"))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}
