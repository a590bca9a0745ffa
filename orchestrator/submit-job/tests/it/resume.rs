//! Going on with a job from its object store alone.

use schemas::messages::{JobSubmitted, Phase};
use schemas::rules::Level;
use schemas::{Digest, topology};
use serde_json::Value;
use tensor_store::Key;

use crate::system::{System, job, put, put_ended, run, spec, store_in};

#[tokio::test]
async fn an_unfinished_job_is_handed_over_again_with_the_spec_that_is_stored() {
    let Some(system) = System::start().await else { return };
    put(&system.store, &Key::job_spec("job_1"), spec().to_json()).await;
    let ended = system.run(&["resume", "job_1", "--detach", "--json"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let first: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["state"]), (&"submitted".into(), &"attached".into()));
    let mut inbox = system.bus.inbox(vec![topology::intake()]).await.unwrap();
    let message: JobSubmitted = inbox.next().await.decode().unwrap();
    assert_eq!(message, JobSubmitted { job: job(), spec: Digest::of(&spec().to_json()) });
}

#[tokio::test]
async fn a_job_that_has_ended_gives_its_report_and_nothing_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let (store, url) = store_in(dir.path());
    put_ended(&store, &spec(), Phase::Partial, Level::Note).await;
    let arguments = ["resume", "job_1", "--local", "--data-dir", "fresh", "--store", &url, "--out", "out"];
    let ended = run(dir.path(), &arguments, &[("NATS_SERVER_BIN", "/no/such/server")]).await;
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(dir.path().join("out/run.json").is_file() && dir.path().join("out/report.md").is_file());
    assert!(!dir.path().join("fresh").exists());
}

#[tokio::test]
async fn a_cancelled_job_stays_cancelled_and_an_unknown_one_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let (store, url) = store_in(dir.path());
    let resume = async |job: &str| {
        let arguments = ["resume", job, "--local", "--data-dir", "fresh", "--store", &url, "--json"];
        let ended = run(dir.path(), &arguments, &[]).await;
        let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((ended.code, last["exit_code"].as_i64()), (1, Some(1)));
        ended.stderr
    };
    let unknown = resume("job_1").await;
    assert!(unknown.contains("there is no job job_1 in file://"), "{unknown}");
    put(&store, &Key::job_spec("job_1"), spec().to_json()).await;
    put(&store, &Key::job_cancelled("job_1"), b"cancelled\n".to_vec()).await;
    let cancelled = resume("job_1").await;
    assert!(cancelled.contains("job job_1 was cancelled"), "{cancelled}");
}

#[tokio::test]
async fn where_to_go_on_must_be_said() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["resume", "job_1"], &[]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--local, or --nats URL"), "{}", ended.stderr);
}
