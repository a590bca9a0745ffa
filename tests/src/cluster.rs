//! A cluster on one machine: nats-server, orchestrator, workers, each a process of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bus::{Bus, PrivateServer};
use schemas::report::{Report, Run};
use tempfile::TempDir;

/// A cluster. Dropped, everything in it is killed.
pub struct Cluster {
    /// Its private server.
    pub server: PrivateServer,
    /// A connection to it.
    pub bus: Bus,
    dir: TempDir,
    store: PathBuf,
    pub(crate) orchestrator: Option<Child>,
    pub(crate) workers: Vec<Child>,
}

/// A job that ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code of `submit-job`.
    pub code: i32,
    /// Where the report is.
    pub out: PathBuf,
    /// What it said to people.
    pub stderr: String,
    /// What it said to programs.
    pub stdout: String,
}

impl Finished {
    /// `report.json`, as bytes.
    #[must_use]
    pub fn report_bytes(&self) -> Vec<u8> {
        let path = self.out.join("report.json");
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.stderr))
    }

    /// `report.json`.
    #[must_use]
    pub fn report(&self) -> Report {
        serde_json::from_slice(&self.report_bytes()).unwrap()
    }

    /// `run.json`.
    #[must_use]
    pub fn run(&self) -> Run {
        serde_json::from_slice(&std::fs::read(self.out.join("run.json")).unwrap()).unwrap()
    }
}

/// How long a test waits for something that is bound to come, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(240);

impl Cluster {
    /// Starts a provisioned server and an orchestrator; no workers yet. `None`, loudly, where there is no
    /// nats-server; with `NM_REQUIRE_NATS=1` that is a failure.
    pub async fn start() -> Option<Self> {
        Self::start_over(None).await
    }

    /// The same, over the store of another cluster if one is given.
    pub async fn start_over(store: Option<PathBuf>) -> Option<Self> {
        if let Err(error) = PrivateServer::find_binary() {
            assert!(std::env::var_os("NM_REQUIRE_NATS").is_none(), "{error}");
            eprintln!("SKIPPED: {error}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let server = PrivateServer::start(&dir.path().join("nats")).unwrap();
        let bus = Bus::connect(&server.connection("test")).await.unwrap();
        bus.provision().await.unwrap();
        let store = store.unwrap_or_else(|| dir.path().join("store"));
        let mut cluster = Self { server, bus, dir, store, orchestrator: None, workers: Vec::new() };
        cluster.start_orchestrator();
        Some(cluster)
    }

    /// A folder of this cluster.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the orchestrator.
    pub fn start_orchestrator(&mut self) {
        let child = self.service("orchestrator", "data").spawn().unwrap();
        self.orchestrator = Some(child);
    }

    /// Kills the orchestrator without warning.
    pub fn kill_orchestrator(&mut self) {
        kill(&mut self.orchestrator.take().unwrap());
    }

    /// Starts a worker.
    pub fn start_worker(&mut self) {
        let child = self.service("worker", "data").args(["--threads", "1"]).spawn().unwrap();
        self.workers.push(child);
    }

    /// Kills the worker that was started first without warning.
    pub fn kill_worker(&mut self) {
        kill(&mut self.workers.remove(0));
    }

    /// Asks the worker that was started first to stop, and waits for it. Returns whether it ended well.
    pub fn stop_worker(&mut self) -> bool {
        let mut worker = self.workers.remove(0);
        let asked = Command::new("kill").arg(worker.id().to_string()).status().unwrap();
        asked.success() && worker.wait().unwrap().success()
    }

    /// Kills the model process of the worker that was started first, if it has one.
    #[must_use]
    pub fn kill_model(&self) -> bool {
        let parent = self.workers[0].id().to_string();
        Command::new("pkill").args(["-KILL", "-x", "-P", &parent, "m2bert"]).status().unwrap().success()
    }

    /// The command that starts a service of this cluster with its own data folder.
    pub(crate) fn service(&self, name: &str, data_dir: &str) -> Command {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.path(&format!("{name}.log")));
        let mut command = Command::new(binary(name));
        let connection = self.server.connection("unused");
        command
            .args(["--nats", &connection.urls, "--store", &self.store_url(), "--data-dir"])
            .arg(self.path(data_dir))
            .env("NM_NATS_TOKEN", connection.token.unwrap())
            .env("NM_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap());
        command
    }

    /// The URL of the store.
    #[must_use]
    pub fn store_url(&self) -> String {
        format!("file://{}", self.store.display())
    }

    /// Runs `submit-job` with these arguments against this cluster.
    #[must_use]
    pub fn submit_command(&self, arguments: &[&str]) -> Command {
        let connection = self.server.connection("unused");
        let mut command = Command::new(binary("submit-job"));
        command
            .args(arguments)
            .args(["--nats", &connection.urls, "--store", &self.store_url()])
            .env("NM_NATS_TOKEN", connection.token.unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Submits a job with these options and waits until it ends.
    #[must_use]
    pub fn run_with(&self, job: &str, arguments: &[&str]) -> Finished {
        self.submit_with(job, arguments).finish()
    }

    /// Submits a job of all rules and waits until it ends.
    #[must_use]
    pub fn run(&self, job: &str, arguments: &[&str]) -> Finished {
        self.submit(job, arguments).finish()
    }

    /// Submits a job of all rules that goes on while the test does something to the cluster.
    #[must_use]
    pub fn submit(&self, job: &str, arguments: &[&str]) -> Submitted {
        self.submit_with(job, &[&["--rules", "all"], arguments].concat())
    }

    fn submit_with(&self, job: &str, arguments: &[&str]) -> Submitted {
        let out = self.path(&format!("out-{job}"));
        let out_text = out.display().to_string();
        let all = [&["--job-id", job, "--out", &out_text], arguments].concat();
        Submitted::start(self.submit_command(&all), out)
    }

    /// What the services logged, for a test that failed.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        format!("orchestrator:\n{}\nworkers:\n{}", read("orchestrator.log"), read("worker.log"))
    }
}

/// A job that is running.
pub struct Submitted {
    child: Child,
    out: PathBuf,
}

impl Submitted {
    /// Starts a command that writes a report to `out`.
    #[must_use]
    pub fn start(mut command: Command, out: PathBuf) -> Self {
        Self { child: command.spawn().unwrap(), out }
    }

    /// Kills it without warning.
    pub fn kill(mut self) {
        kill(&mut self.child);
    }

    /// Waits until it ends.
    #[must_use]
    pub fn finish(self) -> Finished {
        let Output { status, stdout, stderr } = self.child.wait_with_output().unwrap();
        Finished {
            code: status.code().unwrap_or(-1),
            out: self.out,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        self.workers.iter_mut().chain(&mut self.orchestrator).for_each(kill);
    }
}

pub(crate) fn kill(child: &mut Child) {
    // Both fail only if it is gone already.
    child.kill().ok();
    child.wait().ok();
}

/// Waits until `probe` gives something.
///
/// # Panics
/// If that takes unreasonably long.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes the tiny untrained model in a folder.
#[must_use]
pub fn tiny_model(dir: PathBuf) -> PathBuf {
    let mut init = Command::new(binary("m2bert"));
    init.args(["init", "--size", "tiny", "--seed", "1", "--out"]).arg(&dir);
    let made = init.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    dir
}

/// The path of one of the product's binaries; in tests, built if it is not up to date.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>, or target/<profile>/<program>: whoever built that has built the others.
    let mut folder = exe.parent().unwrap().to_owned();
    if !folder.ends_with("deps") {
        return folder;
    }
    folder.pop();
    let release = folder.file_name().is_some_and(|name| name == "release");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "-q",
        "-p",
        "submit-job",
        "-p",
        "orchestrator",
        "-p",
        "workers",
        "-p",
        "m2bert",
        "--bins",
    ]);
    if release {
        cargo.arg("--release");
    }
    assert!(
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success(),
        "the binaries do not build"
    );
    folder
}
