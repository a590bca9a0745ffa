//! The `orchestrator` binary.

use std::process::ExitCode;

use clap::Parser;
use orchestrator::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    bus::boot::init_logging();
    match orchestrator::service::main(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "orchestrator stopped");
            ExitCode::FAILURE
        }
    }
}
