//! Checks that everything a local run needs is there, and says what to do where it is not.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use bus::{Bus, PrivateServer};
use schemas::topology::MIN_SERVER_VERSION;

use crate::cli::DoctorArgs;
use crate::job_store::JobStore;
use crate::local;
use crate::place;
use crate::{exit, output};

/// Below this much free space a local run is likely to end early.
const MIN_FREE_BYTES: u64 = 2 << 30;

/// One thing that was looked at: what is fine about it, or what is wrong and helps.
struct Check {
    name: &'static str,
    outcome: anyhow::Result<String>,
}

/// Looks at each thing and prints a line for it.
///
/// # Errors
/// If standard output cannot be written.
pub async fn run(args: &DoctorArgs, cwd: &Path) -> anyhow::Result<u8> {
    let mut checks = vec![
        Check { name: "nats-server", outcome: nats_server() },
        Check { name: "orchestrator", outcome: runs("orchestrator", "orchestrator") },
        Check { name: "worker", outcome: runs("worker", "workers") },
        Check { name: "m2bert", outcome: runs("m2bert", "m2bert") },
    ];
    match place::data_dir(&args.system, cwd) {
        Ok(data_dir) => {
            checks.push(Check { name: "data folder", outcome: writable(&data_dir) });
            checks.push(Check { name: "free disk", outcome: free_disk(&data_dir) });
            let store = args.system.store.clone().map_or_else(|| place::local_store(&data_dir), Ok);
            checks.push(Check { name: "object store", outcome: reachable(store).await });
        }
        Err(error) => checks.push(Check { name: "data folder", outcome: Err(error.into()) }),
    }
    if args.system.nats.is_some() {
        checks.push(Check { name: "queue", outcome: queue(args).await });
    }
    for check in &checks {
        output::line(&line(check))?;
    }
    Ok(if checks.iter().all(|check| check.outcome.is_ok()) { exit::DONE } else { exit::ERROR })
}

fn line(check: &Check) -> String {
    match &check.outcome {
        Ok(found) => format!("ok    {:12}  {found}", check.name),
        Err(error) => format!("FAIL  {:12}  {error:#}", check.name),
    }
}

fn nats_server() -> anyhow::Result<String> {
    let binary = PrivateServer::find_binary()?;
    let text = first_line(Command::new(&binary).arg("--version"))?;
    let version = parse_version(&text).with_context(|| format!("`{text}` names no version"))?;
    let (major, minor, patch) = MIN_SERVER_VERSION;
    anyhow::ensure!(
        version >= MIN_SERVER_VERSION,
        "{text} at {} is too old: {major}.{minor}.{patch} or newer is needed; `deploy/setup` installs one",
        binary.display()
    );
    Ok(format!("{text} at {}", binary.display()))
}

/// `nats-server: v2.15.1` as numbers.
fn parse_version(text: &str) -> Option<(u64, u64, u64)> {
    let version = text.rsplit_once('v')?.1;
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u64>().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// The binary is beside this one and starts: one that lacks a shared library (libtorch) does not.
fn runs(name: &str, package: &str) -> anyhow::Result<String> {
    let exe = std::env::current_exe().context("find the running binary")?;
    let folder = exe.parent().context("the running binary is in no folder")?;
    let binary = local::beside(folder, name, package)?;
    first_line(Command::new(&binary).arg("--version"))
        .context("it does not start; `deploy/setup` installs libtorch, then build it again")
}

/// The first line that a program prints; an error with what it complains of if it fails.
fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("run {}", command.get_program().display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
    anyhow::ensure!(output.status.success(), "{}: {}", output.status, text(&output.stderr));
    Ok(text(&output.stdout))
}

fn writable(data_dir: &Path) -> anyhow::Result<String> {
    let place = || format!("`{}` cannot be written: name another with --data-dir", data_dir.display());
    std::fs::create_dir_all(data_dir).with_context(place)?;
    let probe = data_dir.join(format!(".doctor-{}", std::process::id()));
    std::fs::write(&probe, "probe").and_then(|()| std::fs::remove_file(&probe)).with_context(place)?;
    Ok(data_dir.display().to_string())
}

fn free_disk(data_dir: &Path) -> anyhow::Result<String> {
    let existing =
        data_dir.ancestors().find(|dir| dir.is_dir()).map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let usage = rustix::fs::statvfs(&existing).context("ask for the free space")?;
    let n_bytes = usage.f_bavail * usage.f_frsize;
    anyhow::ensure!(
        n_bytes >= MIN_FREE_BYTES,
        "{} MiB are free, {} MiB should be: make room, or name another disk with --data-dir",
        n_bytes >> 20,
        MIN_FREE_BYTES >> 20
    );
    Ok(format!("{} MiB", n_bytes >> 20))
}

async fn reachable(store: anyhow::Result<String>) -> anyhow::Result<String> {
    let store = JobStore::open(&store?)?;
    let jobs = store.jobs().await.context("it cannot be listed")?;
    Ok(format!("{}, {} jobs", store.url(), jobs.len()))
}

async fn queue(args: &DoctorArgs) -> anyhow::Result<String> {
    let connection = place::connection(&args.system);
    let bus = Bus::connect(&connection).await?;
    bus.verify_topology().await?;
    Ok(connection.urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_server_prints_them() {
        assert_eq!(parse_version("nats-server: v2.15.1"), Some((2, 15, 1)));
        assert_eq!(parse_version("nats-server: v2.14.0-RC.1"), Some((2, 14, 0)));
        assert_eq!(parse_version("nats-server"), None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let check = Check { name: "data folder", outcome: writable(&file.join("data")) };
        assert!(line(&check).starts_with("FAIL  data folder ") && line(&check).contains("--data-dir"));
        assert!(writable(&dir.path().join("data")).is_ok());
    }
}
