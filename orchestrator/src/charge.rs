//! One orchestrator is in charge. It holds a lease and renews it; the others wait. Who cannot renew in time stops
//! acting before the lease runs out, and waits like the others. Two that act at once for a moment are harmless all
//! the same: results and plans are written once, and so is the end of a job.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, Lease, Renewal};
use schemas::topology::LEASES;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The lease of the one in charge.
const KEY: &str = "orchestrator";

/// How often somebody who waits, or whose renewal failed, tries again.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Who an orchestrator is: the owner of a data folder. The lock on the folder ends with its process, so whoever has
/// it knows that an earlier owner is dead, and may go on with its lease at once.
#[derive(Debug)]
pub struct Identity {
    name: String,
    _lock: File,
}

impl Identity {
    /// Takes the data folder, waiting for an owner that is still ending. `None` if told to stop meanwhile.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub async fn take(data_dir: &Path, stop: &CancellationToken) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(data_dir).with_context(|| format!("make `{}`", data_dir.display()))?;
        let path = data_dir.join("orchestrator.id");
        let in_path = || format!("use `{}`", path.display());
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(&path).with_context(in_path)?;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if !said => {
                    said = true;
                    warn!(data_dir = %data_dir.display(), "another orchestrator uses this folder, waiting for it");
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).with_context(in_path),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
        let mut name = String::new();
        file.read_to_string(&mut name).with_context(in_path)?;
        if name.is_empty() {
            name = bus::lease::new_holder();
            file.write_all(name.as_bytes()).with_context(in_path)?;
        }
        Ok(Some(Self { name, _lock: file }))
    }
}

/// Waits until the lease is ours, also for a server that is away. `None` if told to stop meanwhile.
pub async fn wait(bus: &Bus, me: &Identity, stop: &CancellationToken) -> Option<Lease> {
    let mut said = false;
    loop {
        match take(bus, me).await {
            Ok(Some(lease)) => return Some(lease),
            Ok(None) if !said => {
                said = true;
                info!("another orchestrator is in charge, waiting");
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "the lease cannot be taken now"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(TRY_EVERY) => {}
        }
    }
}

/// Takes the lease. The bucket may be what is missing: nobody is in charge then who would set it up.
async fn take(bus: &Bus, me: &Identity) -> Result<Option<Lease>, bus::Error> {
    if let Ok(taken) = bus.take_lease(KEY, &me.name).await {
        return Ok(taken);
    }
    let restored = bus.restore_topology().await?;
    if !restored.is_empty() {
        warn!(restored = restored.join(", "), "the queue is incomplete, what was missing is set up");
    }
    bus.take_lease(KEY, &me.name).await
}

/// Renews the lease until `term` ends, and ends it when the lease is lost or cannot be renewed in time.
pub async fn keep(bus: Bus, mut lease: Lease, term: CancellationToken) -> Lease {
    let mut wait = LEASES.max_age / 3;
    loop {
        tokio::select! {
            biased;
            () = term.cancelled() => return lease,
            () = tokio::time::sleep(wait) => {}
        }
        // A process that was stopped for longer than the lease finds nothing remaining.
        let remaining = lease.remaining();
        let renewed = tokio::time::timeout(remaining, lease.renew(&bus)).await.unwrap_or(Ok(Renewal::Lost));
        wait = LEASES.max_age / 3;
        match renewed {
            Ok(Renewal::Granted) => {}
            Ok(Renewal::Lost) => {
                warn!("not in charge any more");
                term.cancel();
            }
            Err(error) => {
                warn!(%error, "the lease was not renewed");
                wait = TRY_EVERY;
            }
        }
    }
}
