//! `nightmend-deploy`: sets up the NATS topology of a shared system, or compares it with what this version needs.
//! The services only compare; a person decides when a shared queue changes.

use std::path::PathBuf;
use std::process::ExitCode;

use bus::{Bus, Connection};
use clap::{Args, Parser, Subcommand};

/// Operator tools of Nightmend
#[derive(Debug, Parser)]
#[command(name = "nightmend-deploy", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create or update streams, consumers and buckets
    Provision(Server),
    /// Compare streams, consumers and buckets with what this version needs
    Check(Server),
}

/// Which server.
#[derive(Debug, Args)]
struct Server {
    /// NATS server, or several of one cluster separated by commas
    #[arg(long, env = "NM_NATS_URL", value_name = "URL")]
    nats: String,
    /// Credentials file for the NATS server
    #[arg(long, env = "NM_NATS_CREDS", value_name = "FILE")]
    creds: Option<PathBuf>,
    /// Token of the NATS server
    #[arg(long, env = "NM_NATS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    nats_token: Option<String>,
}

impl Server {
    async fn connect(&self) -> Result<Bus, bus::Error> {
        let connection = Connection {
            urls: self.nats.clone(),
            token: self.nats_token.clone(),
            credentials: self.creds.clone(),
            name: "nightmend-deploy".to_owned(),
        };
        Bus::connect(&connection).await
    }
}

async fn run(command: &Command) -> anyhow::Result<&'static str> {
    match command {
        Command::Provision(server) => {
            server.connect().await?.provision().await?;
            Ok("streams, consumers and buckets are set up")
        }
        Command::Check(server) => {
            server.connect().await?.verify_topology().await?;
            Ok("streams, consumers and buckets are as this version needs them")
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    bus::boot::init_logging();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(&cli.command)));
    match outcome {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("nightmend-deploy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
