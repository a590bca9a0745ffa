//! What the parts of the orchestrator share, and how they are started and stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use bus::{Bus, Connection};
use schemas::JobId;
use tensor_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::charge::Identity;
use crate::clone::Cloner;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::earlier::Earlier;
use crate::health::WorkerTable;
use crate::job::Input;
use crate::patience::is_transient;
use crate::tokens::TokenCounters;
use crate::{charge, collect, health, intake, reconcile};

/// What every part holds. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// The connection.
    pub bus: Bus,
    /// The truth.
    pub store: Store,
    /// Mirrors repositories, a few at a time.
    pub cloner: Cloner,
    /// What earlier jobs left.
    pub earlier: Arc<Earlier>,
    /// Counts the tokens of files for plans.
    pub tokens: Arc<TokenCounters>,
    /// Who works.
    pub workers: Arc<WorkerTable>,
    /// Every task that must end before the process does.
    pub tasks: TaskTracker,
    /// Cancelled when the process is to end.
    pub stop: CancellationToken,
    jobs: Arc<Mutex<HashMap<JobId, mpsc::Sender<Input>>>>,
}

impl Service {
    /// Registers an active job. `None` if it is active already.
    #[must_use]
    pub fn register(&self, job: &JobId) -> Option<mpsc::Receiver<Input>> {
        let mut jobs = self.jobs.lock().expect("no holder of the lock panics");
        if jobs.contains_key(job) {
            return None;
        }
        // Inputs are ids: enough room that collecting waits only for a job that is really behind.
        let (sender, receiver) = mpsc::channel(1024);
        jobs.insert(job.clone(), sender);
        Some(receiver)
    }

    /// Forgets a job that ended.
    pub fn unregister(&self, job: &JobId) {
        self.jobs.lock().expect("no holder of the lock panics").remove(job);
    }

    /// Hands an input to a job. `false` if no such job is active.
    pub async fn send(&self, job: &JobId, input: Input) -> bool {
        let sender = self.jobs.lock().expect("no holder of the lock panics").get(job).cloned();
        match sender {
            Some(sender) => sender.send(input).await.is_ok(),
            None => false,
        }
    }

    /// Hands an input to every active job.
    pub async fn send_all(&self, input: impl Fn() -> Input) {
        let senders: Vec<_> =
            self.jobs.lock().expect("no holder of the lock panics").values().cloned().collect();
        for sender in senders {
            // Fails only for a job that is just ending.
            sender.send(input()).await.ok();
        }
    }

    /// Whether the job is active.
    #[must_use]
    pub fn is_active(&self, job: &JobId) -> bool {
        self.jobs.lock().expect("no holder of the lock panics").contains_key(job)
    }

    /// Active jobs.
    #[must_use]
    pub fn n_jobs(&self) -> usize {
        self.jobs.lock().expect("no holder of the lock panics").len()
    }
}

/// Milliseconds since 1970, for records that people read. Nothing is decided by it.
#[must_use]
pub fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since `start`.
#[must_use]
pub fn elapsed_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Runs the orchestrator until it is told to stop.
///
/// # Errors
/// If it cannot start: no server, another topology, no store.
pub fn main(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let stop = bus::boot::cancel_on_signals().context("listen for signals")?;
    if config.exit_with_parent {
        bus::boot::cancel_with_parent(stop.clone());
    }
    let Some(me) = Identity::take(&config.data_dir, &stop).await? else { return Ok(()) };
    let connection = Connection {
        urls: config.nats.clone(),
        token: config.nats_token.clone(),
        credentials: config.creds.clone(),
        name: "orchestrator".to_owned(),
    };
    let bus = Bus::connect_patiently(&connection, CONNECT_PATIENCE).await?;
    let store = Store::open(&config.store).context("open the object store")?;
    while let Some(lease) = charge::wait(&bus, &me, &stop).await {
        let term = stop.child_token();
        let keeper = TaskTracker::new();
        let keeping = keeper.spawn(charge::keep(bus.clone(), lease, term.clone()));
        let tasks = TaskTracker::new();
        match start(&config, bus.clone(), store.clone(), tasks.clone(), term.clone()).await {
            Ok(()) => info!(store = config.store, "orchestrator ready"),
            Err(error) if is_transient(&error) => {
                warn!(error = format!("{error:#}"), "not started, tried again");
                tokio::time::sleep(Duration::from_secs(1)).await;
                term.cancel();
            }
            Err(error) => return Err(error),
        }
        term.cancelled().await;
        tasks.close();
        tasks.wait().await;
        let lease = keeping.await.context("keep the lease")?;
        if stop.is_cancelled() {
            if let Err(error) = lease.release(&bus).await {
                debug!(%error, "the lease runs out by itself");
            }
            break;
        }
    }
    bus.flush().await.context("flush the last messages")
}

/// How long a server that is still starting is waited for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);

/// Starts the parts for one term in charge. `stop` ends it.
async fn start(
    config: &Config,
    bus: Bus,
    store: Store,
    tasks: TaskTracker,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    bus.restore_topology().await?;
    bus.verify_topology().await?;
    let credentials = Credentials::from_variables(std::env::vars());
    let service = Service {
        bus,
        earlier: Arc::new(Earlier::new(store.clone())),
        tokens: Arc::new(TokenCounters::new(store.clone(), config.data_dir.join("tokenizers"), stop.clone())),
        store,
        cloner: Cloner::new(config.data_dir.join("mirrors"), credentials, config.clones),
        workers: Arc::new(WorkerTable::default()),
        tasks,
        stop,
        jobs: Arc::default(),
    };
    // Jobs that were active come first: their results may be waiting in the queue.
    intake::resume_all(&service).await.context("resume the jobs of an earlier run")?;
    health::start(&service).await?;
    collect::start(&service).await?;
    intake::start(&service).await?;
    reconcile::start(&service);
    Ok(())
}
