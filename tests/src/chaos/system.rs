//! The system that a scenario breaks: a private nats-server, services behind bad lines, a store on disk. It differs
//! from [`crate::Cluster`] in that everything in it can be broken.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::{Bus, PrivateServer};
use rustix::process::{Pid, Signal, kill_process};

use super::mount::Tmpfs;
use super::proxy::Proxy;
use super::scenario::{Client, Scenario};
use crate::cluster::binary;

/// A system on one machine. Dropped, everything in it is killed and unmounted.
pub(super) struct System {
    /// Its folder.
    pub(super) dir: PathBuf,
    /// Its queue.
    pub(super) server: PrivateServer,
    lines: Lines,
    orchestrators: Vec<Option<Process>>,
    workers: Vec<Option<Process>>,
    slots: u64,
    store_query: Option<String>,
    clock: Option<Clock>,
    peak_bytes: u64,
    /// Dropped last: what runs on it is gone then.
    mounts: Vec<Tmpfs>,
}

struct Lines {
    workers: Proxy,
    orchestrators: Proxy,
    submitter: Proxy,
}

/// A process. Dropped, it is killed and waited for.
pub(super) struct Process(Child);

/// A clock that can be set: libfaketime reads how far it is off from a file.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

/// Enough for every shape, and quickly full.
const STORE_DISK_MIB: u64 = 96;
const QUEUE_DISK_MIB: u64 = 64;

impl System {
    /// Starts a provisioned server, an orchestrator and the workers of the scenario in `dir`. Says in `skipped` what
    /// of the scenario this machine cannot do.
    ///
    /// # Errors
    /// If something does not start.
    pub(super) async fn start(dir: &Path, scenario: &Scenario, skipped: &mut Vec<String>) -> Result<Self> {
        let mut mounts = Vec::new();
        for (kind, folder, mib) in
            [("fill-store", "store", STORE_DISK_MIB), ("fill-queue", "nats/store", QUEUE_DISK_MIB)]
        {
            if scenario.has(kind) {
                match Tmpfs::mount(&dir.join(folder), mib) {
                    Ok(mount) => mounts.push(mount),
                    Err(error) => skipped.push(format!("{kind}: cannot mount a small disk: {error}")),
                }
            }
        }
        let clock = match scenario.has("jump-clock").then(|| Clock::find(dir)) {
            Some(Err(error)) => {
                skipped.push(format!("jump-clock: {error:#}"));
                None
            }
            Some(Ok(clock)) => Some(clock),
            None => None,
        };
        let server = PrivateServer::start(&dir.join("nats"))?;
        Bus::connect(&server.connection("chaos")).await?.provision().await?;
        let address = address_of(&server)?;
        let mut system = Self {
            dir: dir.to_owned(),
            lines: Lines {
                workers: Proxy::start(address.clone()).await?,
                orchestrators: Proxy::start(address.clone()).await?,
                submitter: Proxy::start(address).await?,
            },
            server,
            orchestrators: (0..scenario.n_orchestrators).map(|_| None).collect(),
            workers: (0..scenario.n_workers).map(|_| None).collect(),
            slots: scenario.slots,
            store_query: scenario.store_errors.clone(),
            clock,
            peak_bytes: 0,
            mounts,
        };
        for n in 0..scenario.n_orchestrators {
            system.start_orchestrator(n)?;
        }
        for n in 0..scenario.n_workers {
            system.start_worker(n)?;
        }
        Ok(system)
    }

    /// The line that a client's connections run over.
    #[must_use]
    pub(super) fn line(&self, client: Client) -> &Proxy {
        match client {
            Client::Workers => &self.lines.workers,
            Client::Orchestrators => &self.lines.orchestrators,
            Client::Submitter => &self.lines.submitter,
        }
    }

    /// Orchestrators, running or not.
    #[must_use]
    pub(super) fn n_orchestrators(&self) -> usize {
        self.orchestrators.len()
    }

    /// Workers, running or not.
    #[must_use]
    pub(super) fn n_workers(&self) -> usize {
        self.workers.len()
    }

    /// The folder of the object store.
    #[must_use]
    pub(super) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// A connection to the server that no fault disturbs.
    ///
    /// # Errors
    /// If it is not running.
    pub(super) async fn bus(&self) -> Result<Bus> {
        Ok(Bus::connect(&self.server.connection("chaos")).await?)
    }

    /// Starts an orchestrator.
    ///
    /// # Errors
    /// If there is no such program.
    pub(super) fn start_orchestrator(&mut self, n: usize) -> Result<()> {
        let data = format!("data-{n}");
        self.orchestrators[n] = Some(self.spawn("orchestrator", Client::Orchestrators, &data, &[])?);
        Ok(())
    }

    /// Starts a worker.
    ///
    /// # Errors
    /// If there is no such program.
    pub(super) fn start_worker(&mut self, n: usize) -> Result<()> {
        let slots = self.slots.to_string();
        self.workers[n] = Some(self.spawn(
            "worker",
            Client::Workers,
            "data-workers",
            &["--threads", "1", "--slots", &slots],
        )?);
        Ok(())
    }

    /// Kills an orchestrator without warning.
    pub(super) fn kill_orchestrator(&mut self, n: usize) {
        let peak = self.orchestrators[n].take().map_or(0, |service| service.peak_bytes());
        self.peak_bytes = self.peak_bytes.max(peak);
    }

    /// Kills a worker without warning.
    pub(super) fn kill_worker(&mut self, n: usize) {
        let peak = self.workers[n].take().map_or(0, |service| service.peak_bytes());
        self.peak_bytes = self.peak_bytes.max(peak);
    }

    /// Kills the server without warning.
    pub(super) fn kill_server(&self) {
        signal(self.server.pid(), Signal::KILL);
    }

    /// The process of a worker, if it runs.
    #[must_use]
    pub(super) fn worker_pid(&self, n: usize) -> Option<u32> {
        self.workers[n].as_ref().map(|service| service.0.id())
    }

    /// The process of an orchestrator, if it runs.
    #[must_use]
    pub(super) fn orchestrator_pid(&self, n: usize) -> Option<u32> {
        self.orchestrators[n].as_ref().map(|service| service.0.id())
    }

    /// Starts services again that ended although nobody killed them, as a supervisor does. Returns what they were and
    /// how they ended.
    ///
    /// # Errors
    /// If one cannot be started.
    pub(super) fn restart_ended(&mut self) -> Result<Vec<(String, ExitStatus)>> {
        let ended = |service: &mut Option<Process>| service.as_mut()?.ended().ok().flatten();
        let mut found = Vec::new();
        for n in 0..self.orchestrators.len() {
            if let Some(status) = ended(&mut self.orchestrators[n]) {
                found.push((format!("orchestrator {n}"), status));
                self.start_orchestrator(n)?;
            }
        }
        for n in 0..self.workers.len() {
            if let Some(status) = ended(&mut self.workers[n]) {
                found.push((format!("worker {n}"), status));
                self.start_worker(n)?;
            }
        }
        Ok(found)
    }

    /// The most memory that a service ever had resident, bytes.
    #[must_use]
    pub(super) fn peak_bytes(&self) -> u64 {
        let running = self.workers.iter().chain(&self.orchestrators).flatten().map(Process::peak_bytes);
        running.max().unwrap_or_default().max(self.peak_bytes)
    }

    /// The disk that a folder is on, if it is a small one.
    #[must_use]
    pub(super) fn disk(&self, folder: &str) -> Option<&Tmpfs> {
        let folder = self.dir.join(folder);
        self.mounts.iter().find(|mount| mount.folder() == folder)
    }

    /// Sets the clock of services off by this many seconds. `false` if it cannot be set.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn set_clock(&self, seconds: i64) -> Result<bool> {
        let Some(clock) = &self.clock else { return Ok(false) };
        clock.set(seconds)?;
        Ok(true)
    }

    /// A `submit-job` with these arguments against this system. Its output goes to files beginning with `name`.
    ///
    /// # Errors
    /// If there is no such program.
    pub(super) fn submit(&self, name: &str, arguments: &[String]) -> Result<Process> {
        let log = |kind: &str| {
            OpenOptions::new().create(true).append(true).open(self.dir.join(format!("{name}.{kind}")))
        };
        let mut command = Command::new(binary("submit-job"));
        command
            .args(arguments)
            .args(["--nats", &self.lines.submitter.url(), "--store"])
            .arg(format!("file://{}", self.store().display()))
            .env("NM_NATS_TOKEN", self.token())
            .stdin(Stdio::null())
            .stdout(log("stdout")?)
            .stderr(log("stderr")?);
        Ok(Process(command.spawn().context("start submit-job")?))
    }

    fn token(&self) -> String {
        self.server.connection("unused").token.unwrap_or_default()
    }

    /// Starts a service. It ends with this process, however that ends: it watches its standard input, a pipe of ours.
    fn spawn(&self, name: &str, client: Client, data: &str, arguments: &[&str]) -> Result<Process> {
        let log = OpenOptions::new().create(true).append(true).open(self.dir.join(format!("{name}.log")))?;
        let store = match &self.store_query {
            Some(query) => format!("faulty+file://{}?{query}", self.store().display()),
            None => format!("file://{}", self.store().display()),
        };
        let mut command = Command::new(binary(name));
        command
            .args(["--nats", &self.line(client).url(), "--store", &store, "--exit-with-parent", "--data-dir"])
            .arg(self.dir.join(data))
            .args(arguments)
            .env("NM_NATS_TOKEN", self.token())
            .env("NM_LOG", "info")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(clock) = &self.clock {
            clock.apply(&mut command);
        }
        Ok(Process(command.spawn().with_context(|| format!("start {name}"))?))
    }
}

/// Sends a signal to a process of ours. It may be gone already.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}

fn address_of(server: &PrivateServer) -> Result<String> {
    let urls = server.connection("unused").urls;
    let address = urls.strip_prefix("nats://").context("the server's URL has another scheme")?;
    Ok(address.to_owned())
}

impl Process {
    /// How it ended, if it did.
    ///
    /// # Errors
    /// If the system does not say.
    pub(super) fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// If the system does not say.
    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Clock {
    /// The wall clock of a process cannot be set from outside (time namespaces have the other clocks only), and that
    /// of the machine is not ours to set.
    fn find(dir: &Path) -> Result<Self> {
        let folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime"];
        let mut libraries = folders.iter().map(|folder| Path::new(folder).join("libfaketimeMT.so.1"));
        let Some(library) = libraries.find(|library| library.is_file()) else {
            bail!("libfaketime is not installed (apt-get install libfaketime)");
        };
        let clock = Self { library, file: dir.join("clock") };
        clock.set(0)?;
        Ok(clock)
    }

    fn set(&self, seconds: i64) -> Result<()> {
        // Replaced whole: a service that read half a line would be in another year.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        Ok(fs::rename(new, &self.file)?)
    }

    fn apply(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
    }
}
