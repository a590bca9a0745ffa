//! What the orchestrator is told at start.

use std::path::PathBuf;

use clap::Parser;

/// Takes jobs in, clones and plans repos, dispatches batches, writes reports.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Config {
    /// NATS server, or several of one cluster separated by commas
    #[arg(long, env = "NM_NATS_URL", value_name = "URL")]
    pub nats: String,
    /// Token of the NATS server
    #[arg(long, env = "NM_NATS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub nats_token: Option<String>,
    /// Credentials file for the NATS server
    #[arg(long, env = "NM_NATS_CREDS", value_name = "FILE")]
    pub creds: Option<PathBuf>,
    /// Object store: file:///… or s3://…
    #[arg(long, env = "NM_STORE", value_name = "URL")]
    pub store: String,
    /// Where the mirrors of repositories and the token counts of their files are kept
    #[arg(long, env = "NM_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Repositories cloned at once
    #[arg(long, env = "NM_CLONES", default_value_t = 4, value_name = "N")]
    pub clones: usize,
    /// Stop when standard input closes: for a parent that may be killed
    #[arg(long, hide = true)]
    pub exit_with_parent: bool,
}
