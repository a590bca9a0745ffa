//! Safetensors in several files, and which form counts where there are several.

use std::collections::BTreeMap;
use std::fs;

use ::safetensors::tensor::{TensorView, serialize};
use ::safetensors::{Dtype, SafeTensors};
use serde_json::json;

use super::*;
use crate::{TORCH_WEIGHTS_FILE, WEIGHTS_FILE, WEIGHTS_INDEX_FILE, names};

const FIRST: &str = "model-00001-of-00002.safetensors";
const SECOND: &str = "model-00002-of-00002.safetensors";

/// The retrieval golden in two shards, with an index beside them that `edit` has changed.
fn sharded(edit: impl Fn(&mut BTreeMap<String, String>)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let bytes = fs::read(golden_path("retrieval", WEIGHTS_FILE)).unwrap();
    let whole = SafeTensors::deserialize(&bytes).unwrap();
    let mut index = BTreeMap::new();
    for (shard, in_shard) in [(FIRST, true), (SECOND, false)] {
        let tensors = whole.iter().filter(|(name, _)| name.contains("layer.0") == in_shard);
        let views: Vec<(&str, TensorView<'_>)> = tensors.collect();
        index.extend(views.iter().map(|(name, _)| ((*name).to_owned(), shard.to_owned())));
        fs::write(dir.path().join(shard), serialize(views, None).unwrap()).unwrap();
    }
    edit(&mut index);
    let index = json!({"metadata": {"total_size": 1}, "weight_map": index});
    fs::write(dir.path().join(WEIGHTS_INDEX_FILE), index.to_string()).unwrap();
    dir
}

fn refused(dir: &tempfile::TempDir) -> String {
    let error = WeightFile::open_dir(dir.path(), &config("retrieval")).unwrap_err();
    assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
    error.to_string()
}

#[test]
fn two_shards_are_the_model_that_they_were_cut_from() {
    let dir = sharded(|_| {});
    let (shards, whole) =
        (WeightFile::open_dir(dir.path(), &config("retrieval")).unwrap(), golden("retrieval", WEIGHTS_FILE));
    assert_eq!(shards.mapped_files().map(|(name, _)| name).collect::<Vec<_>>(), [FIRST, SECOND]);
    assert_eq!(shards.report(), whole.report());
    for name in names::expected(&config("retrieval"), whole.heads()).keys() {
        assert_eq!(shards.f32(name).unwrap(), whole.f32(name).unwrap(), "{name}");
    }
}

#[test]
fn missing_shards_are_all_named() {
    let dir = sharded(|_| {});
    for shard in [FIRST, SECOND] {
        fs::remove_file(dir.path().join(shard)).unwrap();
    }
    assert!(refused(&dir).contains(&format!("its shards are missing: {FIRST}, {SECOND}")));
}

#[test]
fn shards_lie_beside_their_index() {
    for name in [
        "../x.safetensors",
        "/etc/x.safetensors",
        "sub/x.safetensors",
        "..",
        ".x.safetensors",
        "x.bin",
        "",
        "a\\b.safetensors",
    ] {
        let dir = sharded(|index| {
            index.insert("x".to_owned(), name.to_owned());
        });
        let message = refused(&dir);
        assert!(message.contains("not the name of a safetensors file in its own directory"), "{message}");
    }
}

#[test]
fn an_index_must_agree_with_its_shards() {
    let dir = sharded(|index| {
        index.insert("bert.pooler.dense.bias".to_owned(), FIRST.to_owned());
    });
    assert!(
        refused(&dir).contains(&format!("it says that bert.pooler.dense.bias is in {FIRST}, but it is not"))
    );
    let dir = sharded(BTreeMap::clear);
    assert!(refused(&dir).contains("weight_map is empty"));
    fs::write(dir.path().join(WEIGHTS_INDEX_FILE), "[]").unwrap();
    let error = WeightFile::open_dir(dir.path(), &config("retrieval")).unwrap_err();
    assert!(matches!(error, Error::Json { .. }), "{error}");
}

#[test]
fn a_tensor_in_two_shards_is_doubled() {
    let dir = sharded(|_| {});
    let extra = [0_u8; 256];
    let view = TensorView::new(Dtype::F32, vec![64], &extra).unwrap();
    let third = serialize([("bert.pooler.dense.bias", view)], None).unwrap();
    fs::write(dir.path().join("third.safetensors"), third).unwrap();
    let path = dir.path().join(WEIGHTS_INDEX_FILE);
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["weight_map"]["bert.pooler.dense.bias"] = "third.safetensors".into();
    fs::write(path, index.to_string()).unwrap();
    let error = WeightFile::open_dir(dir.path(), &config("retrieval")).unwrap_err().to_string();
    assert!(
        error.contains("bert.pooler.dense.bias is a second, different bert.pooler.dense.bias"),
        "{error}"
    );
}

#[test]
fn of_several_forms_the_first_counts() {
    let dir = sharded(|_| {});
    let opened = || WeightFile::open_dir(dir.path(), &config("retrieval")).unwrap().file_name();
    fs::copy(golden_path("retrieval", TORCH_WEIGHTS_FILE), dir.path().join(TORCH_WEIGHTS_FILE)).unwrap();
    assert_eq!(opened(), WEIGHTS_INDEX_FILE);
    fs::copy(golden_path("retrieval", WEIGHTS_FILE), dir.path().join(WEIGHTS_FILE)).unwrap();
    assert_eq!(opened(), WEIGHTS_FILE);
    for file in [WEIGHTS_FILE, WEIGHTS_INDEX_FILE] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    assert_eq!(opened(), TORCH_WEIGHTS_FILE);
}
