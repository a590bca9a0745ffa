//! The commands beside submitting, on a running system and on a data folder where nothing runs.

use schemas::messages::{Counts, JobCancelRequested, JobRecord, Phase};
use schemas::rules::Level;
use schemas::{Digest, topology};
use serde_json::Value;
use tensor_store::Key;

use crate::system::{System, job, put, put_ended, run, spec, store_in};

fn record(job: &str, phase: Phase, accepted_ms: u64) -> JobRecord {
    JobRecord {
        job: job.parse().unwrap(),
        spec: Digest::of(b"spec"),
        phase,
        error: None,
        counts: Counts { repos: 2, files: 9, files_done: 4, ..Counts::default() },
        accepted_ms,
        changed_ms: accepted_ms + 1,
    }
}

#[tokio::test]
async fn status_and_list_show_what_the_records_say() {
    let Some(system) = System::start().await else { return };
    system.bus.put_record(&record("job_1", Phase::Running, 1_000)).await.unwrap();
    system.bus.put_record(&record("job_2", Phase::Queued, 2_000)).await.unwrap();
    let status = system.run(&["status", "job_1"]).await;
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert!(status.stdout.contains("phase     running\n") && status.stdout.contains("files     4 of 9\n"));
    let json = system.run(&["status", "job_1", "--json"]).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["phase"], &json["workers"]), (&"running".into(), &Value::Array(Vec::new())));
    let list = system.run(&["list", "--json"]).await;
    let jobs: Vec<Value> = list.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = jobs.iter().filter_map(|job| job["job"].as_str()).collect();
    assert_eq!(ids, ["job_2", "job_1"]);
}

#[tokio::test]
async fn a_job_that_nobody_knows_is_an_error() {
    let Some(system) = System::start().await else { return };
    for command in ["status", "cancel", "report"] {
        let ended = system.run(&[command, "job_404"]).await;
        assert_eq!(ended.code, 1, "{command}");
        assert!(ended.stderr.contains("job_404"), "{command}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn cancel_asks_the_orchestrator() {
    let Some(system) = System::start().await else { return };
    put(&system.store, &Key::job_spec("job_1"), spec().to_json()).await;
    let ended = system.run(&["cancel", "job_1"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut inbox = system.bus.inbox(vec![topology::intake()]).await.unwrap();
    let delivery = inbox.next().await;
    assert_eq!(delivery.decode::<JobCancelRequested>().unwrap(), JobCancelRequested { job: job() });
}

#[tokio::test]
async fn a_finished_data_folder_is_read_with_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = store_in(dir.path());
    put_ended(&store, &spec(), Phase::Done, Level::Note).await;
    let status = run(dir.path(), &["status", "job_1", "--data-dir", "."], &[]).await;
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert!(status.stdout.contains("phase     done\n"));
    let list = run(dir.path(), &["list", "--data-dir", "."], &[]).await;
    let row: Vec<&str> = list.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["job_1", "done", "2023-11-14T22:13:20Z", "1", "3", "1"]);
}

#[tokio::test]
async fn a_report_is_written_and_its_tensor_keys_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = store_in(dir.path());
    put_ended(&store, &spec(), Phase::Done, Level::Note).await;
    let plain = run(dir.path(), &["report", "job_1", "--out", "out", "--data-dir", "."], &[]).await;
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    let (pack, chunk) = (Digest::of(b"pack"), Digest::of(b"chunk"));
    assert_eq!(plain.stdout, format!("a\t\"src/tab\\there.js\"\t120\t1\t{pack}\t{chunk}\n"));
    assert!(dir.path().join("out/report.md").is_file());
    let json = run(dir.path(), &["report", "job_1", "--json", "--data-dir", "."], &[]).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["files"][0]["windows"][0]["pack"], pack.to_string());
    assert!(dir.path().join("nightmend-job_1/run.json").is_file());
}

#[tokio::test]
async fn a_job_of_a_stopped_system_is_marked_so_that_it_stays_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = store_in(dir.path());
    put(&store, &Key::job_spec("job_1"), spec().to_json()).await;
    let ended = run(dir.path(), &["cancel", "job_1", "--data-dir", "."], &[]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(store.exists(&Key::job_cancelled("job_1")).await.unwrap());
    let status = run(dir.path(), &["status", "job_1", "--data-dir", "."], &[]).await;
    assert!(status.stdout.contains("phase     cancelled\n"));
}

#[tokio::test]
async fn a_folder_without_a_system_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["list"], &[]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("no local system in"), "{}", ended.stderr);
}

#[tokio::test]
async fn doctor_names_what_is_missing_and_how_to_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [("NATS_SERVER_BIN", "/no/such/server")];
    let ended = run(dir.path(), &["doctor", "--data-dir", "data"], &variables).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("FAIL  nats-server") && ended.stdout.contains("ok    data folder"));
}
