//! Stores in clouds: S3 against a server of our own, and what real accounts a person names.

use s3_server::{BUCKET, S3Server};
use schemas::Digest;
use tensor_store::{Error, Key, Put, Store, conformance};

/// The store in a prefix of the server's bucket.
fn open(server: &S3Server, url: &str) -> Result<Store, Error> {
    let variables = server.variables().map(|(name, value)| (name.to_owned(), value));
    Store::open_with_variables(url, &variables)
}

async fn server() -> S3Server {
    S3Server::start(0).await.expect("some port is free")
}

#[tokio::test]
async fn s3_keeps_every_promise() {
    let server = server().await;
    conformance::run(&open(&server, &format!("s3://{BUCKET}")).unwrap()).await;
}

#[tokio::test]
async fn s3_keeps_every_promise_below_a_prefix_and_among_faults() {
    let server = server().await;
    let url = format!("faulty+s3://{BUCKET}/a/prefix?seed=7&error=0.05&lost=0.05&conflict=0.05");
    let store = open(&server, &url).unwrap();
    conformance::run(&store).await;
    let faults = store.injected_faults().expect("it fails on purpose");
    assert!(faults.errors > 0 && faults.lost > 0 && faults.conflicts > 0, "{faults:?}");
    let others = open(&server, &format!("s3://{BUCKET}/a")).unwrap().list("").await.unwrap();
    assert!(!others.is_empty() && others.iter().all(|object| object.key.starts_with("prefix/")));
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let server = server().await;
    let store = open(&server, &format!("s3://{BUCKET}")).unwrap();
    let key = Key::results(Digest::of(b"batch"));
    server.refuse_next(3);
    assert_eq!(store.put_sealed(&key, &1_u8).await.unwrap(), Put::Created);
    server.refuse_next(3);
    assert_eq!(store.get_sealed::<u8>(&key).await.unwrap(), 1);
    server.refuse_next(3);
    assert_eq!(store.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_conflict_with_nobody_is_tried_again_and_not_believed() {
    let server = server().await;
    let store = open(&server, &format!("s3://{BUCKET}")).unwrap();
    let key = Key::results(Digest::of(b"batch"));
    server.collide_next(2);
    assert_eq!(store.put_sealed(&key, &1_u8).await.unwrap(), Put::Created);
    assert_eq!(store.get_sealed::<u8>(&key).await.unwrap(), 1);
    server.collide_next(u32::MAX);
    let other = Key::results(Digest::of(b"other"));
    let error = store.put_sealed(&other, &1_u8).await.unwrap_err();
    assert!(matches!(&error, Error::Unsettled { key } if key == other.as_str()) && error.is_transient());
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_and_no_missing_object() {
    let server = server().await;
    let store = open(&server, "s3://no-such-bucket").unwrap();
    let key = Key::results(Digest::of(b"batch"));
    for error in [
        store.put_sealed(&key, &1_u8).await.unwrap_err(),
        store.get_sealed::<u8>(&key).await.unwrap_err(),
        store.list("").await.unwrap_err(),
        store.list_folders("jobs").await.unwrap_err(),
    ] {
        let text = chain(&error);
        assert!(text.contains("NoSuchBucket") && text.contains("no-such-bucket"), "{text}");
        assert!(!error.is_transient(), "{text}");
    }
}

#[tokio::test]
async fn wrong_and_missing_credentials_are_said_at_once_and_not_shown() {
    let server = server().await;
    let url = format!("s3://{BUCKET}");
    let key = Key::results(Digest::of(b"batch"));
    let mut variables = server.variables().map(|(name, value)| (name.to_owned(), value));
    variables[4].1 = "hush-hush".to_owned();
    let store = Store::open_with_variables(&url, &variables).unwrap();
    for error in [store.put_sealed(&key, &1_u8).await.unwrap_err(), store.list("").await.unwrap_err()] {
        let text = chain(&error);
        assert!(!error.is_transient() && text.contains("403") && !text.contains("hush-hush"), "{text}");
    }
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_none() {
        let error = Store::open_with_variables(&url, &variables[..3]).unwrap_err();
        assert!(error.to_string().contains("set AWS_ACCESS_KEY_ID"), "{error}");
    }
}

/// An account that a person names: `NM_TEST_STORES=s3://bucket/empty-folder,gs://…,az://…`. Everything that the suite
/// wrote stays there.
#[tokio::test]
async fn named_accounts_keep_every_promise() {
    let Ok(urls) = std::env::var("NM_TEST_STORES") else {
        eprintln!("SKIPPED: no real S3, Google or Azure account: NM_TEST_STORES names none");
        return;
    };
    for url in urls.split(',') {
        conformance::run(&Store::open(url).unwrap()).await;
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}
