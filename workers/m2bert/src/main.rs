//! `m2bert`: makes and describes model directories, and runs models for people, benches and workers.
//!
//! Standard output is data, standard error is for people. Exit codes: 0 done, 1 error, 2 usage.

mod commands;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use m2bert::runtime::{self, Prepared};

use crate::commands::{bench, embed, forward, info, init, serve, verify};

/// Makes, describes and runs M2-BERT model directories
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  m2bert init --size tiny --out models/tiny          make an untrained model
  m2bert info models/tiny                            what it is, and what is wrong with it
  m2bert embed models/tiny src/*.js > vectors.jsonl  vectors of files
  m2bert bench models/tiny --lengths 128,8192        how fast it is here
  m2bert verify workers/m2bert/goldens/retrieval     whether it computes what it must";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a complete, untrained model directory and print its digest
    ///
    /// The same size, seed and corpus give the same bytes. A directory that already holds just these
    /// is left as it is; one that holds anything else is an error.
    Init(init::Init),
    /// Check a model directory and print what it holds
    Info(info::Info),
    /// Run token ids of a safetensors file through a model
    Forward(forward::Forward),
    /// Print the vectors of files
    Embed(embed::Embed),
    /// Measure tokens per second
    Bench(bench::Bench),
    /// Compare what a model computes with what it must
    Verify(verify::Verify),
    /// Run a model for the program that started this one: batches of tokens on standard input, vectors on
    /// standard output, until the input ends
    Serve(serve::Serve),
    /// Prepare this process for libtorch as the other commands do, and print what came of it
    Runtime,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(args) => init::run(&args),
        Command::Info(args) => info::run(&args),
        command => {
            let prepared = runtime::prepare();
            match command {
                Command::Forward(args) => forward::run(&args),
                Command::Embed(args) => embed::run(&args),
                Command::Bench(args) => bench::run(&args),
                Command::Verify(args) => verify::run(&args),
                Command::Serve(args) => serve::run(&args),
                _ => Ok(describe_runtime(&prepared)),
            }
        }
    };
    match outcome.and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
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
fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("write to standard output")
}
