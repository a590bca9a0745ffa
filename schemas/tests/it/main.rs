//! Messages of every version that was ever written stay readable.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

use std::path::PathBuf;

use schemas::health::{Heartbeat, WorkerRow};
use schemas::messages::{
    BatchDead, BatchDone, BatchReady, BatchStats, Counts, JobCancelRequested, JobRecord, JobSubmitted,
    Message, Phase, Progress,
};
use schemas::{BatchId, Digest};

/// Compares a message with its committed bytes and their readable twin. `NM_UPDATE=1` writes both, for a new version;
/// the files of a version that was released are never written again.
fn check<M: Message + PartialEq + std::fmt::Debug>(message: &M) {
    let name = M::TYPE.replace('/', ".");
    let path =
        |ending: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{name}.{ending}"));
    let twin = serde_json::to_string_pretty(message).unwrap() + "\n";
    if std::env::var_os("NM_UPDATE").is_some() && !path("msgpack").exists() {
        std::fs::create_dir_all(path("msgpack").parent().unwrap()).unwrap();
        std::fs::write(path("msgpack"), message.encode()).unwrap();
        std::fs::write(path("json"), &twin).unwrap();
    }
    let bytes = std::fs::read(path("msgpack")).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(&M::decode(M::TYPE, &bytes).unwrap(), message, "{name} reads as something else");
    assert_eq!(message.encode(), bytes, "{name} is written as other bytes");
    assert_eq!(std::fs::read_to_string(path("json")).unwrap(), twin, "the twin of {name} differs");
}

fn digest(n: u8) -> Digest {
    Digest::from_bytes([n; 32])
}

fn batch() -> BatchId {
    BatchId::from_digest(digest(1))
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        worker: "w1-00000001".parse().unwrap(),
        version: "0.1.0".into(),
        device: "cpu".into(),
        slots: 2,
        busy: 1,
        rss_bytes: 12_345_678,
        model: Some(digest(4)),
        draining: false,
        n_batches: 7,
    }
}

fn counts() -> Counts {
    Counts {
        repos: 3,
        repos_planned: 2,
        repos_failed: 1,
        batches: 5,
        batches_done: 4,
        batches_dead: 1,
        files: 300,
        files_done: 290,
        tokens: 70_000,
        tokens_done: 60_000,
        findings: 12,
        files_reused: 0,
    }
}

#[test]
fn requests_stay_readable() {
    let job = || "job_1".parse().unwrap();
    check(&JobSubmitted { job: job(), spec: digest(9) });
    check(&JobCancelRequested { job: job() });
}

#[test]
fn batches_stay_readable() {
    let job = || "job_1".parse().unwrap();
    check(&BatchReady { job: job(), batch: batch(), pipeline: digest(2), sources: digest(3) });
    let stats =
        BatchStats { n_files: 64, n_bytes: 400_000, n_findings: 9, fix_ms: 30, ..BatchStats::default() };
    let worker = "w1-00000001".parse().unwrap();
    check(&BatchDone { job: job(), batch: batch(), worker, attempt: 2, reused: false, stats });
    check(&BatchDead {
        job: Some(job()),
        batch: Some(batch()),
        kind: "batch.ready/1".into(),
        attempt: 5,
        reason: "read the source pack: object `sources/03` not found".into(),
    });
}

#[test]
fn announcements_stay_readable() {
    let job = || "job_1".parse().unwrap();
    check(&heartbeat());
    let workers = vec![WorkerRow { heartbeat: heartbeat(), silent_ms: 400, dead: false }];
    check(&Progress {
        job: job(),
        phase: Phase::Running,
        error: None,
        counts: counts(),
        elapsed_ms: 900,
        workers,
    });
    check(&JobRecord {
        job: job(),
        spec: digest(9),
        phase: Phase::Partial,
        error: None,
        counts: counts(),
        accepted_ms: 1_795_000_000_000,
        changed_ms: 1_795_000_001_000,
    });
}
