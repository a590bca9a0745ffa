//! The fix engine without a queue: what the `mend` binary does, as a library.
//!
//! Reading order: [`arguments`] → [`tree`] → [`scan`] → [`output`]; beside them [`certificates`], [`user_rules`],
//! [`catalogue`], and [`cases`] with [`score`], which measure the rules.

pub mod arguments;
pub mod cases;
pub mod catalogue;
pub mod certificates;
mod changed_lines;
pub mod output;
pub mod scan;
pub mod score;
pub mod tree;
pub mod user_rules;

use std::process::ExitCode;

use arguments::{Arguments, Command};

/// How a run ended: the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: nothing found.
    Clean,
    /// 1: something found.
    Findings,
}

impl Outcome {
    /// [`Outcome::Findings`] if there are any.
    #[must_use]
    pub fn of(any: bool) -> Self {
        if any { Self::Findings } else { Self::Clean }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Clean => Self::SUCCESS,
            Outcome::Findings => Self::from(1),
        }
    }
}

/// Does what the command line asks for.
///
/// # Errors
/// Whatever keeps it from being done: exit code 2.
pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.command {
        Command::Check(check) => scan::check(check),
        Command::Fix(fix) => scan::fix(fix),
        Command::Rules { id, json } => catalogue::list(id.as_deref(), *json),
        Command::Explain { id } => catalogue::explain(id),
        Command::Verify { certificate, base } => certificates::verify(certificate, base.as_deref()),
        Command::Test { folder } => user_rules::test(folder),
        Command::Cases { file } => cases::run_file(file),
    }
}
