//! Counts what workers say: results, dead letters, and JetStream's advisories of messages that no worker gets again.

use bus::{Delivery, Inbox, Settlement};
use schemas::messages::{BatchDead, BatchDone, BatchReady, Message};
use schemas::{subjects, topology};
use serde::Deserialize;
use tracing::{debug, error, warn};

use crate::job::Input;
use crate::service::Service;

/// Starts the three loops.
///
/// # Errors
/// If a consumer is missing.
pub async fn start(service: &Service) -> anyhow::Result<()> {
    spawn(service, service.bus.inbox(vec![topology::collect()]).await?, result);
    spawn(service, service.bus.inbox(vec![topology::collect_dead()]).await?, dead_letter);
    spawn(service, service.bus.inbox(vec![topology::advisories()]).await?, advisory);
    Ok(())
}

/// Handles deliveries one after the other until the service stops.
fn spawn<F>(service: &Service, mut inbox: Inbox, handle: impl Fn(Service, Delivery) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let service = service.clone();
    service.tasks.clone().spawn(async move {
        loop {
            let delivery = tokio::select! {
                biased;
                () = service.stop.cancelled() => return,
                delivery = inbox.next() => delivery,
            };
            handle(service.clone(), delivery).await;
        }
    });
}

/// A result for a job that is not active is late and harmless: its job ended, or finds it in the store.
async fn result(service: Service, delivery: Delivery) {
    match delivery.decode::<BatchDone>() {
        Ok(done) => {
            let job = done.job.clone();
            if !service.send(&job, Input::Done(done)).await {
                debug!(job_id = %job, "result of a job that is not active");
            }
        }
        // Its batch is found in the store when the job is looked at again; it must not block the others.
        Err(error) => error!(%error, "unreadable result is ignored"),
    }
    delivery.settle(Settlement::Done).await;
}

async fn dead_letter(service: Service, delivery: Delivery) {
    match delivery.decode::<BatchDead>() {
        Ok(dead) => match dead.job.clone() {
            Some(job) => {
                service.send(&job, Input::Dead(dead)).await;
            }
            None => warn!(kind = dead.kind, reason = dead.reason, "dead letter names no job"),
        },
        Err(error) => error!(%error, "unreadable dead letter is ignored"),
    }
    delivery.settle(Settlement::Done).await;
}

/// What JetStream says of a message that used up its attempts.
#[derive(Deserialize)]
struct Advisory {
    #[serde(rename = "type")]
    kind: String,
    stream_seq: u64,
    #[serde(default)]
    deliveries: u64,
}

/// A message that no worker gets again, because it was never settled in any attempt (it kills workers), becomes a
/// dead letter; then it is deleted. Terminated messages have their dead letter already.
async fn advisory(service: Service, delivery: Delivery) {
    let settlement = match serde_json::from_slice::<Advisory>(delivery.body()) {
        Ok(advisory) if advisory.kind.ends_with("max_deliver") => bury(&service, &advisory).await,
        Ok(_) => Settlement::Done,
        Err(error) => {
            error!(%error, "unreadable advisory is ignored");
            Settlement::Done
        }
    };
    delivery.settle(settlement).await;
}

async fn bury(service: &Service, advisory: &Advisory) -> Settlement {
    let buried = async {
        let Some((kind, body)) = service.bus.take_undeliverable(advisory.stream_seq).await? else {
            return Ok::<(), bus::Error>(());
        };
        let ready = BatchReady::decode(&kind, &body).ok();
        let letter = BatchDead {
            job: ready.as_ref().map(|ready| ready.job.clone()),
            batch: ready.as_ref().map(|ready| ready.batch),
            kind,
            attempt: u32::try_from(advisory.deliveries).unwrap_or(u32::MAX),
            reason: format!("no worker survived it in {} attempts", advisory.deliveries),
        };
        let subject =
            letter.job.as_ref().map_or(subjects::BATCH_DEAD_UNKNOWN.to_owned(), subjects::batch_dead);
        service.bus.publish(&subject, &format!("undeliverable-{}", advisory.stream_seq), &letter).await?;
        service.bus.delete_undeliverable(advisory.stream_seq).await
    };
    match buried.await {
        Ok(()) => Settlement::Done,
        Err(error) => {
            Settlement::Retry { after: std::time::Duration::from_secs(1), reason: error.to_string() }
        }
    }
}
