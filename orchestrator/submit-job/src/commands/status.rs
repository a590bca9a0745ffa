//! Where a job stands, and who works.

use std::path::Path;

use bus::Bus;
use schemas::JobId;
use schemas::health::WorkerRow;
use schemas::messages::{Counts, Phase};
use serde::Serialize;

use super::date;
use crate::cli::JobArgs;
use crate::job_store::JobStore;
use crate::place::System;
use crate::table::Table;
use crate::{exit, output};

/// Where one job stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    /// Which job.
    pub job: JobId,
    /// Where it is.
    pub phase: Phase,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Counts so far.
    pub counts: Counts,
    /// When it was taken up, milliseconds since 1970; absent if it was not.
    pub accepted_ms: Option<u64>,
    /// When it last changed, milliseconds since 1970.
    pub changed_ms: Option<u64>,
}

/// A job and the workers.
#[derive(Clone, Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    job: JobRow,
    workers: Vec<WorkerRow>,
}

/// Shows a job and the workers of its system.
///
/// # Errors
/// If there is no such job, or the system cannot be reached.
pub async fn run(args: &JobArgs, cwd: &Path) -> anyhow::Result<u8> {
    let system = System::reach(&args.system, cwd).await?;
    let job = find(system.bus.as_ref(), system.store.as_ref(), &args.job).await?;
    let Some(job) = job else { anyhow::bail!("there is no job {}", args.job) };
    let workers = match &system.bus {
        Some(bus) => bus.workers().await?,
        None => Vec::new(),
    };
    let status = Status { job, workers };
    if args.json {
        output::json(&status)?;
    } else {
        output::line(&text(&status))?;
    }
    Ok(exit::DONE)
}

/// Where a job stands. The store is the truth; the record knows what is not stored yet.
///
/// # Errors
/// If store or queue cannot be read.
pub async fn find(
    bus: Option<&Bus>,
    store: Option<&JobStore>,
    job: &JobId,
) -> anyhow::Result<Option<JobRow>> {
    if let Some(row) = stored_end(store, job).await? {
        return Ok(Some(row));
    }
    let record = match bus {
        Some(bus) => bus.record(job).await?,
        None => None,
    };
    if let Some(record) = record {
        return Ok(Some(JobRow {
            job: record.job,
            phase: record.phase,
            error: record.error,
            counts: record.counts,
            accepted_ms: Some(record.accepted_ms),
            changed_ms: Some(record.changed_ms),
        }));
    }
    let submitted = match store {
        Some(store) => store.spec(job).await?.is_some(),
        None => false,
    };
    Ok(submitted.then(|| unseen(job, Phase::Queued)))
}

/// How the job ended, if the store knows.
async fn stored_end(store: Option<&JobStore>, job: &JobId) -> anyhow::Result<Option<JobRow>> {
    let Some(store) = store else { return Ok(None) };
    if let Some(run) = store.run(job).await? {
        return Ok(Some(JobRow {
            job: job.clone(),
            phase: run.phase,
            error: None,
            counts: run.counts,
            accepted_ms: Some(run.started_ms),
            changed_ms: Some(run.started_ms + run.elapsed_ms),
        }));
    }
    Ok(store.is_cancelled(job).await?.then(|| unseen(job, Phase::Cancelled)))
}

fn unseen(job: &JobId, phase: Phase) -> JobRow {
    let (job, counts) = (job.clone(), Counts::default());
    JobRow { job, phase, error: None, counts, accepted_ms: None, changed_ms: None }
}

/// The word for a phase.
pub(super) fn word(phase: Phase) -> String {
    format!("{phase:?}").to_lowercase()
}

fn text(status: &Status) -> String {
    let (job, counts) = (&status.job, &status.job.counts);
    let mut lines = vec![format!("job       {}", job.job), format!("phase     {}", word(job.phase))];
    lines.extend(job.error.iter().map(|error| format!("error     {error}")));
    lines.extend(job.accepted_ms.map(|ms| format!("accepted  {}", date(ms))));
    lines.extend(job.changed_ms.map(|ms| format!("changed   {}", date(ms))));
    lines.extend([
        format!(
            "repos     {} planned, {} failed, of {}",
            counts.repos_planned, counts.repos_failed, counts.repos
        ),
        format!(
            "batches   {} done, {} dead, of {}",
            counts.batches_done, counts.batches_dead, counts.batches
        ),
        format!("files     {} of {}", counts.files_done, counts.files),
        format!("tokens    {} of {}", counts.tokens_done, counts.tokens),
        format!("findings  {}", counts.findings),
    ]);
    if status.workers.is_empty() {
        lines.push("workers   none".to_owned());
    } else {
        lines.push(String::new());
        lines.push(worker_table(&status.workers));
    }
    lines.join("\n")
}

fn worker_table(workers: &[WorkerRow]) -> String {
    let head = ["WORKER", "STATE", "SLOTS", "BUSY", "BATCHES", "DEVICE", "RSS", "MODEL", "VERSION"];
    let mut table = Table::new(&head);
    for row in workers {
        let heartbeat = &row.heartbeat;
        let state = match (row.dead, heartbeat.draining) {
            (true, _) => "dead",
            (false, true) => "draining",
            (false, false) => "alive",
        };
        table.row(vec![
            heartbeat.worker.to_string(),
            state.to_owned(),
            heartbeat.slots.to_string(),
            heartbeat.busy.to_string(),
            heartbeat.n_batches.to_string(),
            heartbeat.device.clone(),
            format!("{} MiB", heartbeat.rss_bytes >> 20),
            heartbeat.model.map_or("-".to_owned(), |model| model.short()),
            heartbeat.version.clone(),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use schemas::Digest;
    use schemas::health::Heartbeat;

    use super::*;

    fn worker(name: &str, dead: bool, draining: bool) -> WorkerRow {
        let heartbeat = Heartbeat {
            worker: name.parse().unwrap(),
            version: "0.1.0".into(),
            device: "cpu".into(),
            slots: 2,
            busy: 1,
            rss_bytes: 300 << 20,
            model: Some(Digest::of(b"m")),
            draining,
            n_batches: 7,
        };
        WorkerRow { heartbeat, silent_ms: 12, dead }
    }

    #[test]
    fn a_status_shows_the_job_and_its_workers() {
        let counts = Counts {
            repos: 2,
            repos_planned: 1,
            batches: 9,
            batches_done: 4,
            files: 90,
            files_done: 40,
            ..Counts::default()
        };
        let job = JobRow {
            job: "job_1".parse().unwrap(),
            phase: Phase::Running,
            error: None,
            counts,
            accepted_ms: Some(1_000_000_000_000),
            changed_ms: None,
        };
        let workers = vec![worker("w1", false, false), worker("w22", false, true), worker("w3", true, true)];
        insta::assert_snapshot!(text(&Status { job, workers }), @r"
        job       job_1
        phase     running
        accepted  2001-09-09T01:46:40Z
        repos     1 planned, 0 failed, of 2
        batches   4 done, 0 dead, of 9
        files     40 of 90
        tokens    0 of 0
        findings  0

        WORKER  STATE     SLOTS  BUSY  BATCHES  DEVICE  RSS      MODEL         VERSION
        w1      alive     2      1     7        cpu     300 MiB  83d9dab06011  0.1.0
        w22     draining  2      1     7        cpu     300 MiB  83d9dab06011  0.1.0
        w3      dead      2      1     7        cpu     300 MiB  83d9dab06011  0.1.0
        ");
    }
}
