//! The worker's loop. Admission comes first: a permit is taken before a batch is pulled, so that what waits stays
//! available to other workers. Stopping: pull no more, finish what is in hand, give back what takes too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, Connection, Delivery, Inbox, Settlement};
use schemas::messages::{BatchDone, BatchReady, BatchStats};
use schemas::{Lane, WorkerId, subjects, topology};
use tensor_store::Store;
use tokio::sync::{RwLock, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span, warn};

use crate::config::Config;
use crate::error::StageError;
use crate::health;
use crate::model::Models;
use crate::pipeline::{Pipeline, Processed};

/// A worker that runs.
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) bus: Bus,
    pub(crate) slots: u32,
    pub(crate) busy: AtomicU32,
    pub(crate) n_batches: AtomicU64,
    pub(crate) pipeline: Pipeline,
    /// Pull no more.
    pub(crate) stop: CancellationToken,
    /// Give back what is in hand.
    hard_stop: CancellationToken,
    permits: Arc<Semaphore>,
    /// Read by batches that may be done side by side, written by one that must be alone.
    side_by_side: RwLock<()>,
}

/// How long a server that is still starting is waited for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);

/// Runs a worker until it is told to stop.
///
/// # Errors
/// If it cannot start: no server, another topology, no store.
pub fn main(config: &Config) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(config.n_threads())
        .thread_name(|n| format!("fix-{n}"))
        .build_global()
        .context("start the threads for parsing")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(run(config))
}

async fn run(config: &Config) -> anyhow::Result<()> {
    let stop = bus::boot::cancel_on_signals().context("listen for signals")?;
    if config.exit_with_parent {
        bus::boot::cancel_with_parent(stop.clone());
    }
    let connection = Connection {
        urls: config.nats.clone(),
        token: config.nats_token.clone(),
        credentials: config.creds.clone(),
        name: "worker".to_owned(),
    };
    let bus = Bus::connect_patiently(&connection, CONNECT_PATIENCE).await?;
    bus.verify_topology_patiently(CONNECT_PATIENCE).await?;
    let store = Store::open(&config.store).context("open the object store")?;
    let models = Models::new(store.clone(), config.data_dir.join("models"), config.serve_options());
    let inbox = bus.inbox(Lane::ALL.map(topology::work).to_vec()).await?;
    let worker = Arc::new(Worker {
        id: bus::watch::new_worker_id(),
        bus,
        slots: config.slots.max(1),
        busy: AtomicU32::new(0),
        n_batches: AtomicU64::new(0),
        pipeline: Pipeline::new(store, models),
        hard_stop: CancellationToken::new(),
        permits: Arc::new(Semaphore::new(config.slots.max(1) as usize)),
        side_by_side: RwLock::default(),
        stop,
    });
    worker.work(inbox, Duration::from_secs(config.drain_timeout)).await
}

impl Worker {
    async fn work(self: Arc<Self>, mut inbox: Inbox, drain_timeout: Duration) -> anyhow::Result<()> {
        let in_hand = TaskTracker::new();
        info!(worker_id = %self.id, slots = self.slots, "worker ready");
        let beating = in_hand.spawn(health::beat_until_drained(Arc::clone(&self)));
        Arc::clone(&self).pull(&mut inbox, &in_hand).await;
        inbox.close().await;
        self.stop.cancel();
        in_hand.close();
        if tokio::time::timeout(drain_timeout, in_hand.wait()).await.is_err() {
            warn!(
                n_in_hand = self.busy.load(Ordering::Relaxed),
                "drain timed out, batches go back to the queue"
            );
            self.hard_stop.cancel();
            in_hand.wait().await;
        }
        beating.await.context("heartbeats")?;
        self.bus.flush().await.context("flush the last messages")
    }

    /// Pulls batches until it is told to stop.
    async fn pull(self: Arc<Self>, inbox: &mut Inbox, in_hand: &TaskTracker) {
        loop {
            let permit = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                permit = self.permits.clone().acquire_owned() => permit.expect("never closed"),
            };
            let delivery = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                delivery = inbox.next() => delivery,
            };
            let this = Arc::clone(&self);
            in_hand.spawn(async move {
                let _permit = permit;
                this.handle(delivery).await;
            });
        }
    }

    /// Does one batch and settles it, after its result is stored and announced.
    async fn handle(&self, delivery: Delivery) {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let attempt = delivery.attempt();
        let span = info_span!("batch", batch_id = tracing::field::Empty, attempt);
        let outcome = delivery.keep_alive_during(self.attempt(&delivery)).instrument(span).await;
        let settlement = outcome.map_or_else(|error| error.settlement(), |()| Settlement::Done);
        delivery.settle(settlement).await;
        self.n_batches.fetch_add(1, Ordering::Relaxed);
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<(), StageError> {
        let batch: BatchReady = delivery.decode()?;
        tracing::Span::current().record("batch_id", tracing::field::display(batch.batch));
        let process = self.process(&batch, delivery.attempt());
        let processed = tokio::select! {
            biased;
            () = self.hard_stop.cancelled() => Err(StageError::Cancelled),
            processed = process => processed,
        };
        if matches!(processed, Err(StageError::Cancelled)) {
            self.pipeline.stopped().await;
        }
        let processed = processed?;
        let BatchStats { n_files, n_tokens, .. } = processed.stats;
        info!(n_files, n_tokens, reused = processed.reused, "batch done");
        let done = BatchDone {
            job: batch.job,
            batch: batch.batch,
            worker: self.id.clone(),
            attempt: delivery.attempt(),
            reused: processed.reused,
            stats: processed.stats,
        };
        // Per attempt: a result that is announced again after a restart of the orchestrator must get through.
        let id = format!("{}.{}.{}", done.batch, self.id, self.n_batches.load(Ordering::Relaxed));
        self.bus.publish(&subjects::batch_done(&done.job), &id, &done).await?;
        Ok(())
    }

    /// A batch that comes again may have killed a worker: nothing else is done beside it, so that no neighbour dies
    /// with it.
    async fn process(&self, batch: &BatchReady, attempt: u32) -> Result<Processed, StageError> {
        if attempt > 1 {
            let _alone = self.side_by_side.write().await;
            return Box::pin(self.pipeline.process(batch, attempt)).await;
        }
        let _beside_others = self.side_by_side.read().await;
        Box::pin(self.pipeline.process(batch, attempt)).await
    }
}
