//! The store from outside: every backend against the suite, and the local one against damage on disk.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod cache;
mod cli;
mod clouds;
mod compact;
mod full_disk;
mod gc;
mod jobs;
mod mapped;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use schemas::Digest;
use tensor_store::{Dtype, Error, Key, OpenOptions, Pack, Put, Store, TensorRef, conformance};

/// A store that need not survive a power cut.
fn local(folder: &tempfile::TempDir) -> Store {
    let url = folder.path().to_str().expect("temporary folders have plain names");
    Store::open_with(url, OpenOptions { fsync: false, ..OpenOptions::default() }).expect("the folder exists")
}

fn path_of(folder: &tempfile::TempDir, key: &Key) -> PathBuf {
    folder.path().join(key.as_str())
}

/// Runs a future to its end; for property tests, which are not async.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime needs no resources")
        .block_on(future)
}

#[tokio::test]
async fn memory_keeps_every_promise() {
    conformance::run(&Store::open("memory://").unwrap()).await;
}

#[tokio::test]
async fn local_disk_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    conformance::run(&local(&folder)).await;
}

/// Far more faults than any backend has, yet so few that six tries get through.
const FAULTS: &str = "seed=7&error=0.05&lost=0.05&torn=0.05&conflict=0.05";

async fn keeps_every_promise_among_faults(url: &str) {
    let store = Store::open_with(url, OpenOptions { fsync: false, ..OpenOptions::default() })
        .expect("a temporary place");
    conformance::run(&store).await;
    let faults = store.injected_faults().expect("it fails on purpose");
    assert!(faults.errors > 0 && faults.lost > 0 && faults.conflicts > 0, "{url}: {faults:?}");
}

#[tokio::test]
async fn memory_keeps_every_promise_among_faults() {
    keeps_every_promise_among_faults(&format!("faulty+memory://?{FAULTS}")).await;
}

#[tokio::test]
async fn local_disk_keeps_every_promise_among_faults() {
    let folder = tempfile::tempdir().unwrap();
    keeps_every_promise_among_faults(&format!("faulty+file://{}?{FAULTS}", folder.path().display())).await;
}

#[tokio::test]
async fn a_store_that_is_opened_again_holds_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let key = Key::job_plan("job", 0);
    let put = Store::open(&url).unwrap().put_sealed(&key, &vec![1, 2, 3]).await.unwrap();
    assert_eq!(put, Put::Created);
    let read: Vec<i32> = Store::open(&url).unwrap().get_sealed(&key).await.unwrap();
    assert_eq!(read, [1, 2, 3]);
}

#[tokio::test]
async fn what_a_killed_writer_leaves_behind_is_no_object_and_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    let key = Key::results(Digest::of(b"batch"));
    fs::create_dir_all(path_of(&folder, &key).parent().unwrap()).unwrap();
    let staged = folder.path().join(format!("{key}#1"));
    fs::write(&staged, b"half a res").unwrap();
    assert!(!store.exists(&key).await.unwrap());
    assert!(store.list("").await.unwrap().is_empty());
    assert_eq!(store.put_sealed(&key, &"whole").await.unwrap(), Put::Created);
    assert_eq!(store.get_sealed::<String>(&key).await.unwrap(), "whole");
}

#[tokio::test]
async fn an_empty_file_in_the_place_of_a_result_is_corrupt_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    let key = Key::results(Digest::of(b"batch"));
    store.put_sealed(&key, &1_u8).await.unwrap();
    fs::write(path_of(&folder, &key), b"").unwrap();
    assert!(matches!(store.get_sealed::<u8>(&key).await, Err(Error::Corrupt { .. })));
    assert_eq!(store.put_sealed(&key, &1_u8).await.unwrap(), Put::Created);
    assert_eq!(store.get_sealed::<u8>(&key).await.unwrap(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_on_disk_is_an_error_and_never_a_wrong_value(
        values in prop::collection::vec(any::<u64>(), 1..200),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = local(&folder);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let pack = Pack::builder().add("values", Dtype::U64, &[values.len()], &bytes).build().unwrap();
        let sealed = Key::results(Digest::of(b"batch"));
        let (packed, stored) = wait(async {
            store.put_sealed(&sealed, &values).await.unwrap();
            let digest = store.put_packed(Key::sources, &values).await.unwrap();
            (Key::sources(digest), store.put_pack(&pack).await.unwrap())
        });
        for key in [&sealed, &packed, &Key::tensors(stored.digest)] {
            let path = path_of(&folder, key);
            let mut bytes = fs::read(&path).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            fs::write(path, bytes).unwrap();
        }
        wait(async {
            assert!(matches!(store.get_sealed::<Vec<u64>>(&sealed).await, Err(Error::Corrupt { .. })));
            assert!(matches!(store.get_packed::<Vec<u64>>(&packed).await, Err(Error::Corrupt { .. })));
            assert!(matches!(store.get_pack(stored.digest).await, Err(Error::Corrupt { .. })));
            let wanted = TensorRef { pack: stored.digest, name: "values".to_owned() };
            if let Ok(tensor) = store.get_tensor(&wanted).await {
                assert_eq!((tensor.dtype(), tensor.shape(), tensor.bytes().as_ref()), (Dtype::U64, &[values.len()][..], bytes.as_slice()));
            }
        });
    }
}
