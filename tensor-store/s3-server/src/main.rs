//! `s3-server`: the server of the tests as a program, to try the product against S3 by hand.

use clap::Parser;
use s3_server::{BUCKET, S3Server};

const EXAMPLES: &str = "\
Examples:
  s3-server --port 9000 >s3.env &
  . ./s3.env
  submit-job --local --store s3://nightmend/trial REPO";

/// An S3 server in memory, on this machine only, with one bucket.
///
/// Prints the variables with which S3 clients use it, as a shell reads them, and runs until it is stopped. Everything
/// in it is lost then.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let server = S3Server::start(cli.port).await?;
    println!("# s3://{BUCKET}");
    for (name, value) in server.variables() {
        println!("export {name}={value}");
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}
