//! `model.safetensors.index.json`: which of several safetensors files each tensor is in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::checkpoint::Checkpoint;
use super::safetensors;
use crate::Error;
use crate::card::is_plain_name;

/// What the file says. Its `metadata` is for people.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens the shards that an index names, which lie beside it.
///
/// # Errors
/// [`Error::Json`] if it is not an index, [`Error::Checkpoint`] if a shard is missing or elsewhere, or lacks a
/// tensor that the index says it has; those of the shards.
pub(super) fn open(path: &Path) -> Result<Checkpoint, Error> {
    let text = std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        _ => Error::Io { path: path.to_owned(), source },
    })?;
    let index: Index =
        serde_json::from_slice(&text).map_err(|source| Error::Json { path: path.to_owned(), source })?;
    let unusable = |reason| Error::Checkpoint { path: path.to_owned(), reason };
    let shards: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    check_names(path, &shards).map_err(unusable)?;
    let mut checkpoint = Checkpoint { files: Vec::new(), tensors: Vec::new() };
    for shard in &shards {
        checkpoint.add(&path.with_file_name(shard), safetensors::read)?;
    }
    let stored: BTreeSet<(&str, &str)> = checkpoint
        .tensors
        .iter()
        .map(|(name, stored)| (name.as_str(), checkpoint.files[stored.file].name.as_str()))
        .collect();
    let absent =
        index.weight_map.iter().find(|(name, shard)| !stored.contains(&(name.as_str(), shard.as_str())));
    if let Some((name, shard)) = absent {
        return Err(unusable(format!("it says that {name} is in {shard}, but it is not")));
    }
    Ok(checkpoint)
}

/// Shards lie beside the index under plain names, and are all there.
fn check_names(index: &Path, shards: &BTreeSet<&str>) -> Result<(), String> {
    if shards.is_empty() {
        return Err("its weight_map is empty".to_owned());
    }
    if let Some(shard) = shards.iter().find(|shard| !is_plain_name(shard) || !shard.ends_with(".safetensors"))
    {
        return Err(format!("{shard:?} is not the name of a safetensors file in its own directory"));
    }
    let missing: Vec<&str> =
        shards.iter().copied().filter(|shard| !index.with_file_name(shard).is_file()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("its shards are missing: {}", missing.join(", "))) }
}
