//! Things that break in the middle of a job. The report does not show it, or says exactly what is missing.

use std::path::Path;
use std::time::Duration;

use e2e::cluster::{Submitted, eventually};
use e2e::{Cluster, repos, tiny_model};
use schemas::messages::{Phase, Progress};
use schemas::{JobId, Lane, subjects, topology};

/// Submits a job on the repository and waits until it is so far; it goes on meanwhile.
async fn submitted_until(cluster: &Cluster, repo: &Path, so_far: impl Fn(&Progress) -> bool) -> Submitted {
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    let job: JobId = "job".parse().unwrap();
    eventually("the job to be so far", || async {
        cluster.bus.progress(&job).await.unwrap().filter(&so_far)
    })
    .await;
    running
}

/// The report of the same job when nothing breaks.
async fn undisturbed(n_files: usize) -> Option<Vec<u8>> {
    let mut cluster = Cluster::start().await?;
    let repo = repos::make_many(&cluster.path("many"), n_files);
    cluster.start_worker();
    Some(cluster.run("job", &[repo.to_str().unwrap()]).report_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_costs_a_redelivery_and_nothing_else() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 1500);
    cluster.start_worker();
    let running = submitted_until(&cluster, &repo, |progress| progress.counts.batches_done > 0).await;
    cluster.kill_worker();
    cluster.start_worker();
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    assert!(finished.report_bytes() == undisturbed(1500).await.unwrap(), "the report differs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_process_that_is_killed_costs_an_attempt_and_no_worker() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 60);
    let model = tiny_model(cluster.path("model"));
    cluster.start_worker();
    let running = cluster.submit("job", &["--model", model.to_str().unwrap(), repo.to_str().unwrap()]);
    eventually("the model process", || async { cluster.kill_model().then_some(()) }).await;
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    assert_eq!(finished.run().batches_redelivered, 1, "{}", cluster.logs());
    assert!(finished.report().totals.tokens > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_killed_in_the_middle_goes_on_where_it_stopped() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 1500);
    cluster.start_worker();
    let running = submitted_until(&cluster, &repo, |progress| progress.counts.batches_done > 0).await;
    cluster.kill_orchestrator();
    cluster.start_orchestrator();
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    assert!(finished.report_bytes() == undisturbed(1500).await.unwrap(), "the report differs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_stop_finishes_what_it_has() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 600);
    cluster.start_worker();
    let running = submitted_until(&cluster, &repo, |progress| progress.counts.batches_done > 0).await;
    assert!(cluster.stop_worker(), "{}", cluster.logs());
    cluster.start_worker();
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    assert_eq!(finished.run().batches_redelivered, 0, "a batch in hand was not finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_another_version_is_a_dead_letter_and_the_job_ends_partial() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 100);
    let subject = subjects::batch_ready(Lane::Interactive, &"job".parse().unwrap());
    let running = submitted_until(&cluster, &repo, |progress| progress.phase == Phase::Running).await;
    cluster.bus.publish_raw(&subject, "stray", "batch.ready/99", b"?".to_vec()).await.unwrap();
    // The stray message is in the queue before anything of the job can be done.
    cluster.start_worker();
    let finished = running.finish();
    assert_eq!(finished.code, 3, "{}\n{}", finished.stderr, cluster.logs());
    let letters = finished.run().dead_letters;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains("batch.ready/99"), "{letters:?}");
    assert_eq!(finished.report().totals.ledger.scanned, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_no_worker_survives_is_buried_and_the_job_ends() {
    let Some(cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 10);
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    // As a server says it that has delivered a message as often as it may, and keeps it from then on.
    let mut inbox = cluster.bus.inbox(Lane::ALL.map(topology::work).to_vec()).await.unwrap();
    let taken = inbox.next().await;
    let deliveries = topology::work(Lane::Interactive).max_deliver;
    let advisory = serde_json::json!({
        "type": "io.nats.jetstream.advisory.v1.max_deliver",
        "stream_seq": taken.sequence(),
        "deliveries": deliveries,
    });
    let subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.WORK.interactive";
    cluster.bus.publish_raw(subject, "advisory", "", advisory.to_string().into_bytes()).await.unwrap();
    let finished = tokio::task::spawn_blocking(|| running.finish()).await.unwrap();
    assert_eq!(finished.code, 3, "{}\n{}", finished.stderr, cluster.logs());
    let failed = &finished.report().repos[0].failed;
    assert_eq!(failed.len(), 10);
    assert!(failed.iter().all(|file| file.reason.contains("no worker survived")), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_source_pack_fails_its_files_and_no_others() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 100);
    let running = submitted_until(&cluster, &repo, |progress| progress.counts.repos_planned == 1).await;
    let pack = std::fs::read_dir(cluster.path("store/sources")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&pack).unwrap();
    cluster.start_worker();
    let finished = running.finish();
    assert_eq!(finished.code, 3, "{}\n{}", finished.stderr, cluster.logs());
    let report = finished.report();
    assert!(report.partial && report.totals.ledger.adds_up());
    assert!(report.totals.ledger.failed > 0 && report.totals.ledger.scanned > 0);
    let name = pack.file_name().unwrap().to_str().unwrap();
    let failed = &report.repos[0].failed;
    assert_eq!(failed.len() as u64, report.totals.ledger.failed);
    assert!(failed.iter().all(|file| file.reason.contains(name)), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stops_and_stays_stopped() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("many"), 200);
    let running = submitted_until(&cluster, &repo, |progress| progress.counts.repos_planned == 1).await;
    let cancelled = cluster.submit_command(&["cancel", "job"]).output().unwrap();
    assert!(cancelled.status.success(), "{}", String::from_utf8_lossy(&cancelled.stderr));
    assert_eq!(running.finish().code, 1);
    let (bus, job) = (&cluster.bus.clone(), "job".parse::<JobId>().unwrap());
    // The wish is in the store before the orchestrator hears of it.
    eventually("the end of the job", || async {
        bus.record(&job).await.unwrap().filter(|record| record.phase == Phase::Cancelled)
    })
    .await;
    assert_eq!(bus.purge_job(&job).await.unwrap(), 0, "batches are left in the queue");
    cluster.kill_orchestrator();
    cluster.start_orchestrator();
    cluster.start_worker();
    // A job that is sent after the restart is done; the cancelled one still is not.
    assert_eq!(cluster.run("other", &[repo.to_str().unwrap()]).code, 0);
    assert_eq!(bus.record(&job).await.unwrap().unwrap().phase, Phase::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_worker_is_seen_after_fifteen_seconds() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let bus = cluster.bus.clone();
    eventually("the worker", || async { (bus.workers().await.unwrap().len() == 1).then_some(()) }).await;
    cluster.kill_worker();
    let row =
        eventually("its death", || async { bus.workers().await.unwrap().into_iter().find(|row| row.dead) })
            .await;
    assert!(Duration::from_millis(row.silent_ms) >= Duration::from_secs(15));
}
