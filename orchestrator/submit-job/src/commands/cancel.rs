//! Stopping a job.

use std::path::Path;

use bus::Bus;
use schemas::messages::JobCancelRequested;
use schemas::{JobId, subjects};
use serde_json::json;

use crate::cli::JobArgs;
use crate::exit;
use crate::output;
use crate::place::System;

/// Marks a job as cancelled in the store, so that no orchestrator takes it up again, and asks the one that runs to
/// stop it.
///
/// # Errors
/// If there is no such job, or the system cannot be reached.
pub async fn run(args: &JobArgs, cwd: &Path) -> anyhow::Result<u8> {
    let system = System::reach(&args.system, cwd).await?;
    let job = &args.job;
    if let Some(store) = &system.store {
        anyhow::ensure!(store.spec(job).await?.is_some(), "there is no job {job} in {}", store.url());
        if store.run(job).await?.is_some() {
            return said(args, "ended", &format!("job {job} has ended, there is nothing to cancel"));
        }
    }
    // The mark first: a queue that loses the request does not lose the wish.
    if let Some(store) = &system.store {
        store.mark_cancelled(job).await?;
    }
    match (&system.bus, &system.store) {
        (Some(bus), _) => request(bus, job).await?,
        (None, Some(_)) => {}
        (None, None) => drop(system.bus()?),
    }
    said(args, "cancelling", &format!("job {job} is being cancelled"))
}

async fn request(bus: &Bus, job: &JobId) -> anyhow::Result<()> {
    let message = JobCancelRequested { job: job.clone() };
    let id = format!("cancel.{job}.{}", ulid::Ulid::generate());
    Ok(bus.publish(subjects::JOB_CANCEL_REQUESTED, &id, &message).await?)
}

fn said(args: &JobArgs, state: &str, text: &str) -> anyhow::Result<u8> {
    if args.json {
        output::json(&json!({ "job": args.job, "state": state }))?;
    } else {
        output::say(text);
    }
    Ok(exit::DONE)
}
