//! Waits for a job. Announcements are for display and may be lost; that a job has ended is read from where it is
//! written: the store, and for a job without a report its record.

use std::time::Duration;

use anyhow::Context;
use bus::Bus;
use futures::StreamExt;
use schemas::JobId;
use schemas::messages::{JobRecord, Phase, Progress};
use schemas::report::Run;
use tokio::time::Instant;
use tracing::debug;

use crate::job_store::JobStore;

/// How a job ended.
#[derive(Clone, Debug)]
pub enum End {
    /// It has its report.
    Reported(Box<Run>),
    /// It was stopped on request.
    Cancelled,
    /// No report could be made.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

impl End {
    /// The phase that it ended in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Self::Reported(run) => run.phase,
            Self::Cancelled => Phase::Cancelled,
            Self::Failed { .. } => Phase::Failed,
        }
    }
}

/// Without an announcement of the end, it is looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// A queue or a store that gives nothing but errors for this long is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until the job has ended. `show` gets every announcement.
///
/// # Errors
/// If the queue or the store stay unreachable.
///
/// # Cancel safety
/// Safe: nothing is changed by watching.
pub async fn wait(
    bus: &Bus,
    store: &JobStore,
    job: &JobId,
    record_before: Option<&JobRecord>,
    mut show: impl FnMut(&Progress),
) -> anyhow::Result<End> {
    let mut announcements = bus.watch_progress(job).await?;
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut working = Instant::now();
    loop {
        let look = tokio::select! {
            Some(progress) = announcements.next() => {
                show(&progress);
                progress.phase.is_final()
            }
            _ = looks.tick() => true,
        };
        if !look {
            continue;
        }
        match ended(bus, store, job, record_before).await {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => working = Instant::now(),
            Err(error) if working.elapsed() < PATIENCE => {
                debug!(error = format!("{error:#}"), "the state of the job cannot be read now");
            }
            Err(error) => return Err(error).context("read the state of the job"),
        }
    }
}

/// How the job ended, as far as the store knows: a failure to make a report is not written there, since the next
/// orchestrator may succeed.
///
/// # Errors
/// If the store cannot be read.
pub async fn end_in_store(store: &JobStore, job: &JobId) -> anyhow::Result<Option<End>> {
    if let Some(run) = store.run(job).await? {
        return Ok(Some(End::Reported(Box::new(run))));
    }
    Ok(store.is_cancelled(job).await?.then_some(End::Cancelled))
}

/// How the job ended, if it has.
async fn ended(
    bus: &Bus,
    store: &JobStore,
    job: &JobId,
    record_before: Option<&JobRecord>,
) -> anyhow::Result<Option<End>> {
    if let Some(end) = end_in_store(store, job).await? {
        return Ok(Some(end));
    }
    let failed = |record: &JobRecord| record.phase == Phase::Failed && Some(record) != record_before;
    let record = bus.record(job).await?.filter(failed);
    Ok(record.map(|record| End::Failed {
        reason: record.error.unwrap_or_else(|| "no reason is given".to_owned()),
    }))
}
