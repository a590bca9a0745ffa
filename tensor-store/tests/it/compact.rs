//! Joining packs: every tensor is there at any moment, and whatever was done when the process was killed.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use schemas::Digest;
use tensor_store::{Error, GcOptions, Key, Pack, Pin, Store, Tensor, TensorRef};

use crate::jobs::age;
use crate::{local, path_of};

const N_PACKS: u32 = 12;

fn pack(n: u32) -> Pack {
    let values = vec![n as f32; 1 << 18];
    let builder = Pack::builder().metadata("model", "some model").metadata("n", n.to_string());
    let builder = builder.add_tensor("same name", Tensor::from_f32(vec![1 << 18], &values).unwrap());
    builder
        .add_tensor(&format!("own/{n}"), Tensor::from_f32(vec![2], &[n as f32, 0.5]).unwrap())
        .build()
        .unwrap()
}

fn options() -> GcOptions {
    GcOptions { delete: true, compact: true, ..GcOptions::default() }
}

/// A dozen packs of a MiB, old and pinned.
async fn store_with_packs(folder: &tempfile::TempDir) -> (Store, Vec<Digest>) {
    let store = local(folder);
    let mut digests = Vec::new();
    for n in 0..N_PACKS {
        digests.push(store.put_pack(&pack(n)).await.unwrap().digest);
    }
    store.pin("all", &Pin { objects: digests.iter().copied().collect(), ..Pin::default() }).await.unwrap();
    age(folder.path());
    (store, digests)
}

async fn assert_all_are_read(store: &Store, digests: &[Digest]) {
    for (n, &digest) in digests.iter().enumerate() {
        let tensor = |name: &str| TensorRef { pack: digest, name: name.to_owned() };
        let large = store.get_tensor(&tensor("same name")).await.unwrap().to_vec_f32().unwrap();
        assert!(large.len() == 1 << 18 && large.iter().all(|&value| value == n as f32));
        let small = store.get_tensor(&tensor(&format!("own/{n}"))).await.unwrap();
        assert_eq!(small.to_vec_f32().unwrap(), [n as f32, 0.5]);
        let whole = store.get_pack(digest).await.unwrap();
        assert_eq!(Digest::of(whole.bytes()), digest, "the same file, byte for byte");
        assert_eq!(whole.metadata()["n"], n.to_string());
        assert!(store.has_pack(digest).await.unwrap());
    }
}

#[tokio::test]
async fn joined_packs_are_read_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let (store, digests) = store_with_packs(&folder).await;
    let dry = store.collect_garbage(&GcOptions { delete: false, ..options() }).await.unwrap();
    assert_eq!(dry.compaction.unwrap().joined.n_objects, u64::from(N_PACKS));
    assert_eq!(store.list("tensors").await.unwrap().len(), N_PACKS as usize);

    let report = store.collect_garbage(&options()).await.unwrap();
    let compaction = report.compaction.unwrap();
    assert_eq!((compaction.joined.n_objects, compaction.made.n_objects), (u64::from(N_PACKS), 1));
    assert_eq!(store.list("tensors").await.unwrap().len(), 1);
    assert_all_are_read(&store, &digests).await;

    let missing = TensorRef { pack: digests[0], name: "none".to_owned() };
    let error = store.get_tensor(&missing).await.unwrap_err();
    let named = Key::tensors(digests[0]);
    assert!(matches!(error, Error::NoTensor { key, name } if key == named.as_str() && name == "none"));

    // What leads to an old pack leads to where it went; and when nothing does any more, all of it goes.
    age(folder.path());
    store.collect_garbage(&options()).await.unwrap();
    assert_all_are_read(&store, &digests).await;
    store.unpin("all").await.unwrap();
    store.collect_garbage(&options()).await.unwrap();
    assert!(store.list("tensors").await.unwrap().is_empty());
    assert!(store.list("moved").await.unwrap().is_empty());
    assert!(!store.has_pack(digests[0]).await.unwrap());
}

#[tokio::test]
async fn readers_find_every_tensor_while_packs_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let (store, digests) = store_with_packs(&folder).await;
    let is_done = AtomicBool::new(false);
    let joining = async {
        let report = store.collect_garbage(&options()).await.unwrap();
        is_done.store(true, Ordering::Relaxed);
        report.compaction.unwrap()
    };
    let reading = async {
        // A reader of its own, as in another process.
        let store = local(&folder);
        while !is_done.load(Ordering::Relaxed) {
            assert_all_are_read(&store, &digests).await;
            tokio::task::yield_now().await;
        }
        assert_all_are_read(&store, &digests).await;
    };
    let (compaction, ()) = tokio::join!(joining, reading);
    assert_eq!(compaction.made.n_objects, 1);
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        match path.is_dir() {
            true => copy_all(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

#[tokio::test]
async fn a_compaction_that_was_killed_is_finished_by_the_next() {
    let before = tempfile::tempdir().unwrap();
    let (_, digests) = store_with_packs(&before).await;
    let after = tempfile::tempdir().unwrap();
    copy_all(before.path(), after.path());
    age(after.path());
    local(&after).collect_garbage(&options()).await.unwrap();

    // Killed when so many redirects were written, and so many packs removed.
    for (n_moved, n_removed) in [(0, 0), (5, 0), (12, 0), (12, 7)] {
        let folder = tempfile::tempdir().unwrap();
        copy_all(after.path(), folder.path());
        for digest in &digests[n_removed..] {
            let key = Key::tensors(*digest);
            fs::copy(path_of(&before, &key), path_of(&folder, &key)).unwrap();
        }
        for digest in &digests[n_moved..] {
            fs::remove_file(path_of(&folder, &Key::moved(*digest))).unwrap();
        }
        let store = local(&folder);
        assert_all_are_read(&store, &digests).await;
        age(folder.path());
        store.collect_garbage(&options()).await.unwrap();
        assert_all_are_read(&store, &digests).await;
        age(folder.path());
        store.collect_garbage(&options()).await.unwrap();
        assert_all_are_read(&store, &digests).await;
        let n_left = store.list("tensors").await.unwrap().len();
        assert!(n_left <= 8, "{n_left} packs are left after {n_moved} redirects and {n_removed} removals");
    }
}
