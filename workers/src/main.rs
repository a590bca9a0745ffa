//! The `worker` binary.

use std::process::ExitCode;

use clap::Parser;
use workers::config::Config;

fn main() -> ExitCode {
    // Before anything else: libtorch and its allocator look around once, while there is one thread.
    let prepared = m2bert::runtime::prepare();
    let config = Config::parse();
    bus::boot::init_logging();
    tracing::debug!(?prepared, "libtorch prepared");
    match workers::pull::main(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "worker stopped");
            ExitCode::FAILURE
        }
    }
}
