//! A queue that loses its store, or a part of it, while clients are connected.

use std::collections::BTreeSet;
use std::time::Duration;

use bus::{Bus, Settlement};
use schemas::messages::BatchReady;
use schemas::{Lane, topology};

use crate::{batch, job, next, send, server, workers_inbox};

/// What is missing after a restart is restored as soon as the server answers.
async fn restored(bus: &Bus) -> Vec<String> {
    for _ in 0..600 {
        match bus.restore_topology().await {
            Ok(restored) => return restored,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("the server does not come back")
}

#[tokio::test]
async fn what_a_server_lost_is_named_and_set_up_again_and_what_is_there_stays() {
    let Some((_dir, mut server, bus)) = server().await else { return };
    assert_eq!(bus.restore_topology().await.unwrap(), Vec::<String>::new());
    send(&bus, Lane::Nightly, 1).await;
    server.restart().unwrap();
    // Streams in memory do not survive a server; those on disk do, with what is in them.
    let in_memory: Vec<_> = restored(&bus).await;
    assert!(
        in_memory.iter().all(|line| line.contains("PROGRESS") || line.contains("HEALTH")),
        "{in_memory:?}"
    );
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 1);
    server.wipe_and_restart().unwrap();
    let all = restored(&bus).await;
    assert_eq!(all.len(), topology::STREAMS.len() + topology::consumers().len() + topology::BUCKETS.len());
    bus.verify_topology().await.unwrap();
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 0);
    // Setting up twice, as `provision` does after a restore, changes nothing.
    bus.provision().await.unwrap();
}

#[tokio::test]
async fn an_inbox_survives_a_wipe_without_asking_in_a_hot_loop() {
    let Some((_dir, mut server, bus)) = server().await else { return };
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    send(&bus, Lane::Nightly, 1).await;
    next(&mut inbox).await.settle(Settlement::Done).await;
    server.wipe_and_restart().unwrap();
    let before = bus.n_sent();
    // Nobody restores anything yet: every pull fails.
    let nothing = tokio::time::timeout(Duration::from_secs(6), inbox.next()).await;
    assert!(nothing.is_err());
    let asked = bus.n_sent() - before;
    assert!(asked < 100, "{asked} requests while there was nothing to ask");
    restored(&bus).await;
    let waiting = async { next(&mut inbox).await.decode::<BatchReady>().unwrap() };
    let ((), got) = tokio::join!(send(&bus, Lane::Nightly, 2), waiting);
    assert_eq!(got, batch(2));
}

#[tokio::test]
async fn an_acknowledgement_from_before_a_wipe_hits_no_message_from_after_it() {
    let Some((_dir, mut server, bus)) = server().await else { return };
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    send(&bus, Lane::Nightly, 1).await;
    let old = next(&mut inbox).await;
    // Sequences begin at the seconds of the clock.
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.wipe_and_restart().unwrap();
    restored(&bus).await;
    send(&bus, Lane::Nightly, 2).await;
    let new = next(&mut inbox).await;
    old.settle(Settlement::Done).await;
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 1, "the new message is gone");
    new.settle(Settlement::Done).await;
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 0);
}

#[tokio::test]
async fn the_batches_in_the_queue_are_known_waiting_or_in_hand() {
    let Some((_dir, _server, bus)) = server().await else { return };
    for n in 0..5 {
        send(&bus, Lane::Nightly, n).await;
    }
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    let in_hand = next(&mut inbox).await;
    next(&mut inbox).await.settle(Settlement::Done).await;
    let expected: BTreeSet<_> = [0, 2, 3, 4].map(|n| batch(n).batch).into();
    assert_eq!(bus.queued(&job()).await.unwrap(), expected);
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 4);
    assert_eq!(bus.queued(&"other".parse().unwrap()).await.unwrap(), BTreeSet::new());
    in_hand.settle(Settlement::Done).await;
}

#[tokio::test]
async fn a_lane_adds_up_and_a_consumer_made_anew_delivers_all_of_it_again() {
    let Some((_dir, _server, bus)) = server().await else { return };
    for n in 0..5 {
        send(&bus, Lane::Nightly, n).await;
    }
    let mut inbox = bus.inbox(vec![topology::work(Lane::Nightly)]).await.unwrap();
    let in_hand = next(&mut inbox).await;
    for count in bus.count_lanes().await.unwrap().expect("the queue stands still") {
        assert_eq!(count.stored, count.deliverable, "{count:?}");
        assert_eq!(count.stored, if count.lane == Lane::Nightly { 5 } else { 0 });
    }
    bus.recreate_lane(Lane::Nightly).await.unwrap();
    let mut again = BTreeSet::new();
    for _ in 0..5 {
        let delivery = next(&mut inbox).await;
        again.insert(delivery.decode::<BatchReady>().unwrap().batch);
        delivery.settle(Settlement::Done).await;
    }
    assert_eq!(again, (0..5).map(|n| batch(n).batch).collect());
    in_hand.settle(Settlement::Done).await;
    assert_eq!(bus.n_advisories().await.unwrap(), 0);
}
