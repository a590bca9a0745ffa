//! The `submit-job` binary.

use std::process::ExitCode;

use clap::Parser;
use submit_job::cli::Cli;
use submit_job::{exit, output};

fn main() -> ExitCode {
    let cli = Cli::parse();
    bus::boot::init_logging();
    // One thread: it mostly waits.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("submit-job: cannot start: {error}"));
            return ExitCode::from(exit::ERROR);
        }
    };
    match runtime.block_on(submit_job::run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::say(&format!("submit-job: {error:#}"));
            ExitCode::from(exit::code_of_error(&error))
        }
    }
}
