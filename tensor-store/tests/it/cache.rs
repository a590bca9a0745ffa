//! The cache in front of a store: loads once, stays within its bytes, never gives what was not checked.

use std::fs;
use std::path::{Path, PathBuf};

use schemas::Digest;
use tensor_store::{Error, Key, OpenOptions, Pack, Store, Tensor, TensorRef};

struct Fixture {
    folder: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() }
    }

    /// Not mapped, as a remote store.
    fn open(&self, memory: u64, disk: Option<u64>) -> Store {
        let options = OpenOptions {
            fsync: false,
            mmap: false,
            cache_bytes: memory,
            cache_dir: disk.map(|_| self.cache.path().to_owned()),
            cache_disk_bytes: disk.unwrap_or_default(),
        };
        Store::open_with(self.folder.path().to_str().unwrap(), options).unwrap()
    }

    /// Takes the stored packs away, so that only the cache can answer.
    fn lose_packs(&self) {
        fs::remove_dir_all(self.folder.path().join("tensors")).unwrap();
    }
}

fn pack(n: u8) -> Pack {
    let tensor = Tensor::from_f32(vec![50, 50], &[f32::from(n); 2500]).unwrap();
    Pack::builder().add_tensor("x", tensor).build().unwrap()
}

async fn put(store: &Store, n: u8) -> TensorRef {
    TensorRef { pack: store.put_pack(&pack(n)).await.unwrap().digest, name: "x".to_owned() }
}

async fn assert_is_read(store: &Store, wanted: &TensorRef, n: u8) {
    let tensor = store.get_tensor(wanted).await.unwrap();
    assert_eq!((tensor.shape(), tensor.to_vec_f32().unwrap()), (&[50, 50][..], vec![f32::from(n); 2500]));
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("lock") => {}
            false => found.push(path),
        }
    }
    found
}

#[tokio::test]
async fn what_was_read_is_read_from_memory() {
    let fixture = Fixture::new();
    let store = fixture.open(1 << 20, None);
    let wanted = put(&store, 1).await;
    let sources = store.put_packed(Key::sources, &"text").await.unwrap();
    for _ in 0..2 {
        assert_is_read(&store, &wanted, 1).await;
        assert_eq!(store.get_packed::<String>(&Key::sources(sources)).await.unwrap(), "text");
    }
    let stats = store.stats();
    assert_eq!((stats.cache_hits, stats.cache_misses, stats.cache_evictions), (2, 2, 0));
    fixture.lose_packs();
    assert_is_read(&store, &wanted, 1).await;
}

#[tokio::test]
async fn a_key_is_loaded_once_however_many_ask() {
    let fixture = Fixture::new();
    for (memory, disk) in [(1 << 20, None), (1 << 20, Some(1 << 20))] {
        let store = fixture.open(memory, disk);
        let wanted = put(&store, 2).await;
        let reads = (0..32).map(|_| assert_is_read(&store, &wanted, 2));
        futures::future::join_all(reads).await;
        assert_eq!((store.stats().cache_hits, store.stats().cache_misses), (31, 1));
    }
}

#[tokio::test]
async fn both_tiers_stay_within_their_bytes() {
    let fixture = Fixture::new();
    // Room for three tensors of 10,000 bytes in memory, and for six on disk.
    let store = fixture.open(32_000, Some(6 * 12_288));
    for n in 0..20 {
        let wanted = put(&store, n).await;
        assert_is_read(&store, &wanted, n).await;
    }
    assert!((1..=6).contains(&files(fixture.cache.path()).len()));
    // Twenty went in, and at most three and six are left.
    assert!(store.stats().cache_evictions >= 17 + 14, "{:?}", store.stats());
    drop(store);
    let smaller = fixture.open(0, Some(2 * 12_288));
    assert!(files(fixture.cache.path()).len() <= 2);
    assert!(smaller.stats().cache_evictions >= 1);
}

#[tokio::test]
async fn the_disk_tier_outlives_the_process_and_is_checked_on_every_read() {
    let fixture = Fixture::new();
    let store = fixture.open(0, Some(1 << 20));
    let (tensor, other) = (put(&store, 1).await, put(&store, 2).await);
    let blob = Key::sources(store.put_packed(Key::sources, &"text").await.unwrap());
    assert_is_read(&store, &tensor, 1).await;
    assert_is_read(&store, &other, 2).await;
    store.get_blob(&blob).await.unwrap();
    drop(store);

    let store = fixture.open(0, Some(1 << 20));
    assert_is_read(&store, &tensor, 1).await;
    store.get_blob(&blob).await.unwrap();
    assert_eq!((store.stats().cache_hits, store.stats().gets), (2, 0));

    let cached = files(fixture.cache.path());
    assert_eq!(cached.len(), 3);
    let sound: Vec<Vec<u8>> = cached.iter().map(|path| fs::read(path).unwrap()).collect();
    for damage in ["flip", "cut", "swap"] {
        for (at, path) in cached.iter().enumerate() {
            let mut bytes = sound[at].clone();
            match damage {
                "flip" => *bytes.last_mut().unwrap() ^= 1,
                "cut" => bytes.truncate(bytes.len() - 1),
                _ => bytes = sound[(at + 1) % 3].clone(),
            }
            fs::write(path, bytes).unwrap();
        }
        let before = store.stats();
        assert_is_read(&store, &tensor, 1).await;
        assert_is_read(&store, &other, 2).await;
        assert_eq!(store.get_packed::<String>(&blob).await.unwrap(), "text");
        let after = store.stats();
        let counts = (after.cache_misses - before.cache_misses, after.corrupt - before.corrupt);
        assert_eq!(counts, (3, 3), "{damage}");
    }
}

#[tokio::test]
async fn a_damaged_or_missing_object_is_not_remembered() {
    let fixture = Fixture::new();
    let store = fixture.open(1 << 20, Some(1 << 20));
    let wanted = put(&store, 1).await;
    let path = fixture.folder.path().join(Key::tensors(wanted.pack).as_str());
    let sound = fs::read(&path).unwrap();
    let mut rotten = sound.clone();
    *rotten.last_mut().unwrap() ^= 1;
    fs::write(&path, rotten).unwrap();
    assert!(matches!(store.get_tensor(&wanted).await, Err(Error::Corrupt { .. })));
    assert!(matches!(store.get_pack(wanted.pack).await, Err(Error::Corrupt { .. })));
    fs::write(&path, sound).unwrap();
    assert_is_read(&store, &wanted, 1).await;
    assert!(matches!(store.get_blob(&Key::sources(Digest::of(b"x"))).await, Err(Error::NotFound { .. })));
}

#[test]
fn a_folder_serves_one_process_at_a_time() {
    let fixture = Fixture::new();
    let _first = fixture.open(0, Some(1 << 20));
    let options = OpenOptions { cache_dir: Some(fixture.cache.path().to_owned()), ..OpenOptions::default() };
    let second = Store::open_with(fixture.folder.path().to_str().unwrap(), options);
    assert!(matches!(second, Err(Error::BadCache { reason, .. }) if reason.contains("another process")));
}
