//! Makes the queue agree with the store. The store says what is left of a job: its plan minus its results. Whatever
//! of that should be in the queue and is not is published again; whatever is done counts, also where the message
//! that said so was lost. Streams and consumers that vanished are set up again.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use schemas::result::BatchResult;
use schemas::{BatchId, JobId, Lane};
use tensor_store::Key;
use tracing::{info, warn};

use crate::intake;
use crate::job::Input;
use crate::service::Service;

/// How often the queue is compared with the store while nothing seems to be wrong.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// After a look that failed: the server is just coming up.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Between the first and the second look at a batch that seems to be lost: it may have been about to be published.
const SECOND_LOOK_AFTER: Duration = Duration::from_secs(3);

/// Starts the loop: a look every ten seconds, and one at once after each reconnect.
pub fn start(service: &Service) {
    let service = service.clone();
    service.tasks.clone().spawn(async move {
        let mut connections = service.bus.connections();
        connections.mark_unchanged();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let (mut was_away, mut suspects) = (false, HashSet::new());
        loop {
            tokio::select! {
                biased;
                () = service.stop.cancelled() => return,
                Ok(()) = connections.changed() => was_away = true,
                _ = ticks.tick() => {}
            }
            match look(&service, was_away, &mut suspects).await {
                Ok(()) => was_away = false,
                Err(error) => {
                    warn!(error = format!("{error:#}"), "queue could not be compared with the store");
                    ticks.reset_after(RETRY_AFTER);
                }
            }
        }
    });
}

/// One look at the queue as a whole; then every job looks after its own batches.
async fn look(service: &Service, was_away: bool, suspects: &mut HashSet<Lane>) -> anyhow::Result<()> {
    let restored = service.bus.restore_topology().await?;
    if !restored.is_empty() {
        warn!(restored = restored.join(", "), "the queue lost its store, what was missing is set up again");
    }
    if was_away || !restored.is_empty() {
        // A request may have been lost with the queue; the spec in the store was not.
        intake::resume_all(service).await?;
    }
    check_lanes(service, suspects).await?;
    service.send_all(|| Input::Reconcile).await;
    Ok(())
}

/// A consumer that knows of fewer messages than its lane holds will never deliver the others. Seen twice in a row,
/// it is made anew. Messages whose advisory is on its way to become a dead letter are known and do not count.
async fn check_lanes(service: &Service, suspects: &mut HashSet<Lane>) -> anyhow::Result<()> {
    let Some(counts) = service.bus.count_lanes().await? else { return Ok(()) };
    let given_up = service.bus.n_advisories().await?;
    for count in counts {
        let stranded = count.stored.saturating_sub(count.deliverable + given_up);
        if stranded == 0 {
            suspects.remove(&count.lane);
        } else if suspects.remove(&count.lane) {
            warn!(
                lane = count.lane.token(),
                stranded, "consumer delivers not all of its lane, it is made anew"
            );
            service.bus.recreate_lane(count.lane).await?;
        } else {
            suspects.insert(count.lane);
        }
    }
    Ok(())
}

/// What a look found of the batches of a job that should be in the queue.
#[derive(Debug, Default)]
pub struct Found {
    /// They have a result in the store, with so many findings.
    pub done: Vec<(BatchId, u64)>,
    /// They are neither in the queue nor done.
    pub lost: Vec<BatchId>,
    /// The job is marked as cancelled.
    pub cancelled: bool,
}

/// Looks for the batches of a job that should be in the queue, and looks again for those that seem to be lost. The
/// queue is read before the store: a worker stores its result before it takes the message out of the queue.
///
/// # Errors
/// If queue or store do not answer. Nothing is known then.
pub async fn look_for(service: &Service, job: &JobId, in_flight: BTreeSet<BatchId>) -> anyhow::Result<Found> {
    let cancelled = service.store.exists(&Key::job_cancelled(job.as_str())).await?;
    let mut found = Found { cancelled, ..Found::default() };
    if cancelled || service.bus.n_queued(job).await? >= in_flight.len() as u64 {
        return Ok(found);
    }
    let seem_lost = not_found(service, job, in_flight, &mut found).await?;
    if !seem_lost.is_empty() {
        tokio::time::sleep(SECOND_LOOK_AFTER).await;
        found.lost = not_found(service, job, seem_lost, &mut found).await?.into_iter().collect();
    }
    if !found.lost.is_empty() || !found.done.is_empty() {
        let (n_lost, n_done) = (found.lost.len(), found.done.len());
        info!(job_id = %job, n_lost, n_done, "the queue does not hold what it should");
    }
    Ok(found)
}

/// Those that are not in the queue and have no result. Those that have one are noted in `found`.
async fn not_found(
    service: &Service,
    job: &JobId,
    batches: BTreeSet<BatchId>,
    found: &mut Found,
) -> anyhow::Result<BTreeSet<BatchId>> {
    let queued = service.bus.queued(job).await?;
    let mut missing = BTreeSet::new();
    for batch in batches.difference(&queued) {
        match service.store.get_sealed::<BatchResult>(&Key::results(batch.digest())).await {
            Ok(result) => found.done.push((*batch, result.n_findings())),
            Err(tensor_store::Error::NotFound { .. } | tensor_store::Error::Corrupt { .. }) => {
                missing.insert(*batch);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(missing)
}
