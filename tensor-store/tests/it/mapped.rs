//! Packs of a local store are mapped: no copy, and no tensor that was not checked.

use std::fs;

use tensor_store::{Dtype, Error, Key, Pack, TensorRef};

use crate::{local, path_of};

fn pack(byte: u8) -> Pack {
    let builder = Pack::builder().add("first", Dtype::U8, &[100_000], &vec![byte; 100_000]);
    builder.add("second", Dtype::U8, &[3], &[1, 2, byte]).build().unwrap()
}

#[tokio::test]
async fn readers_of_a_pack_share_one_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    let digest = store.put_pack(&pack(7)).await.unwrap().digest;
    let whole = store.get_pack(digest).await.unwrap();
    let tensor = store.get_tensor(&TensorRef { pack: digest, name: "first".to_owned() }).await.unwrap();
    assert_eq!(tensor.bytes().as_ptr(), whole.tensor("first").unwrap().bytes().as_ptr());
    assert!(whole.bytes().as_ptr_range().contains(&tensor.bytes().as_ptr()));
}

#[tokio::test]
async fn what_was_read_stays_readable_after_the_file_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    let digest = store.put_pack(&pack(7)).await.unwrap().digest;
    let whole = store.get_pack(digest).await.unwrap();
    fs::remove_file(path_of(&folder, &Key::tensors(digest))).unwrap();
    assert_eq!(whole.tensor("second").unwrap().bytes().as_ref(), [1, 2, 7]);
    assert!(matches!(store.get_pack(digest).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_file_in_the_place_of_a_checked_one_is_checked_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    let (good, other) = (pack(7), pack(8));
    let digest = store.put_pack(&good).await.unwrap().digest;
    let other = store.put_pack(&other).await.unwrap().digest;
    let first = TensorRef { pack: digest, name: "first".to_owned() };
    store.get_pack(digest).await.unwrap();
    store.get_tensor(&first).await.unwrap();

    let path = path_of(&folder, &Key::tensors(digest));
    let whole = fs::read(&path).unwrap();
    // Sound tensors, but not of this pack: only the digest of the whole tells.
    fs::rename(path_of(&folder, &Key::tensors(other)), &path).unwrap();
    assert!(matches!(store.get_pack(digest).await, Err(Error::Corrupt { .. })));

    let mut rotten = whole.clone();
    *rotten.iter_mut().rfind(|byte| **byte == 7).unwrap() ^= 1;
    rotten[whole.len() - 50_000] ^= 1;
    for (bytes, is_sound) in [(&rotten, false), (&whole, true)] {
        let staged = folder.path().join("staged");
        fs::write(&staged, bytes).unwrap();
        fs::rename(&staged, &path).unwrap();
        assert_eq!(store.get_tensor(&first).await.is_ok(), is_sound);
        assert_eq!(store.get_pack(digest).await.is_ok(), is_sound);
    }
}
