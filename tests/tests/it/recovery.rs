//! The store is the truth: queue, orchestrator and workers may vanish in the middle of a job, alone or all at once,
//! and the report is the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::cluster::{Submitted, binary, eventually};
use e2e::recovery::{make_salted, n_objects, wait_for, wait_until};
use e2e::{Cluster, Finished};
use schemas::JobId;

/// Small enough to be quick, large enough that there is a middle: some ten batches.
const N_FILES: usize = 600;

/// The report of the job when nothing breaks.
async fn undisturbed(salt: &str) -> Option<Vec<u8>> {
    let mut cluster = Cluster::start().await?;
    let repo = make_salted(&cluster.path(salt), N_FILES, salt);
    cluster.start_worker();
    Some(cluster.run("job", &[repo.to_str().unwrap()]).report_bytes())
}

/// Submits the job and waits for its first result.
fn submitted_halfway(cluster: &Cluster, salt: &str) -> Submitted {
    let repo = make_salted(&cluster.path(salt), N_FILES, salt);
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    wait_until("the first result", || n_objects(&cluster.store_path().join("results")) > 0);
    running
}

async fn assert_as_undisturbed(cluster: &Cluster, finished: &Finished, salt: &str) {
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    assert!(
        finished.report_bytes() == undisturbed(salt).await.unwrap(),
        "the report differs\n{}",
        cluster.logs()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_killed_and_comes_back_costs_nothing() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let running = submitted_halfway(&cluster, "killed");
    cluster.server.restart().unwrap();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "killed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_comes_back_empty_is_set_up_and_filled_again() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let running = submitted_halfway(&cluster, "wiped");
    cluster.server.wipe_and_restart().unwrap();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "wiped").await;
    assert!(cluster.logs().contains("the queue lost its store"), "{}", cluster.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_queue_lost_is_found_in_the_store() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.pause_orchestrator();
    let repo = make_salted(&cluster.path("request"), N_FILES, "request");
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    wait_for(&cluster.store_path().join("jobs/job/spec"));
    cluster.server.wipe_and_restart().unwrap();
    cluster.unpause_orchestrator();
    cluster.start_worker();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "request").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_vanish_from_the_queue_are_published_again() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = make_salted(&cluster.path("purged"), N_FILES, "purged");
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    let (bus, job) = (cluster.bus.clone(), "job".parse::<JobId>().unwrap());
    eventually("a full queue", || async { (bus.n_queued(&job).await.unwrap() > 5).then_some(()) }).await;
    assert!(bus.purge_job(&job).await.unwrap() > 0);
    cluster.start_worker();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "purged").await;
}

/// What is in the store at the moment at which the orchestrator is killed.
#[derive(Clone, Copy, Debug)]
enum Edge {
    SpecStored,
    PlanStored,
    FirstResult,
    ReportBegun,
    ReportJson,
    ReportWhole,
}

impl Edge {
    const ALL: [Self; 6] = [
        Self::SpecStored,
        Self::PlanStored,
        Self::FirstResult,
        Self::ReportBegun,
        Self::ReportJson,
        Self::ReportWhole,
    ];

    fn wait(self, cluster: &Cluster, job: &str, n_results: usize) {
        let (store, folder) = (cluster.store_path(), cluster.store_path().join("jobs").join(job));
        match self {
            Self::SpecStored => wait_for(&folder.join("spec")),
            Self::PlanStored => wait_for(&folder.join("repos/0/plan")),
            Self::FirstResult => {
                wait_until("a result", || n_objects(&store.join("results")) > n_results);
            }
            Self::ReportBegun => wait_for(&folder.join("report")),
            Self::ReportJson => wait_for(&folder.join("report/report.json")),
            Self::ReportWhole => wait_for(&folder.join("report/tensors.json")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_killed_at_every_edge_ends_with_the_same_report() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let Some(mut calm) = Cluster::start().await else { return };
    cluster.start_worker();
    calm.start_worker();
    for (n, edge) in Edge::ALL.into_iter().enumerate() {
        for seed in 0..2_u64 {
            // A little later with every seed, so that the moment is not always the same one.
            let delay = Duration::from_millis(seed * (7 + 5 * n as u64));
            let name = format!("edge-{n}-{seed}");
            let repo = make_salted(&cluster.path(&name), 150, &name);
            let n_results = n_objects(&cluster.store_path().join("results"));
            let running = cluster.submit(&name, &[repo.to_str().unwrap()]);
            edge.wait(&cluster, &name, n_results);
            std::thread::sleep(delay);
            cluster.kill_orchestrator();
            cluster.start_orchestrator();
            let finished = running.finish();
            let context = format!("edge {edge:?}, seed {seed}, delay {delay:?}");
            assert_eq!(finished.code, 0, "{context}: {}\n{}", finished.stderr, cluster.logs());
            let same = make_salted(&calm.path(&name), 150, &name);
            let undisturbed = calm.run(&name, &[same.to_str().unwrap()]);
            assert!(finished.report_bytes() == undisturbed.report_bytes(), "{context}: the report differs");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_workers_killed_at_once_cost_redeliveries_and_nothing_else() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    cluster.start_worker();
    let running = submitted_halfway(&cluster, "workers");
    cluster.kill_workers();
    cluster.start_worker();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "workers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_killed_at_once_and_the_queue_deleted_ends_with_the_same_report() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let running = submitted_halfway(&cluster, "all");
    cluster.kill_orchestrator();
    cluster.kill_workers();
    cluster.server.wipe_and_restart().unwrap();
    cluster.start_worker();
    cluster.start_orchestrator();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_on_another_system_that_has_only_the_store() {
    let Some(mut first) = Cluster::start().await else { return };
    first.start_worker();
    let running = submitted_halfway(&first, "moved");
    first.kill_orchestrator();
    first.kill_workers();
    running.kill();

    let Some(mut second) = Cluster::start_over(Some(first.store_path())).await else { return };
    second.kill_orchestrator();
    second.start_worker();
    second.start_orchestrator();
    let out = second.path("out-resumed");
    let resumed = second.submit_command(&["resume", "job", "--out", out.to_str().unwrap()]);
    let finished = Submitted::start(resumed, out).finish();
    assert_as_undisturbed(&second, &finished, "moved").await;
    assert_eq!(finished.run().counts.batches_done, finished.run().counts.batches);

    // And once more, now that it has ended: its report.
    let again = second.path("out-again");
    let resumed = second.submit_command(&["resume", "job", "--out", again.to_str().unwrap()]);
    assert_eq!(Submitted::start(resumed, again).finish().report_bytes(), finished.report_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_that_was_paused_past_its_lease_does_no_harm() {
    let Some(mut cluster) = Cluster::start().await else { return };
    eventually("the first orchestrator", || async {
        cluster.logs().contains("orchestrator ready").then_some(())
    })
    .await;
    let _second = cluster.start_second_orchestrator();
    let repo = make_salted(&cluster.path("paused"), N_FILES, "paused");
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    wait_for(&cluster.store_path().join("jobs/job/repos/0/plan"));
    cluster.pause_orchestrator();
    // The first worker comes once the second orchestrator is in charge.
    eventually("the other orchestrator", || async {
        (cluster.logs().matches("job taken up").count() > 1).then_some(())
    })
    .await;
    cluster.start_worker();
    wait_until("a result", || n_objects(&cluster.store_path().join("results")) > 0);
    cluster.unpause_orchestrator();
    let finished = running.finish();
    assert_as_undisturbed(&cluster, &finished, "paused").await;
    assert!(cluster.logs().contains("not in charge any more"), "{}", cluster.logs());
}

fn local_command(data: &Path, repo: &Path, out: &Path) -> Command {
    let mut command = Command::new(binary("submit-job"));
    command
        .args(["--local", "--job-id", "job", "--rules", "all", "--data-dir"])
        .arg(data)
        .arg("--out")
        .arg(out)
        .arg(repo)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_system_survives_a_queue_that_dies_and_one_that_is_deleted() {
    let Some(calm) = undisturbed("local").await else { return };
    let dir = tempfile::tempdir().unwrap();
    let repo = make_salted(&dir.path().join("local"), N_FILES, "local");
    let (data, out) = (dir.path().join("data"), dir.path().join("out"));
    let running = Submitted::start(local_command(&data, &repo, &out), out);
    wait_until("the first result", || n_objects(&data.join("store/results")) > 0);
    // Killed, and while it is away its folder is deleted; then, alive, its store alone.
    let pid = std::fs::read_to_string(data.join("nats/nats.pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    std::fs::remove_dir_all(data.join("nats")).unwrap();
    let alive: PathBuf = data.join("nats/nats.pid");
    wait_until("the next server or the end of the job", || {
        alive.exists() || data.join("store/jobs/job/run.json").exists()
    });
    std::fs::remove_dir_all(data.join("nats/store")).ok();
    let finished = running.finish();
    let log = std::fs::read_to_string(data.join("logs/orchestrator.log")).unwrap();
    assert_eq!(finished.code, 0, "{}\n{log}", finished.stderr);
    assert!(finished.report_bytes() == calm, "the report differs\n{log}");
    assert!(finished.stderr.contains("nats-server ended, it is started again"), "{}", finished.stderr);
}
