//! What every backend must do: one suite, run against each of them.
//!
//! [`run`] takes an empty store, which may be one that fails on purpose, and panics at the first thing that is not as promised. It damages objects behind the
//! store's back, as a torn write or a bad disk would.

use bytes::Bytes;
use futures::StreamExt;
use object_store::{ObjectStoreExt, PutPayload};
use schemas::Digest;

use crate::{Dtype, Error, Key, Pack, Put, Store, Tensor, TensorRef};

/// Runs the whole suite.
///
/// # Panics
/// If the store does not keep a promise.
pub async fn run(store: &Store) {
    objects_are_written_once(store).await;
    missing_objects_are_named(store).await;
    damaged_blobs_are_found_and_replaced(store).await;
    the_first_sealed_object_stays_unless_damaged(store).await;
    writers_of_the_same_object_do_not_disturb_each_other(store).await;
    of_writers_of_different_objects_one_wins(store).await;
    what_a_writer_left_unfinished_is_finished_by_the_next(store).await;
    ranges_are_cut_at_the_end(store).await;
    one_tensor_is_read_as_from_the_whole_pack(store).await;
    a_damaged_pack_never_gives_wrong_tensors(store).await;
    a_large_pack_comes_back_whole(store).await;
    listings_are_sorted_and_add_up(store).await;
    empty_objects_and_odd_names_are_like_others(store).await;
    listings_of_more_than_a_page_are_whole(store).await;
}

async fn objects_are_written_once(store: &Store) {
    let key = Key::job_spec("once");
    let before = store.stats();
    let put = store.put_new(&key, "first".into()).await.expect("put");
    assert!(is_new(store, put), "{put:?}");
    assert_eq!(store.put_new(&key, "first".into()).await.expect("put again"), Put::AlreadyThere);
    let other = store.put_new(&key, "second".into()).await;
    assert!(matches!(other, Err(Error::Conflict { key: named }) if named == key.as_str()));
    assert_eq!(store.get(&key).await.expect("get"), "first");
    store.put(&key, "second".into()).await.expect("put over");
    assert_eq!(store.get(&key).await.expect("get"), "second");
    let after = store.stats();
    if is_reliable(store) {
        assert_eq!((after.puts - before.puts, after.hits - before.hits), (2, 1));
        assert_eq!(after.put_bytes - before.put_bytes, 11);
    }
    let sources = Key::sources(Digest::of(b"a"));
    assert!(store.put(&sources, "a".into()).await.is_err(), "a blob is never replaced");
    assert!(store.put_new(&sources, "b".into()).await.is_err(), "the bytes are not what the key says");
}

async fn missing_objects_are_named(store: &Store) {
    let digest = Digest::of(b"missing");
    let is_named =
        |error: Error, key: &Key| matches!(error, Error::NotFound { key: named } if named == key.as_str());
    let sources = Key::sources(digest);
    assert!(!store.exists(&sources).await.expect("look up"));
    assert!(is_named(store.get_blob(&sources).await.expect_err("missing"), &sources));
    let results = Key::results(digest);
    assert!(is_named(store.get_sealed::<u8>(&results).await.expect_err("missing"), &results));
    let tensors = Key::tensors(digest);
    assert!(is_named(store.get_pack(digest).await.expect_err("missing"), &tensors));
    let wanted = TensorRef { pack: digest, name: "x".to_owned() };
    assert!(is_named(store.get_tensor(&wanted).await.expect_err("missing"), &tensors));
}

async fn damaged_blobs_are_found_and_replaced(store: &Store) {
    let digest = store.put_packed(Key::sources, &"a blob").await.expect("put");
    let key = Key::sources(digest);
    for damage in [&b""[..], b"torn", b"another content of some length"] {
        overwrite(store, &key, Bytes::from_static(damage)).await;
        let n_before = store.stats().corrupt;
        assert!(
            matches!(store.get_blob(&key).await, Err(Error::Corrupt { key: named, .. }) if named == key.as_str())
        );
        assert!(matches!(store.get_packed::<String>(&key).await, Err(Error::Corrupt { .. })));
        assert_eq!(store.stats().corrupt - n_before, 2);
        assert_eq!(store.put_packed(Key::sources, &"a blob").await.expect("put over"), digest);
        assert_eq!(store.get_packed::<String>(&key).await.expect("get"), "a blob");
    }
}

async fn the_first_sealed_object_stays_unless_damaged(store: &Store) {
    let key = Key::results(Digest::of(b"batch"));
    let put = store.put_sealed(&key, &"first").await.expect("put");
    assert!(is_new(store, put), "{put:?}");
    assert_eq!(store.put_sealed(&key, &"first").await.expect("put"), Put::AlreadyThere);
    assert_eq!(store.put_sealed(&key, &"second").await.expect("put"), Put::OtherThere);
    assert_eq!(store.get_sealed::<String>(&key).await.expect("get"), "first");
    assert!(matches!(store.get_sealed::<u64>(&key).await, Err(Error::Decode { .. })));
    overwrite(store, &key, Bytes::from_static(b"torn")).await;
    assert!(matches!(store.get_sealed::<String>(&key).await, Err(Error::Corrupt { .. })));
    assert_eq!(store.put_sealed(&key, &"second").await.expect("put"), Put::Created);
    assert_eq!(store.get_sealed::<String>(&key).await.expect("get"), "second");
}

async fn writers_of_the_same_object_do_not_disturb_each_other(store: &Store) {
    let key = Key::results(Digest::of(b"race"));
    let value = "one result ".repeat(20_000);
    let puts = futures::future::join_all((0..16).map(|_| store.put_sealed(&key, &value))).await;
    let n_created = puts.iter().filter(|put| matches!(put, Ok(Put::Created))).count();
    let n_found = puts.iter().filter(|put| matches!(put, Ok(Put::AlreadyThere))).count();
    assert_eq!(n_created + n_found, 16, "{puts:?}");
    assert!(!is_reliable(store) || n_created == 1, "{puts:?}");
    assert_eq!(store.get_sealed::<String>(&key).await.expect("get"), value);
}

async fn of_writers_of_different_objects_one_wins(store: &Store) {
    let key = Key::results(Digest::of(b"contest"));
    let values: Vec<String> = (0..16).map(|writer| format!("written by {writer} ").repeat(5_000)).collect();
    let puts = futures::future::join_all(values.iter().map(|value| store.put_sealed(&key, value))).await;
    let stored: String = store.get_sealed(&key).await.expect("get");
    for (value, put) in values.iter().zip(puts) {
        let put = put.expect("put");
        let is_winner = *value == stored;
        assert_eq!(put != Put::OtherThere, is_winner, "{put:?}");
        assert!(!is_winner || is_new(store, put), "{put:?}");
    }
    let again = store.put_sealed(&key, &values[0]).await.expect("put");
    assert_eq!(again == Put::AlreadyThere, values[0] == stored);
}

async fn what_a_writer_left_unfinished_is_finished_by_the_next(store: &Store) {
    let key = Key::job_spec("cut");
    for left in ["", "who"] {
        overwrite(store, &key, Bytes::from_static(left.as_bytes())).await;
        assert!(store.put_new(&key, "whole".into()).await.is_ok(), "`{left}` was taken for another object");
        assert_eq!(store.get(&key).await.expect("get"), "whole");
    }
    let other = store.put_new(&key, "who".into()).await;
    assert!(matches!(other, Err(Error::Conflict { .. })), "{other:?}");
}

async fn ranges_are_cut_at_the_end(store: &Store) {
    let key = Key::job_spec("range");
    store.put_new(&key, "0123456789".into()).await.expect("put");
    for (range, expected) in [(0..10, "0123456789"), (2..5, "234"), (9..10, "9"), (8..100, "89")] {
        let (bytes, n_file) = store.read_range(&key, range.clone()).await.expect("get");
        assert_eq!((bytes.as_ref(), n_file), (expected.as_bytes(), 10), "{range:?}");
    }
    assert!(store.read_range(&key, 10..20).await.is_err(), "nothing is there");
}

/// More than the first ranged read holds, in header and in tensors.
fn large_pack() -> Pack {
    let mut builder = Pack::builder().metadata("model", "none");
    for index in 0..500 {
        let values = [index as f32, -0.5, f32::NAN];
        let tensor = Tensor::from_f32(vec![1, 3], &values).expect("3 values");
        builder = builder.add_tensor(&format!("tensor {index}"), tensor);
    }
    let long: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    builder
        .add("long", Dtype::U8, &[100, 1000], &long)
        .add("empty", Dtype::I64, &[0, 4], &[])
        .build()
        .expect("sound")
}

async fn one_tensor_is_read_as_from_the_whole_pack(store: &Store) {
    let small = Pack::builder().add("a", Dtype::F32, &[1], &1.5_f32.to_le_bytes()).build().expect("sound");
    for pack in [small, large_pack()] {
        let stored = store.put_pack(&pack).await.expect("put");
        assert_eq!((stored.digest, stored.n_tensors), (pack.digest(), pack.n_tensors()));
        assert_eq!(store.put_pack(&pack).await.expect("put again"), stored);
        let whole = store.get_pack(stored.digest).await.expect("get");
        assert_eq!(whole.bytes().len() as u64, stored.n_bytes);
        assert_eq!(whole.names().len(), stored.n_tensors);
        for name in whole.names() {
            let alone = store.get_tensor(&TensorRef { pack: stored.digest, name: name.clone() }).await;
            assert_eq!(alone.expect("get"), whole.tensor(&name).expect("is in the pack"));
        }
        let wanted = TensorRef { pack: stored.digest, name: "none".to_owned() };
        assert!(matches!(store.get_tensor(&wanted).await, Err(Error::NoTensor { .. })));
    }
}

async fn a_damaged_pack_never_gives_wrong_tensors(store: &Store) {
    let pack = Pack::builder()
        .add("weights", Dtype::F32, &[2, 3], &[7; 24])
        .add("ids", Dtype::I64, &[2], &[9; 16])
        .build()
        .expect("sound");
    let stored = store.put_pack(&pack).await.expect("put");
    let sound = store.get_pack(stored.digest).await.expect("get");
    let key = Key::tensors(stored.digest);
    // Every byte takes long where every eighth call is made again.
    let step = if is_reliable(store) { 1 } else { 13 };
    for place in (0..sound.bytes().len()).step_by(step) {
        let mut damaged = sound.bytes().to_vec();
        damaged[place] ^= 0x04;
        overwrite(store, &key, damaged.into()).await;
        assert!(matches!(store.get_pack(stored.digest).await, Err(Error::Corrupt { .. })), "byte {place}");
        for name in sound.names() {
            let wanted = TensorRef { pack: stored.digest, name };
            if let Ok(tensor) = store.get_tensor(&wanted).await {
                assert_eq!(tensor, sound.tensor(&wanted.name).expect("is in the pack"), "byte {place}");
            }
        }
    }
    overwrite(store, &key, sound.bytes().slice(..sound.bytes().len() - 1)).await;
    let wanted = TensorRef { pack: stored.digest, name: "ids".to_owned() };
    assert!(matches!(store.get_tensor(&wanted).await, Err(Error::Corrupt { .. })));
    store.put_pack(&pack).await.expect("put over");
    assert_eq!(store.get_tensor(&wanted).await.expect("get"), sound.tensor("ids").expect("is in the pack"));
}

async fn a_large_pack_comes_back_whole(store: &Store) {
    let rows: Vec<u8> = (0..20_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let pack = Pack::builder().add("rows", Dtype::F32, &[5, 1 << 20], &rows).build().expect("sound");
    let stored = store.put_pack(&pack).await.expect("put");
    let whole = store.get_pack(stored.digest).await.expect("get");
    let wanted = TensorRef { pack: stored.digest, name: "rows".to_owned() };
    assert_eq!(store.get_tensor(&wanted).await.expect("get"), whole.tensor("rows").expect("is in the pack"));
    assert_eq!(whole.tensor("rows").expect("is in the pack").bytes().as_ref(), rows.as_slice());
}

async fn listings_are_sorted_and_add_up(store: &Store) {
    for file in ["report.md", "patches/b/x.patch", "patches/a/x.patch"] {
        store.put_json(&Key::job_report("listed", file), &file).await.expect("put");
    }
    let names = store.list_names(&Key::report_prefix("listed")).await.expect("list");
    assert_eq!(names, ["patches/a/x.patch", "patches/b/x.patch", "report.md"]);
    let read: String = store.get_json(&Key::job_report("listed", &names[0])).await.expect("get");
    assert_eq!(read, names[0]);
    assert_eq!(store.list_folders("jobs").await.expect("list"), ["cut", "listed", "once", "range"]);
    assert!(store.list_folders("nothing").await.expect("list").is_empty());
    let all = store.list("").await.expect("list");
    assert!(all.is_sorted());
    let usage = store.usage().await.expect("walk");
    assert_eq!(usage.values().map(|folder| folder.n_objects).sum::<u64>(), all.len() as u64);
    let n_listed: u64 = all.iter().map(|object| object.n_bytes).sum();
    assert_eq!(usage.values().map(|folder| folder.n_bytes).sum::<u64>(), n_listed);
    assert_eq!(usage["tensors"].n_objects, 4);
}

async fn empty_objects_and_odd_names_are_like_others(store: &Store) {
    let long = "long ".repeat(20);
    let names = [
        "",
        " ",
        ".",
        "..",
        "%2F",
        "a b+c&d=e?f#g",
        "grüße-\u{1f600}",
        "tab\there",
        "back\\slash",
        "~",
        &long,
    ];
    for name in names {
        let key = Key::patch("odd", name, "x.patch");
        let put = store.put_new(&key, Bytes::new()).await.expect("put");
        assert!(is_new(store, put), "{put:?} {name:?}");
        assert_eq!(
            store.put_new(&key, Bytes::new()).await.expect("put again"),
            Put::AlreadyThere,
            "{name:?}"
        );
        assert_eq!(store.get(&key).await.expect("get"), "", "{name:?}");
        assert!(store.exists(&key).await.expect("look up"), "{name:?}");
    }
    let listed = store.list(&Key::report_prefix("odd")).await.expect("list");
    let listed: Vec<(&str, u64)> =
        listed.iter().map(|object| (object.key.as_str(), object.n_bytes)).collect();
    let keys = names.map(|name| Key::patch("odd", name, "x.patch"));
    let mut expected: Vec<(&str, u64)> = keys.iter().map(|key| (key.as_str(), 0)).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

async fn listings_of_more_than_a_page_are_whole(store: &Store) {
    const N_FOLDERS: usize = 1100;
    let keys = (0..N_FOLDERS).map(|n| Key::patch("paged", &format!("{n:04}"), "x.patch"));
    let puts = keys.map(|key| async move { store.put_new(&key, "x".into()).await });
    let puts: Vec<_> = futures::stream::iter(puts).buffer_unordered(16).collect().await;
    assert!(puts.iter().all(Result::is_ok), "{:?}", puts.iter().find(|put| put.is_err()));
    let names = store.list_names(&Key::report_prefix("paged")).await.expect("list");
    let expected: Vec<String> = (0..N_FOLDERS).map(|n| format!("patches/{n:04}/x.patch")).collect();
    assert_eq!(names, expected);
    let folder = format!("{}/patches", Key::report_prefix("paged"));
    let folders = store.list_folders(&folder).await.expect("list");
    assert_eq!(folders, (0..N_FOLDERS).map(|n| format!("{n:04}")).collect::<Vec<_>>());
}

/// Whether the store does not fail on purpose.
fn is_reliable(store: &Store) -> bool {
    store.injected_faults().is_none()
}

/// Whether an object may have been new. Where answers are lost, the second try finds what the first one wrote.
fn is_new(store: &Store, put: Put) -> bool {
    put == Put::Created || (!is_reliable(store) && put == Put::AlreadyThere)
}

/// Changes an object behind the store's back.
async fn overwrite(store: &Store, key: &Key, bytes: Bytes) {
    store.backend.put(key.path(), PutPayload::from(bytes)).await.expect("backend takes any bytes");
}
