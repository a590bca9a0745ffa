//! Leases: one holder at a time, gone when it falls silent.

use std::time::Duration;

use bus::Renewal;
use schemas::topology::LEASES;

use crate::server;

#[tokio::test]
async fn one_holds_the_lease_and_the_next_gets_it_when_it_is_released() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let mut first = bus.take_lease("x", "a").await.unwrap().expect("nobody has it");
    assert!(bus.take_lease("x", "b").await.unwrap().is_none());
    assert!(bus.take_lease("y", "b").await.unwrap().is_some(), "another lease is another matter");
    for _ in 0..3 {
        assert_eq!(first.renew(&bus).await.unwrap(), Renewal::Granted);
    }
    assert!(first.remaining() > Duration::ZERO && first.remaining() <= LEASES.max_age);
    first.release(&bus).await.unwrap();
    // Over the mark of the deleted value.
    let second = bus.take_lease("x", "b").await.unwrap().expect("it was released");
    assert!(bus.take_lease("x", "a").await.unwrap().is_none());
    drop(second);
}

#[tokio::test]
async fn the_process_that_replaces_a_dead_holder_takes_over_under_its_name() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let dead = bus.take_lease("x", "a").await.unwrap().unwrap();
    let mut heir = bus.take_lease("x", "a").await.unwrap().expect("the name is the same");
    assert_eq!(heir.renew(&bus).await.unwrap(), Renewal::Granted);
    assert!(bus.take_lease("x", "b").await.unwrap().is_none());
    // What the dead one knew is of the past; releasing it does not take the lease from the heir.
    assert!(dead.release(&bus).await.is_err());
    assert_eq!(heir.renew(&bus).await.unwrap(), Renewal::Granted);
}

#[tokio::test]
async fn a_silent_holder_loses_the_lease_and_learns_of_it() {
    let Some((_dir, _server, bus)) = server().await else { return };
    let mut silent = bus.take_lease("x", "a").await.unwrap().unwrap();
    // Renewed once: the time that the server forgets it after is that of the renewal.
    assert_eq!(silent.renew(&bus).await.unwrap(), Renewal::Granted);
    let other = loop {
        if let Some(lease) = bus.take_lease("x", "b").await.unwrap() {
            break lease;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(silent.remaining(), Duration::ZERO, "it was taken from a holder that might still act");
    assert_eq!(silent.renew(&bus).await.unwrap(), Renewal::Lost);
    assert!(other.remaining() > Duration::ZERO);
}

#[tokio::test]
async fn a_lease_that_was_wiped_is_granted_to_its_holder_again() {
    let Some((_dir, mut server, bus)) = server().await else { return };
    let mut lease = bus.take_lease("x", "a").await.unwrap().unwrap();
    server.wipe_and_restart().unwrap();
    while bus.restore_topology().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(lease.renew(&bus).await.unwrap(), Renewal::Granted);
    assert!(bus.take_lease("x", "b").await.unwrap().is_none());
}
