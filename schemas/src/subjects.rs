//! Every subject that the product uses: `nm.v1.<noun>.<state>[.<key>…]`, keys last so that wildcards work.
//! A subject is made nowhere else.

use crate::ids::{JobId, WorkerId};
use crate::job::Lane;

/// A job was submitted.
pub const JOB_SUBMITTED: &str = "nm.v1.job.submitted";
/// Somebody wants a job to stop.
pub const JOB_CANCEL_REQUESTED: &str = "nm.v1.job.cancel_requested";
/// All requests to the orchestrator.
pub const JOB_ALL: &str = "nm.v1.job.>";

/// All batches that wait for a worker.
pub const BATCH_READY_ALL: &str = "nm.v1.batch.ready.>";
/// All results.
pub const BATCH_DONE_ALL: &str = "nm.v1.batch.done.>";
/// All dead letters.
pub const BATCH_DEAD_ALL: &str = "nm.v1.batch.dead.>";
/// A dead letter whose job could not be read.
pub const BATCH_DEAD_UNKNOWN: &str = "nm.v1.batch.dead.unknown";
/// All state changes of jobs.
pub const EVENT_ALL: &str = "nm.v1.event.>";
/// The newest progress of every job.
pub const PROGRESS_ALL: &str = "nm.v1.progress.>";
/// All heartbeats.
pub const HEALTH_ALL: &str = "nm.v1.health.>";
/// The heartbeats of workers.
pub const HEALTH_WORKERS: &str = "nm.v1.health.worker.>";
/// What JetStream says of messages that used up their attempts or were terminated.
pub const ADVISORIES: [&str; 2] = [
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.WORK.*",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.WORK.*",
];

/// A batch waits for a worker.
#[must_use]
pub fn batch_ready(lane: Lane, job: &JobId) -> String {
    format!("nm.v1.batch.ready.{}.{job}", lane.token())
}

/// The batches of one lane.
#[must_use]
pub fn batch_ready_lane(lane: Lane) -> String {
    format!("nm.v1.batch.ready.{}.>", lane.token())
}

/// The batches of one job, in any lane: what a cancellation purges.
#[must_use]
pub fn batch_ready_job(job: &JobId) -> String {
    format!("nm.v1.batch.ready.*.{job}")
}

/// A result was stored.
#[must_use]
pub fn batch_done(job: &JobId) -> String {
    format!("nm.v1.batch.done.{job}")
}

/// A batch can never succeed.
#[must_use]
pub fn batch_dead(job: &JobId) -> String {
    format!("nm.v1.batch.dead.{job}")
}

/// A job changed its state.
#[must_use]
pub fn event(job: &JobId, kind: &str) -> String {
    format!("nm.v1.event.{job}.{kind}")
}

/// Where a job stands; only the newest is kept.
#[must_use]
pub fn progress(job: &JobId) -> String {
    format!("nm.v1.progress.{job}")
}

/// The heartbeat of one worker.
#[must_use]
pub fn health_worker(worker: &WorkerId) -> String {
    format!("nm.v1.health.worker.{worker}")
}

/// The heartbeat of the orchestrator.
pub const HEALTH_ORCHESTRATOR: &str = "nm.v1.health.orchestrator.main";

/// The job that a batch subject is about.
#[must_use]
pub fn job_of(subject: &str) -> Option<JobId> {
    let key = subject.strip_prefix("nm.v1.batch.")?.rsplit('.').next()?;
    key.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_last_and_wildcards_cover_them() {
        let job: JobId = "job_1".parse().unwrap();
        assert_eq!(batch_ready(Lane::Nightly, &job), "nm.v1.batch.ready.nightly.job_1");
        assert!(batch_ready(Lane::Nightly, &job).starts_with(BATCH_READY_ALL.trim_end_matches('>')));
        assert_eq!(job_of(&batch_ready(Lane::Nightly, &job)), Some(job.clone()));
        assert_eq!(job_of("nm.v1.progress.x"), None);
        assert!(progress(&job).starts_with(PROGRESS_ALL.trim_end_matches('>')));
    }
}
