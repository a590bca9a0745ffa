//! Arguments of `tensor-store`, and which of its commands they call.

mod bench;
mod gc;
mod get;
mod list;
mod npy;
mod verify;

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bytesize::ByteSize;
use clap::{Parser, Subcommand};
use indicatif::ProgressBar;
use serde::Serialize;
use tensor_store::Store;

/// The store was read, and it is not as it should be: damaged objects, more in it than the limit, or left for later.
const NOT_AS_WANTED: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  tensor-store --store /srv/nightmend/store ls results
  tensor-store --store s3://bucket/prefix stat
  tensor-store get 4f1a…#src.sentence_embedding --out vectors.npy
  tensor-store verify tensors --sample 5%
  tensor-store gc --keep-jobs 30d              only says what would go
  tensor-store gc --keep-jobs 30d --compact --delete

Exit codes: 0 done; 1 failed, with the reason; 2 wrong arguments; 3 damaged objects were found, the store does not
fit --max-bytes, or a job is being planned and gc left the rest for later.";

/// Looks into an object store of Nightmend, checks it, cleans it up, measures it.
#[derive(Debug, Parser)]
#[command(name = "tensor-store", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The store: a folder, `file:///folder` or `s3://bucket/prefix`.
    #[arg(long, global = true, env = "NM_STORE", value_name = "URL")]
    store: Option<String>,
    /// Prints JSON, for programs; lists as one object a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists objects: bytes and key, in the order of the store.
    Ls {
        /// Only those in this folder, such as `results` or `jobs/job_1`.
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Says what a folder of the store holds, or what is in an object or a tensor pack.
    Stat {
        /// A key, or the digest of a pack; without one, the whole store by folder.
        object: Option<String>,
    },
    /// Copies an object, a tensor pack or one tensor out of the store, checked.
    Get(get::Get),
    /// Reads objects anew and checks every digest and seal. Lists the damaged ones; then exits with 3.
    Verify(verify::Verify),
    /// Counts what nothing leads to any more; with `--delete` removes it.
    Gc(gc::Gc),
    /// Measures put, mapped and cached reads, and clean-up, in a folder of its own.
    Bench(bench::Bench),
}

/// Where a command prints, and how.
struct Output {
    stdout: BufWriter<StdoutLock<'static>>,
    json: bool,
}

impl Output {
    /// One line: `value` as JSON, or what `text` says.
    fn line(&mut self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.json {
            true => writeln!(self.stdout, "{}", serde_json::to_string(value)?)?,
            false => writeln!(self.stdout, "{}", text())?,
        }
        Ok(())
    }
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let mut output = Output { stdout: BufWriter::new(io::stdout().lock()), json: arguments.json };
    let code = runtime.block_on(dispatch(arguments, &mut output))?;
    output.stdout.flush()?;
    Ok(code)
}

async fn dispatch(arguments: Arguments, output: &mut Output) -> anyhow::Result<ExitCode> {
    let store = arguments.store.as_deref();
    match arguments.command {
        Command::Ls { prefix } => list::list(&open(store)?, &prefix, output).await,
        Command::Stat { object: None } => list::usage(&open(store)?, output).await,
        Command::Stat { object: Some(object) } => list::stat(&open(store)?, &object, output).await,
        Command::Get(get) => get::run(&open(store)?, &get).await,
        Command::Verify(verify) => verify::run(&open(store)?, &verify, output).await,
        Command::Gc(gc) => gc::run(&open(store)?, &gc, output).await,
        Command::Bench(bench) => bench::run(&bench, output).await,
    }
}

/// Opens a store that is there: a mistyped folder is not created.
fn open(url: Option<&str>) -> anyhow::Result<Store> {
    let url = url.context("which store? Give --store or set NM_STORE")?;
    let folder = url.strip_prefix("file://").unwrap_or(url);
    if !folder.contains("://") && !Path::new(folder).is_dir() {
        bail!("there is no store at `{url}`: no such folder");
    }
    Ok(Store::open(url)?)
}

/// A count on a terminal; nothing anywhere else.
fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::no_length().with_message(what);
    let style = indicatif::ProgressStyle::with_template("{msg}: {human_pos} objects, {elapsed}");
    bar.with_style(style.expect("the template is well-formed"))
}

fn size(n_bytes: u64) -> String {
    ByteSize(n_bytes).display().iec().to_string()
}
