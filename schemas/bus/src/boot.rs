//! What every process does first: logs to stderr, signals into one token.

use std::io::IsTerminal;

use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Logs to stderr, `warn` and up unless `NM_LOG` says otherwise (`NM_LOG=info`, `NM_LOG=workers=debug`).
pub fn init_logging() {
    let filter = EnvFilter::try_from_env("NM_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second call in one process (tests) finds the first one's subscriber, which is as good.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .try_init()
        .ok();
}

/// Cancels the token on SIGTERM and SIGINT; a second signal ends the process at once with code 130.
///
/// # Errors
/// If the handlers cannot be installed.
#[expect(
    clippy::disallowed_methods,
    reason = "the listener lives as long as the process; nobody waits for it"
)]
pub fn cancel_on_signals() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let signalled = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if signalled.is_cancelled() {
                std::process::exit(130);
            }
            signalled.cancel();
        }
    });
    Ok(token)
}

/// Cancels the token when the parent process is gone: its end of our standard input closes with it, however it
/// ended. For children of `submit-job --local`, which would otherwise outlive a parent that was killed.
pub fn cancel_with_parent(token: CancellationToken) {
    let wait = move || {
        use std::io::Read;
        let mut stdin = std::io::stdin().lock();
        let mut ignored = [0; 256];
        while matches!(stdin.read(&mut ignored), Ok(1..)) {}
        token.cancel();
    };
    std::thread::Builder::new().name("parent-watch".into()).spawn(wait).expect("a thread can be started");
}

/// Resident memory of this process, bytes; 0 where the system does not say.
#[must_use]
pub fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
