//! The bus against a real nats-server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod lease;
mod repair;
mod traps;

use std::time::Duration;

use bus::{Bus, Delivery, Error, PrivateServer, Settlement};
use futures::StreamExt;
use schemas::health::Heartbeat;
use schemas::messages::{BatchDead, BatchReady, Counts, Message, Phase, Progress};
use schemas::{BatchId, Digest, JobId, Lane, subjects, topology};

/// A provisioned server in a folder of its own. `None`, loudly, where there is no nats-server; with
/// `NM_REQUIRE_NATS=1` that is a failure.
async fn server() -> Option<(tempfile::TempDir, PrivateServer, Bus)> {
    if let Err(error) = PrivateServer::find_binary() {
        assert!(std::env::var_os("NM_REQUIRE_NATS").is_none(), "{error}");
        eprintln!("SKIPPED: {error}");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = PrivateServer::start(dir.path()).unwrap();
    let bus = Bus::connect(&server.connection("test")).await.unwrap();
    bus.provision().await.unwrap();
    Some((dir, server, bus))
}

fn job() -> JobId {
    "job_1".parse().unwrap()
}

fn batch(n: u8) -> BatchReady {
    let digest = Digest::of(&[n]);
    BatchReady { job: job(), batch: BatchId::from_digest(digest), pipeline: digest, sources: digest }
}

async fn send(bus: &Bus, lane: Lane, n: u8) {
    let message = batch(n);
    bus.publish(&subjects::batch_ready(lane, &job()), &message.batch.to_string(), &message).await.unwrap();
}

async fn next(inbox: &mut bus::Inbox) -> Delivery {
    tokio::time::timeout(Duration::from_secs(60), inbox.next()).await.expect("a message comes")
}

fn workers_inbox() -> Vec<topology::ConsumerSpec> {
    Lane::ALL.map(topology::work).to_vec()
}

#[tokio::test]
async fn a_message_is_stored_once_however_often_it_is_published() {
    let Some((_dir, _server, bus)) = server().await else { return };
    for _ in 0..3 {
        send(&bus, Lane::Nightly, 1).await;
    }
    send(&bus, Lane::Nightly, 2).await;
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let delivery = next(&mut inbox).await;
        seen.push(delivery.decode::<BatchReady>().unwrap());
        delivery.settle(Settlement::Done).await;
    }
    assert_eq!(seen, [batch(1), batch(2)]);
    assert_eq!(bus.purge_job(&job()).await.unwrap(), 0);
}

#[tokio::test]
async fn the_interactive_lane_goes_first_and_the_nightly_one_is_not_starved() {
    let Some((_dir, _server, bus)) = server().await else { return };
    for n in 0..16 {
        send(&bus, Lane::Interactive, n).await;
    }
    send(&bus, Lane::Nightly, 100).await;
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    let mut order = Vec::new();
    for _ in 0..17 {
        let delivery = next(&mut inbox).await;
        order.push(delivery.decode::<BatchReady>().unwrap());
        delivery.settle(Settlement::Done).await;
    }
    let nightly = order.iter().position(|message| *message == batch(100)).unwrap();
    assert!(nightly <= 8, "the nightly batch came as number {nightly}");
}

#[tokio::test]
async fn what_is_retried_comes_again_with_a_higher_attempt_and_what_is_given_back_with_the_same() {
    let Some((_dir, _server, bus)) = server().await else { return };
    send(&bus, Lane::Nightly, 1).await;
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    let first = next(&mut inbox).await;
    assert_eq!(first.attempt(), 1);
    first.settle(Settlement::GiveBack).await;
    let first = next(&mut inbox).await;
    assert_eq!(first.attempt(), 1);
    let retry = || Settlement::Retry { after: Duration::from_millis(1), reason: "busy".into() };
    first.settle(retry()).await;
    let second = next(&mut inbox).await;
    assert_eq!(second.attempt(), 2);
    // What it went through before stays known, and so does the batch.
    second.settle(Settlement::GiveBack).await;
    assert_eq!(bus.queued(&job()).await.unwrap(), [batch(1).batch].into());
    let second = next(&mut inbox).await;
    assert_eq!((second.attempt(), second.decode::<BatchReady>().unwrap()), (2, batch(1)));
    second.settle(retry()).await;
    let third = next(&mut inbox).await;
    assert_eq!(third.attempt(), 3);
    third.settle(Settlement::Done).await;
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 0);
}

#[tokio::test]
async fn poison_and_used_up_attempts_end_as_dead_letters_with_their_reason() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let subject = subjects::batch_ready(Lane::Nightly, &job());
    bus.publish_raw(&subject, "garbage", "batch.ready/99", vec![0xc1]).await.unwrap();
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    let mut dead = bus.inbox(vec![topology::collect_dead()]).await.unwrap();

    let garbage = next(&mut inbox).await;
    let reason = garbage.decode::<BatchReady>().unwrap_err().to_string();
    garbage.settle(Settlement::Poison { reason: reason.clone() }).await;
    let letter = next(&mut dead).await;
    let decoded: BatchDead = letter.decode().unwrap();
    letter.settle(Settlement::Done).await;
    assert_eq!((decoded.reason, decoded.kind.as_str(), decoded.job), (reason, "batch.ready/99", Some(job())));

    send(&bus, Lane::Nightly, 7).await;
    let max_attempts = topology::work(Lane::Nightly).max_attempts;
    for _ in 0..max_attempts {
        let delivery = next(&mut inbox).await;
        let retry = Settlement::Retry { after: Duration::from_micros(1), reason: "never works".into() };
        delivery.settle(retry).await;
    }
    let letter = next(&mut dead).await;
    let decoded: BatchDead = letter.decode().unwrap();
    letter.settle(Settlement::Done).await;
    assert_eq!(decoded.batch, Some(batch(7).batch));
    assert_eq!(decoded.reason, format!("never works (after {max_attempts} attempts)"));
}

#[tokio::test]
async fn a_pull_survives_the_kill_and_restart_of_the_server() {
    let Some((_dir, mut server, bus)) = server().await else { return };
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    send(&bus, Lane::Nightly, 1).await;
    next(&mut inbox).await.settle(Settlement::Done).await;
    server.restart().unwrap();
    let waiting = async { next(&mut inbox).await.decode::<BatchReady>().unwrap() };
    let ((), got) = tokio::join!(send(&bus, Lane::Nightly, 2), waiting);
    assert_eq!(got, batch(2));
}

#[tokio::test]
async fn a_server_without_the_topology_is_refused_with_all_that_is_missing() {
    let Some((_dir, server, _bus)) = server().await else { return };
    let bus = Bus::connect(&server.connection("test")).await.unwrap();
    bus.verify_topology().await.unwrap();
    let other = PrivateServer::start(tempfile::tempdir().unwrap().path()).unwrap();
    let bare = Bus::connect(&other.connection("test")).await.unwrap();
    let Err(Error::TopologyIncomplete { missing }) = bare.verify_topology().await else {
        panic!("an empty server is not refused")
    };
    for stream in topology::STREAMS {
        assert!(missing.iter().any(|line| line.contains(stream.name)), "{missing:?}");
    }
}

#[tokio::test]
async fn a_message_with_content_is_refused() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let subject = subjects::batch_ready(Lane::Nightly, &job());
    let sent =
        bus.publish_raw(&subject, "big", "batch.ready/1", vec![0; topology::MAX_MESSAGE_BYTES + 1]).await;
    assert!(matches!(sent, Err(Error::TooLarge { .. })));
}

#[tokio::test]
async fn who_comes_late_sees_the_newest_progress_and_every_later_one() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let progress = |phase| Progress {
        job: job(),
        phase,
        error: None,
        counts: Counts::default(),
        elapsed_ms: 0,
        workers: Vec::new(),
    };
    let subject = subjects::progress(&job());
    assert_eq!(bus.progress(&job()).await.unwrap(), None);
    bus.publish(&subject, "1", &progress(Phase::Queued)).await.unwrap();
    bus.publish(&subject, "2", &progress(Phase::Running)).await.unwrap();
    let mut watched = bus.watch_progress(&job()).await.unwrap();
    bus.flush().await.unwrap();
    bus.publish(&subject, "3", &progress(Phase::Done)).await.unwrap();
    let mut phases = Vec::new();
    while phases.last() != Some(&Phase::Done) {
        phases.push(watched.next().await.unwrap().phase);
    }
    assert_eq!(phases.first(), Some(&Phase::Running));
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        worker: bus::watch::new_worker_id(),
        version: "0".into(),
        device: "cpu".into(),
        slots: 2,
        busy: 0,
        rss_bytes: 1,
        model: None,
        draining: false,
        n_batches: 0,
    }
}

#[tokio::test]
async fn the_worker_table_holds_the_newest_heartbeat_of_each() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let mut heartbeat = heartbeat();
    let mut heard = bus.heartbeats().await.unwrap();
    bus.flush().await.unwrap();
    for busy in 0..2 {
        heartbeat.busy = busy;
        // Stored before the table is read, which a core publish would not promise.
        bus.publish(&subjects::health_worker(&heartbeat.worker), &format!("{busy}"), &heartbeat)
            .await
            .unwrap();
    }
    assert_eq!(heard.next().await.unwrap().busy, 0);
    let workers = bus.workers().await.unwrap();
    assert_eq!(workers.len(), 1);
    assert_eq!((&workers[0].heartbeat, workers[0].dead), (&heartbeat, false));
    assert_eq!(Heartbeat::TYPE, "health.worker/1");
}
