//! The `worker` binary.

use std::process::ExitCode;

use clap::Parser;
use workers::config::Config;
use workers::isolate;

fn main() -> ExitCode {
    bus::boot::init_logging();
    let outcome = if std::env::args_os().nth(1).is_some_and(|first| first == isolate::ARGUMENT) {
        isolate::child()
    } else {
        workers::pull::main(&Config::parse())
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "worker stopped");
            ExitCode::FAILURE
        }
    }
}
