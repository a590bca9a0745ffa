//! Handing jobs over, attaching to them, waiting for them.

use std::time::Duration;

use bus::Settlement;
use schemas::messages::{Counts, JobRecord, JobSubmitted, Phase};
use schemas::rules::Level;
use schemas::{Digest, JobSpec, topology};
use serde_json::Value;
use tensor_store::Key;

use crate::system::{System, job, put_ended, run, spec};

const JOB: [&str; 5] = ["--job-id", "job_1", "--rules", "none", "https://example.org/a"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    JOB.iter().chain(more).copied().collect()
}

async fn submitted(inbox: &mut bus::Inbox) -> JobSubmitted {
    let delivery =
        tokio::time::timeout(Duration::from_secs(60), inbox.next()).await.expect("a message comes");
    let message = delivery.decode().unwrap();
    delivery.settle(Settlement::Done).await;
    message
}

#[tokio::test]
async fn an_unknown_rule_is_a_usage_error_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--local", "--rules", "no-such-rule", "https://h/a"], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("unknown rule `no-such-rule`"), "{}", ended.stderr);
    assert!(!dir.path().join("xdg").exists());
}

#[tokio::test]
async fn a_broken_model_is_named_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    std::fs::create_dir(&model).unwrap();
    let arguments = ["--local", "--model", "model", "https://h/a"];
    let missing = run(dir.path(), &arguments, &[]).await;
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("config.json` is missing"), "{}", missing.stderr);
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::write(model.join(file), "{").unwrap();
    }
    let broken = run(dir.path(), &arguments, &[]).await;
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.contains("model/config.json"), "{}", broken.stderr);
    assert!(!dir.path().join("xdg").exists());
}

#[tokio::test]
async fn a_submission_stores_the_spec_and_names_it_in_a_message() {
    let Some(system) = System::start().await else { return };
    let mut inbox = system.bus.inbox(vec![topology::intake()]).await.unwrap();
    let ended = system.run(&with(&["--detach", "--lane", "interactive"])).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "job_1\n"), "{}", ended.stderr);
    let stored = system.store.get(&Key::job_spec("job_1")).await.unwrap();
    assert_eq!(serde_json::from_slice::<JobSpec>(&stored).unwrap(), spec());
    let message = submitted(&mut inbox).await;
    assert_eq!(message, JobSubmitted { job: job(), spec: Digest::of(&stored) });
}

#[tokio::test]
async fn the_same_job_attaches_and_is_heard_again() {
    let Some(system) = System::start().await else { return };
    let mut inbox = system.bus.inbox(vec![topology::intake()]).await.unwrap();
    for state in ["new", "attached"] {
        let ended = system.run(&with(&["--detach", "--json"])).await;
        let first: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
        assert_eq!((&first["event"], &first["state"]), (&"submitted".into(), &state.into()));
        assert_eq!(submitted(&mut inbox).await.job, job());
    }
}

#[tokio::test]
async fn another_spec_under_the_same_id_is_a_conflict_that_says_what_differs() {
    let Some(system) = System::start().await else { return };
    assert_eq!(system.run(&with(&["--detach"])).await.code, 0);
    let ended = system.run(&with(&["--detach", "--fix", "none", "--json"])).await;
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.contains("fix: stored is \"safe\", submitted is \"none\""), "{}", ended.stderr);
    let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"result".into(), &5.into()));
}

#[tokio::test]
async fn a_job_that_has_ended_gives_its_report_again() {
    let Some(system) = System::start().await else { return };
    put_ended(&system.store, &spec(), Phase::Partial, Level::Warning).await;
    let ended = system.run(&with(&["--out", "out"])).await;
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let out = system.dir.path().join("out");
    assert_eq!(ended.stdout, format!("{}\n", out.join("report.md").display()));
    assert_eq!(std::fs::read(out.join("patches/a/no-var.patch")).unwrap(), b"From 0\n");
    assert!(out.join("run.json").is_file() && out.join("report.json").is_file());
    assert!(!out.join("spec").exists());
    assert!(ended.stderr.contains("1 findings"), "{}", ended.stderr);
}

#[tokio::test]
async fn findings_at_the_level_that_was_named_close_the_gate() {
    let Some(system) = System::start().await else { return };
    put_ended(&system.store, &spec(), Phase::Done, Level::Warning).await;
    for (level, code) in [("error", 0), ("warning", 6), ("note", 6)] {
        let ended = system.run(&with(&["--out", "out", "--fail-on", level, "--json"])).await;
        assert_eq!(ended.code, code, "{level}: {}", ended.stderr);
        let lines: Vec<Value> =
            ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["state"], "ended");
        let last = lines.last().unwrap();
        assert_eq!((&last["event"], &last["phase"]), (&"result".into(), &"done".into()));
        assert_eq!(
            (last["exit_code"].as_i64(), last["counts"]["files"].as_i64()),
            (Some(code.into()), Some(3))
        );
    }
}

#[tokio::test]
async fn the_wait_ends_with_the_report_though_every_announcement_was_lost() {
    let Some(system) = System::start().await else { return };
    let mut inbox = system.bus.inbox(vec![topology::intake()]).await.unwrap();
    let waiting = system.spawn(&with(&["--out", "out"]));
    submitted(&mut inbox).await;
    put_ended(&system.store, &spec(), Phase::Done, Level::Note).await;
    let output = waiting.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_failure_of_an_earlier_run_is_no_news_and_one_of_this_run_is() {
    let Some(system) = System::start().await else { return };
    let failed = |reason: &str, changed_ms| JobRecord {
        job: job(),
        spec: Digest::of(&spec().to_json()),
        phase: Phase::Failed,
        error: Some(reason.to_owned()),
        counts: Counts::default(),
        accepted_ms: 1,
        changed_ms,
    };
    assert_eq!(system.run(&with(&["--detach", "--lane", "interactive"])).await.code, 0);
    system.bus.put_record(&failed("an old reason", 1)).await.unwrap();
    let mut inbox = system.bus.inbox(vec![topology::intake()]).await.unwrap();
    submitted(&mut inbox).await;
    let waiting = system.spawn(&with(&[]));
    submitted(&mut inbox).await;
    system.bus.put_record(&failed("a new reason", 2)).await.unwrap();
    let output = waiting.wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("failed: a new reason"), "{stderr}");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_an_error_with_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--nats", "nats://127.0.0.1:1", "--store", "store", "https://h/a"];
    let ended = run(dir.path(), &arguments, &[]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("no NATS server at `nats://127.0.0.1:1`"), "{}", ended.stderr);
}
