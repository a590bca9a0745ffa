//! A whole system of our own: nats-server, orchestrator and workers as children, everything under one data folder.
//! The same binaries and the same code paths as on a cluster; only the start differs.
//!
//! ```text
//! <data>/lock             who runs here
//! <data>/running.json     how it is reached
//! <data>/nats/            the queue
//! <data>/store/           the object store
//! <data>/logs/*.log       what the children say
//! ```

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use bus::{Bus, PrivateServer};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::child::Program;
use crate::lock::DataLock;
use crate::place::{self, Running};

/// What a local system is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder; created if missing.
    pub data_dir: PathBuf,
    /// URL of its object store.
    pub store: String,
    /// Worker processes.
    pub n_workers: u16,
    /// Whether they will be asked to run a model.
    pub with_model: bool,
}

/// Batches that one worker has in hand: one is fetched or stored while the other is computed.
const SLOTS: u32 = 2;

/// The queue's server is looked after this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A server that ends more often than this, each time within a minute of its start, is not started again.
const MAX_SERVER_RESTARTS: u32 = 5;

/// A server that ran for this long was well.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// A running local system. [`LocalSystem::stop`] it; dropped, its children are killed.
pub struct LocalSystem {
    /// The connection.
    pub bus: Bus,
    options: Options,
    binaries: Binaries,
    server: Option<PrivateServer>,
    server_restarts: u32,
    server_started: Instant,
    running: Running,
    children: TaskTracker,
    stop: CancellationToken,
    news: mpsc::Receiver<News>,
    tell: mpsc::Sender<News>,
    _lock: DataLock,
}

/// What the children make known.
#[derive(Debug)]
pub enum News {
    /// A child died and is started again.
    Died(String),
    /// A child cannot be kept running.
    Hopeless(anyhow::Error),
}

/// The programs beside this one.
#[derive(Clone, Debug)]
pub struct Binaries {
    orchestrator: PathBuf,
    worker: PathBuf,
}

impl Binaries {
    /// Finds them in the folder of the running binary.
    ///
    /// # Errors
    /// Names each that is missing, and how to build it.
    fn find(with_model: bool) -> anyhow::Result<Self> {
        let exe = std::env::current_exe().context("find the running binary")?;
        let folder = exe.parent().context("the running binary is in no folder")?;
        if with_model {
            // Workers start it themselves, from the same folder.
            beside(folder, "m2bert", "m2bert")?;
        }
        Ok(Self {
            orchestrator: beside(folder, "orchestrator", "orchestrator")?,
            worker: beside(folder, "worker", "workers")?,
        })
    }

    /// The worker.
    #[must_use]
    pub fn worker(&self) -> &Path {
        &self.worker
    }
}

/// The binary `name` in `folder`, built from `package`.
///
/// # Errors
/// If it is not there: how to build it.
pub fn beside(folder: &Path, name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    anyhow::ensure!(
        path.is_file(),
        "no `{name}` in `{}`: build it with `cargo build -p {package}` (add --release for a release build)",
        folder.display()
    );
    Ok(path)
}

impl LocalSystem {
    /// Takes the data folder, starts the queue and sets it up. The children come later, with
    /// [`LocalSystem::spawn_children`], so that a job can be handed over before they look for work.
    ///
    /// # Errors
    /// If a binary is missing, the folder is in use, or the queue does not start.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let binaries = Binaries::find(options.with_model)?;
        std::fs::create_dir_all(options.data_dir.join("logs"))
            .with_context(|| format!("make the data folder `{}`", options.data_dir.display()))?;
        let lock = DataLock::take(&options.data_dir)?;
        let nats_dir = options.data_dir.join("nats");
        let server = tokio::task::spawn_blocking(move || PrivateServer::start(&nats_dir))
            .await
            .context("start the queue")??;
        let connection = server.connection("submit-job");
        let bus = Bus::connect(&connection).await?;
        bus.provision().await?;
        let running =
            Running { nats: connection.urls, token: connection.token, store: options.store.clone() };
        place::write_running(&options.data_dir, &running)?;
        // Deaths are rare; whoever reports one waits until it was heard.
        let (tell, news) = mpsc::channel(4);
        Ok(Self {
            bus,
            options,
            binaries,
            server: Some(server),
            server_restarts: 0,
            server_started: Instant::now(),
            running,
            children: TaskTracker::new(),
            stop: CancellationToken::new(),
            news,
            tell,
            _lock: lock,
        })
    }

    /// Starts orchestrator and workers, each kept running until the system stops.
    ///
    /// # Errors
    /// If their logs cannot be written.
    pub fn spawn_children(&self) -> anyhow::Result<()> {
        for program in self.programs() {
            // Each start of the system begins its logs anew; restarts of a child go on in them.
            std::fs::write(&program.log, "").with_context(|| format!("write `{}`", program.log.display()))?;
            let (stop, tell) = (self.stop.clone(), self.tell.clone());
            self.children.spawn(async move {
                let died = |text| {
                    // A full channel means that deaths are being shown already.
                    tell.try_send(News::Died(text)).ok();
                };
                if let Err(error) = program.keep_running(stop, died).await {
                    // Fails only if the system is being dropped.
                    tell.send(News::Hopeless(error)).await.ok();
                }
            });
        }
        Ok(())
    }

    fn programs(&self) -> Vec<Program> {
        let mut programs = vec![self.program("orchestrator", &self.binaries.orchestrator, &[])];
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / usize::from(self.options.n_workers)).max(1).to_string();
        for number in 1..=self.options.n_workers {
            let arguments = ["--slots", &SLOTS.to_string(), "--threads", &threads].map(str::to_owned);
            programs.push(self.program(&format!("worker-{number}"), &self.binaries.worker, &arguments));
        }
        programs
    }

    fn program(&self, name: &str, binary: &Path, more: &[String]) -> Program {
        let data_dir = self.options.data_dir.display().to_string();
        let common = [
            "--nats",
            &self.running.nats,
            "--store",
            &self.running.store,
            "--data-dir",
            &data_dir,
            "--exit-with-parent",
        ];
        let mut variables = Vec::new();
        if let Some(token) = &self.running.token {
            variables.push(("NM_NATS_TOKEN", token.clone()));
        }
        if std::env::var_os("NM_LOG").is_none() {
            variables.push(("NM_LOG", "info".to_owned()));
        }
        Program {
            name: name.to_owned(),
            binary: binary.to_owned(),
            arguments: common.map(str::to_owned).iter().chain(more).cloned().collect(),
            variables,
            log: self.options.data_dir.join("logs").join(format!("{name}.log")),
        }
    }

    /// Looks after queue and children until one of them is hopeless, and says why. `notice` hears of deaths.
    ///
    /// # Cancel safety
    /// Safe but for a restart of the queue in progress, which ends the queue.
    pub async fn supervise(&mut self, notice: impl Fn(&str)) -> anyhow::Error {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                news = self.news.recv() => match news {
                    Some(News::Died(text)) => notice(&text),
                    Some(News::Hopeless(error)) => return error,
                    None => return anyhow::anyhow!("the local system stopped"),
                },
                _ = looks.tick() => {
                    if let Err(error) = self.mend_server(&notice).await {
                        return error;
                    }
                }
            }
        }
    }

    /// Starts the queue again if it ended: the store is the truth, so no work is lost with it.
    async fn mend_server(&mut self, notice: &impl Fn(&str)) -> anyhow::Result<()> {
        let what = match &self.server {
            Some(server) if has_ended(server) => "nats-server ended",
            Some(server) if server.has_lost_its_store() => "the store of nats-server was deleted",
            _ => return Ok(()),
        };
        self.server_restarts =
            if self.server_started.elapsed() < WELL_AFTER { self.server_restarts + 1 } else { 1 };
        anyhow::ensure!(self.server_restarts <= MAX_SERVER_RESTARTS, "{what} too often");
        notice(&format!("{what}, it is started again"));
        let mut server = self.server.take().context("the queue is gone")?;
        let restarted = tokio::task::spawn_blocking(move || server.restart().map(|()| server));
        let server = restarted.await.context("start the queue again")??;
        let connection = server.connection("submit-job");
        anyhow::ensure!(connection.urls == self.running.nats, "the port of the ended nats-server was taken");
        // The orchestrator sets up what is missing; the children may be waiting for it already.
        self.server = Some(server);
        self.server_started = Instant::now();
        Ok(())
    }

    /// Stops the children in order, then the queue.
    ///
    /// # Errors
    /// If a child cannot be stopped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.children.close();
        // A child that has something to say must not wait for us while we wait for it.
        self.news.close();
        self.children.wait().await;
        if let Some(server) = self.server.take() {
            tokio::task::spawn_blocking(move || server.stop()).await.context("stop the queue")?;
        }
        place::remove_running(&self.options.data_dir);
        Ok(())
    }
}

/// Whether the server's process ended. It is not reaped: that is its owner's business.
fn has_ended(server: &PrivateServer) -> bool {
    let Some(pid) = i32::try_from(server.pid()).ok().and_then(Pid::from_raw) else { return false };
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::Pid(pid), look), Ok(Some(_)))
}
