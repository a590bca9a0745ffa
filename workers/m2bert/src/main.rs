//! `m2bert`: makes and describes model directories, and runs models for workers.
//!
//! Standard output is data, standard error is for people. Exit codes: 0 done, 1 error, 2 usage.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use m2bert::runtime::{self, Prepared};
use m2bert::Encoder;
use model_dir::init::{self, Written};
use model_dir::remote::{self, Reply};
use model_dir::{EncodeError, ModelDir, Padding};

/// Makes, describes and runs M2-BERT model directories.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a complete, untrained model directory and print its digest.
    ///
    /// The same size, seed and corpus give the same bytes. A directory that already holds just these
    /// is left as it is; one that holds anything else is an error.
    Init(Init),
    /// Check a model directory and print what it holds.
    Info {
        /// The model directory.
        dir: PathBuf,
    },
    /// Run a model for the program that started this one: batches of tokens on standard input, vectors on
    /// standard output, until the input ends.
    Serve {
        /// The model directory.
        dir: PathBuf,
        /// Threads of libtorch.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Prepare this process for libtorch as `serve` does, and print what came of it.
    Runtime,
}

#[derive(Debug, Args)]
struct Init {
    /// The shape of the network.
    #[arg(long, value_enum)]
    size: Size,
    /// What the random weights follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory to make.
    #[arg(long)]
    out: PathBuf,
    /// A file that lists the files, one per line, on which the tokenizer is trained.
    ///
    /// Without it the tokenizer is trained on a small built-in corpus, and its vocabulary is smaller.
    #[arg(long, value_name = "FILE-LIST")]
    corpus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Size {
    /// 2 layers of width 16, 64 tokens: for tests.
    Micro,
    /// 4 layers of width 128, 8,192 tokens.
    Tiny,
}

impl From<Size> for init::Size {
    fn from(size: Size) -> Self {
        match size {
            Size::Micro => Self::Micro,
            Size::Tiny => Self::Tiny,
        }
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(args) => make(&args),
        Command::Info { dir } => describe(&dir),
        Command::Serve { dir, threads } => serve(&dir, threads),
        Command::Runtime => Ok(describe_runtime(&runtime::prepare())),
    };
    match outcome.and_then(print) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Loads the model, says so or why not, and answers until nobody asks any more.
fn serve(dir: &Path, threads: usize) -> anyhow::Result<String> {
    runtime::prepare();
    let (mut requests, mut replies) = (std::io::stdin().lock(), std::io::stdout().lock());
    let loaded = ModelDir::open(dir)
        .map_err(|error| error.to_string())
        .and_then(|dir| Encoder::load(&dir, &m2bert::Options { n_threads: threads, ..Default::default() }).map_err(|error| error.to_string()));
    match loaded {
        Ok(mut encoder) => remote::serve(&mut encoder, &mut requests, &mut replies)?,
        Err(reason) => remote::write_frame(&mut replies, &Reply::Failed(EncodeError::Device(reason)))?,
    }
    Ok(String::new())
}

fn describe_runtime(prepared: &Prepared) -> String {
    let text = |outcome: &Result<(), String>, good: &str| match outcome {
        Ok(()) => good.to_owned(),
        Err(reason) => format!("no: {reason}"),
    };
    let environment = text(&prepared.environment, "set");
    let cuda = text(&prepared.cuda, "loaded");
    format!("environment        {environment}\ncuda               {cuda}\n")
}

/// Writes data to standard output.
fn print(text: String) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("write to standard output")
}

fn make(args: &Init) -> anyhow::Result<String> {
    let texts = match &args.corpus {
        Some(list) => read_corpus(list)?,
        None => init::default_corpus(),
    };
    let files = init::untrained(args.size.into(), args.seed, &texts)?;
    if let Written::Same = files.write(&args.out)? {
        eprintln!("`{}` holds this model already", args.out.display());
    }
    let model = ModelDir::open(&args.out)?;
    let (n_tokens, asked) = (model.config().vocab_size, init::Size::from(args.size).vocab_size());
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

fn describe(dir: &Path) -> anyhow::Result<String> {
    let model = ModelDir::open(dir)?;
    for warning in model.warnings() {
        eprintln!("warning: {warning}");
    }
    let (config, weights) = (model.config(), model.weights());
    let padding = match model.padding() {
        Padding::None => "none: a row's vectors depend on its own tokens only",
        Padding::MaxLength => "max_length: every row costs a full-length forward pass",
    };
    let dtypes: Vec<String> =
        weights.dtypes().iter().map(|(dtype, n_tensors)| format!("{n_tensors} {dtype}")).collect();
    let rows = [
        ("name", model.name().to_owned()),
        ("digest", model.digest().to_owned()),
        ("trained", model.trained().to_string()),
        ("padding", padding.to_owned()),
        ("longest row", format!("{} tokens", config.l_max())),
        ("hidden size", config.hidden_size.to_string()),
        ("layers", config.n_layers.to_string()),
        ("intermediate size", format!("{} in {} blocks", config.intermediate_size, config.n_blocks)),
        ("filter order", config.filter_order.to_string()),
        ("vocabulary", format!("{}, largest token id {}", config.vocab_size, model.tokenizer().max_id())),
        ("parameters", weights.n_parameters().to_string()),
        ("tensors", dtypes.join(", ")),
        ("pooler", weights.heads().pooler.to_string()),
        ("masked LM head", weights.heads().masked_lm.to_string()),
        ("files", model.files().join(", ")),
    ];
    let mut text = String::new();
    for (label, value) in rows {
        writeln!(text, "{label:18} {value}").expect("a string takes any text");
    }
    Ok(text)
}
