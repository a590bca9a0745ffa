//! The `worker` binary.

use std::process::ExitCode;

use clap::Parser;
use workers::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    bus::boot::init_logging();
    match workers::pull::main(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "worker stopped");
            ExitCode::FAILURE
        }
    }
}
