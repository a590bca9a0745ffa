//! A queue and a store for one test, and the binary run against them.

use std::path::Path;
use std::process::Stdio;

use bus::{Bus, PrivateServer};
use bytes::Bytes;
use schemas::job::Limits;
use schemas::ledger::LedgerSums;
use schemas::messages::{BatchStats, Counts, Phase};
use schemas::report::{FileTensorsReport, FindingReport, RepoReport, Report, ReuseRun, Run, Tensors, Totals};
use schemas::result::{ChunkRef, Fixability, Place};
use schemas::rules::Level;
use schemas::{Digest, FixLevel, JobId, JobSpec, Lane, RepoPath, RepoSlug, RepoSpec};
use tensor_store::{Key, Store};

/// How a run of the binary ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary in `dir`, with nothing of our own configuration.
pub(crate) async fn run(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = command(dir, arguments, variables).output().await.unwrap();
    Ended {
        code: output.status.code().expect("it ends by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn command(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_submit-job"));
    command
        .args(arguments)
        .current_dir(dir)
        .env_remove("NM_NATS_TOKEN")
        .env("XDG_DATA_HOME", dir.join("xdg"))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A provisioned queue and an empty store.
pub(crate) struct System {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    pub(crate) store_url: String,
    url: String,
    token: String,
    _server: PrivateServer,
}

impl System {
    /// `None`, loudly, where there is no nats-server; with `NM_REQUIRE_NATS=1` that is a failure.
    pub(crate) async fn start() -> Option<Self> {
        if let Err(error) = PrivateServer::find_binary() {
            assert!(std::env::var_os("NM_REQUIRE_NATS").is_none(), "{error}");
            eprintln!("SKIPPED: {error}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let server = PrivateServer::start(&dir.path().join("nats")).unwrap();
        let connection = server.connection("test");
        let bus = Bus::connect(&connection).await.unwrap();
        bus.provision().await.unwrap();
        let (store, store_url) = store_in(dir.path());
        let (url, token) = (connection.urls, connection.token.unwrap());
        Some(Self { dir, bus, store, store_url, url, token, _server: server })
    }

    /// Runs the binary against this system: `arguments`, then how to reach it.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let place = ["--nats", &self.url, "--store", &self.store_url];
        run(self.dir.path(), &[arguments, &place].concat(), &[("NM_NATS_TOKEN", &self.token)]).await
    }

    /// The same, still running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> tokio::process::Child {
        let place = ["--nats", &self.url, "--store", &self.store_url];
        command(self.dir.path(), &[arguments, &place].concat(), &[("NM_NATS_TOKEN", &self.token)])
            .spawn()
            .unwrap()
    }
}

/// An empty store in `<dir>/store`: where a local system has it.
pub(crate) fn store_in(dir: &Path) -> (Store, String) {
    let url = url::Url::from_file_path(dir.join("store")).unwrap().to_string();
    (Store::open(&url).unwrap(), url)
}

pub(crate) fn job() -> JobId {
    "job_1".parse().unwrap()
}

/// What `submit-job --job-id job_1 --rules none https://example.org/a` submits.
pub(crate) fn spec() -> JobSpec {
    JobSpec {
        repo_settings: schemas::job::RepoSettings::default(),
        version: JobSpec::VERSION,
        repos: vec![RepoSpec { url: "https://example.org/a".into(), rev: None }],
        rules: Vec::new(),
        fix: FixLevel::Safe,
        model: None,
        lane: Lane::Interactive,
        dry_run: false,
        limits: Limits::default(),
        reuse: schemas::job::ReusePolicy::default(),
    }
}

/// Stores a job as it is when it has ended: spec, report with one finding of `level`, tensors, a patch, run.
pub(crate) async fn put_ended(store: &Store, spec: &JobSpec, phase: Phase, level: Level) {
    let id = job();
    let id = id.as_str();
    put(store, &Key::job_spec(id), spec.to_json()).await;
    put(store, &Key::job_report(id, "report.json"), json(&report(level))).await;
    put(store, &Key::job_report(id, "report.md"), b"# Report\n".to_vec()).await;
    put(store, &Key::job_report(id, "tensors.json"), json(&tensors())).await;
    put(store, &Key::job_report(id, "patches/a/no-var.patch"), b"From 0\n".to_vec()).await;
    put(store, &Key::job_run(id), json(&run_of(phase))).await;
}

pub(crate) async fn put(store: &Store, key: &Key, bytes: Vec<u8>) {
    store.put(key, Bytes::from(bytes)).await.unwrap();
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap()
}

fn tensors() -> Tensors {
    let file = FileTensorsReport {
        repo: RepoSlug::from_text("a"),
        path: RepoPath::from("src/tab\there.js"),
        n_tokens: 120,
        windows: vec![ChunkRef { chunk: Digest::of(b"chunk"), pack: Digest::of(b"pack") }],
    };
    Tensors { files: vec![file] }
}

fn run_of(phase: Phase) -> Run {
    Run {
        job: job().to_string(),
        phase,
        started_ms: 1_700_000_000_000,
        elapsed_ms: 1_500,
        counts: Counts {
            repos: 1,
            repos_planned: 1,
            files: 3,
            files_done: 3,
            findings: 1,
            ..Counts::default()
        },
        stats: BatchStats::default(),
        real_token_share: None,
        files_in_windows: 0,
        reuse: ReuseRun::default(),
        batches_reused: 0,
        batches_redelivered: 0,
        workers: std::collections::BTreeMap::new(),
        clones: Vec::new(),
        dead_letters: Vec::new(),
        orchestrator_rss_bytes: 0,
    }
}

fn report(level: Level) -> Report {
    let finding = FindingReport {
        path: RepoPath::from("a.js"),
        place: Place { start: 0, end: 3, line: 1, column: 1, end_line: 1, end_column: 4 },
        rule: "no-var".into(),
        level,
        message: "no".into(),
        fix: Fixability::Safe,
        fingerprint: Digest::of(b"f"),
    };
    let totals = Totals {
        repos: 1,
        ledger: LedgerSums { entries: 3, scanned: 3, ..LedgerSums::default() },
        findings: [("no-var".to_owned(), 1)].into(),
        ..Totals::default()
    };
    Report {
        version: 1,
        engine: "nightmend/test".into(),
        partial: false,
        rules: Vec::new(),
        fix: FixLevel::Safe,
        model: None,
        totals: totals.clone(),
        repos: vec![RepoReport {
            repo: RepoSlug::from_text("a"),
            url: None,
            rev: None,
            commit: None,
            error: None,
            totals,
            failed: Vec::new(),
            in_windows: Vec::new(),
            rule_failures: Vec::new(),
            findings: vec![finding],
            patches: Vec::new(),
        }],
    }
}
