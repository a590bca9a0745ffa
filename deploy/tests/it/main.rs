//! The real binary against a real nats-server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

use std::process::{Command, Output};

use bus::{Bus, PrivateServer};

fn deploy(server: &PrivateServer, command: &str) -> Output {
    let connection = server.connection("test");
    Command::new(env!("CARGO_BIN_EXE_nightmend-deploy"))
        .args([command, "--nats", &connection.urls])
        .env("NM_NATS_TOKEN", connection.token.unwrap())
        .output()
        .unwrap()
}

#[tokio::test]
async fn what_provision_sets_up_passes_the_check_and_an_empty_server_does_not() {
    if let Err(error) = PrivateServer::find_binary() {
        assert!(std::env::var_os("NM_REQUIRE_NATS").is_none(), "{error}");
        eprintln!("SKIPPED: {error}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = PrivateServer::start(dir.path()).unwrap();
    let before = deploy(&server, "check");
    assert_eq!(before.status.code(), Some(1));
    let complaint = String::from_utf8(before.stderr).unwrap();
    assert!(complaint.contains("stream WORK"), "{complaint}");
    assert_eq!(deploy(&server, "provision").status.code(), Some(0));
    assert_eq!(deploy(&server, "check").status.code(), Some(0));
    let bus = Bus::connect(&server.connection("test")).await.unwrap();
    bus.verify_topology().await.unwrap();
}
