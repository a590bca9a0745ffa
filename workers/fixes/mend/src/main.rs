//! `mend`: the fix engine without a queue.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use mend::cases::Case;

/// The fix engine without a queue.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs single rules on single texts: one JSON object a line in, one a line out.
    Cases {
        /// A file of JSON lines; `-` is standard input.
        file: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Cases { file } => cases(&file),
    }
}

fn cases(file: &std::path::Path) -> anyhow::Result<()> {
    let input: Box<dyn Read> = if file == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?)
    };
    let mut output = std::io::stdout().lock();
    for line in BufReader::new(input).lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Case = serde_json::from_str(&line).context("not a case")?;
        serde_json::to_writer(&mut output, &case.run())?;
        output.write_all(b"\n")?;
    }
    Ok(())
}
