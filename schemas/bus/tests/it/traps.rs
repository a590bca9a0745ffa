//! Defaults of the client that lose or hang: each is met here, and must not be felt.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bus::{Bus, Connection, Error, PrivateServer, Settlement};
use schemas::messages::BatchReady;
use schemas::{Lane, subjects};

use crate::{batch, heartbeat, job, next, send, server, workers_inbox};

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn several_addresses_are_tried_until_one_answers() {
    let Some((_dir, server, _bus)) = server().await else { return };
    let good = server.connection("test");
    let urls = format!("nats://127.0.0.1:1, {}", good.urls);
    let bus = Bus::connect(&Connection { urls, ..good }).await.unwrap();
    bus.flush().await.unwrap();
}

#[tokio::test]
async fn what_was_announced_before_a_flush_is_not_lost_by_an_exit() {
    let Some((_dir, server, bus)) = server().await else { return };
    let leaving = Bus::connect(&server.connection("leaving")).await.unwrap();
    let heartbeats: Vec<_> = (0..500).map(|_| heartbeat()).collect();
    for heartbeat in &heartbeats {
        leaving.beat(heartbeat).await.unwrap();
    }
    leaving.flush().await.unwrap();
    drop(leaving);
    // The stream takes them in one after the other.
    let mut found = 0;
    for _ in 0..100 {
        found = bus.workers().await.unwrap().len();
        if found == heartbeats.len() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{found} of {} heartbeats arrived", heartbeats.len());
}

#[tokio::test]
async fn a_publish_into_a_full_buffer_ends_with_an_error_and_not_never() {
    let Some((_dir, server, bus)) = server().await else { return };
    drop(server);
    let heartbeat = heartbeat();
    // The client takes 2,048 commands for a server that is away, and then waits.
    let mut n_sent = 0;
    let error = loop {
        match bus.beat(&heartbeat).await {
            Ok(()) => n_sent += 1,
            Err(error) => break error,
        }
        assert!(n_sent < 100_000, "nothing is ever refused");
    };
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn more_publishes_than_the_client_waits_for_all_arrive_though_the_server_is_slow() {
    let Some((_dir, server, bus)) = server().await else { return };
    signal("-STOP", server.pid());
    // Given up by their callers while the client still waits for their acknowledgements: 6,000 > 5,000.
    for _ in 0..6 {
        let sending = (0..1000).map(|n| {
            let bus = &bus;
            let id = format!("abandoned-{n}");
            async move {
                let message = batch(0);
                let sent = bus.publish(subjects::JOB_SUBMITTED, &id, &message);
                tokio::time::timeout(Duration::from_millis(50), sent).await.ok();
            }
        });
        futures::future::join_all(sending).await;
    }
    signal("-CONT", server.pid());
    send(&bus, Lane::Nightly, 1).await;
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_stands_still_for_a_while_is_waited_for() {
    let Some((_dir, server, bus)) = server().await else { return };
    let mut inbox = bus.inbox(workers_inbox()).await.unwrap();
    signal("-STOP", server.pid());
    let going_on = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        signal("-CONT", server.pid());
    };
    let ((), (), delivery) = tokio::join!(going_on, send(&bus, Lane::Nightly, 1), next(&mut inbox));
    assert_eq!(delivery.decode::<BatchReady>().unwrap(), batch(1));
    delivery.settle(Settlement::Done).await;
    assert_eq!(bus.n_queued(&job()).await.unwrap(), 0, "done is confirmed by the server, or not done");
}

/// A server of its own whose only user may publish requests to JetStream and nothing else.
struct Restricted(Child);

impl Restricted {
    async fn start(dir: &Path) -> (Self, Connection) {
        let config = dir.join("restricted.conf");
        let text = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {dir:?}\njetstream {{ store_dir: {store:?} }}\n\
             authorization {{ users: [{{ user: w, password: w, permissions: {{ publish: [\"$JS.API.>\"] }} }}] }}\n\
             no_auth_user: w\n",
            store = dir.join("js"),
        );
        std::fs::File::create(&config).unwrap().write_all(text.as_bytes()).unwrap();
        let binary = PrivateServer::find_binary().unwrap();
        let child =
            Command::new(binary).arg("-c").arg(&config).stderr(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap();
        let ports = dir.join(format!("nats-server_{}.ports", child.id()));
        let url = loop {
            let text = std::fs::read(&ports).unwrap_or_default();
            if let Ok(ports) = serde_json::from_slice::<serde_json::Value>(&text) {
                break ports["nats"][0].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        (Self(child), Connection { urls: url, name: "test".into(), ..Connection::default() })
    }
}

impl Drop for Restricted {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn a_denied_publish_says_so_and_not_only_that_it_took_too_long() {
    if server().await.is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_server, connection) = Restricted::start(dir.path()).await;
    let bus = Bus::connect(&connection).await.unwrap();
    bus.provision().await.unwrap();
    let subject = subjects::batch_ready(Lane::Nightly, &job());
    let error = bus.publish(&subject, "1", &batch(1)).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("permissions violation"), "{error}");
}
