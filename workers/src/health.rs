//! Says every few seconds that this worker lives, and at the end that it drains.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use schemas::health::Heartbeat;
use schemas::topology::HEARTBEAT_EVERY;
use tracing::debug;

use crate::pull::Worker;

/// Beats until the worker is told to stop; the last heartbeat says so.
pub(crate) async fn beat_until_drained(worker: Arc<Worker>) {
    let mut ticks = tokio::time::interval(HEARTBEAT_EVERY);
    loop {
        let draining = tokio::select! {
            biased;
            () = worker.stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let heartbeat = Heartbeat {
            worker: worker.id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: "cpu".to_owned(),
            slots: worker.slots,
            busy: worker.busy.load(Ordering::Relaxed),
            rss_bytes: bus::boot::rss_bytes(),
            model: worker.pipeline.loaded_model(),
            draining,
            n_batches: worker.n_batches.load(Ordering::Relaxed),
        };
        if let Err(error) = worker.bus.beat(&heartbeat).await {
            debug!(%error, "heartbeat was not sent");
        }
        if draining {
            return;
        }
    }
}
