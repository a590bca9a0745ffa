//! `submit-job`: what users install. It links neither libgit2 nor libtorch.
//!
//! In the order of a submission: [`cli`] (what was typed) → [`repo_arg`] and [`request`] (what was meant, checked) →
//! [`place`] (where it runs) → [`local`] over [`lock`] and [`child`] (a system of our own) → [`submit`] into
//! [`job_store`] (handed over; [`spec_diff`] where the id is taken) → [`watch`] with [`progress`] (waited for) →
//! [`artifacts`] (written). [`commands`] ties each command together; [`output`], [`table`] and [`plan`] are what
//! people and programs read; [`exit`] is how it ends.

pub mod artifacts;
pub mod child;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod job_store;
pub mod local;
pub mod lock;
pub mod output;
pub mod place;
pub mod plan;
pub mod progress;
pub mod repo_arg;
pub mod request;
pub mod spec_diff;
pub mod submit;
pub mod table;
pub mod watch;

use anyhow::Context;

use crate::cli::{Cli, Command};

/// Runs the command line. Gives back the exit code.
///
/// # Errors
/// What went wrong; [`exit::code_of_error`] knows its code.
pub async fn run(cli: Cli) -> anyhow::Result<u8> {
    let cwd = std::env::current_dir().context("find the current folder")?;
    match &cli.command {
        // The largest of the futures by far: on the heap, the others need no room for it.
        None => Box::pin(commands::submit::run(&cli.submit, &cwd)).await,
        Some(Command::Status(args)) => commands::status::run(args, &cwd).await,
        Some(Command::List(args)) => commands::list::run(args, &cwd).await,
        Some(Command::Report(args)) => commands::report::run(args, &cwd).await,
        Some(Command::Cancel(args)) => commands::cancel::run(args, &cwd).await,
        Some(Command::Resume(args)) => Box::pin(commands::submit::resume(args, &cwd)).await,
        Some(Command::Doctor(args)) => commands::doctor::run(args, &cwd).await,
    }
}
