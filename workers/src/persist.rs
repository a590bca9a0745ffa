//! Makes a batch durable: tensors first, then the result that names them. The result is what says that the batch is
//! done; its key is the batch, so doing a batch twice writes the same object.

use std::collections::BTreeMap;

use schemas::Digest;
use schemas::messages::{BatchReady, BatchStats};
use schemas::result::{BatchResult, ChunkRef};
use tensor_store::{Dtype, Key, Pack, Store};

use crate::error::StageError;
use crate::fetch::Recipe;
use crate::infer::Encoded;

/// Whether the result of a batch is stored already; if so, what is known of it.
pub(crate) async fn result_is_there(
    store: &Store,
    batch: &BatchReady,
) -> Result<Option<BatchStats>, StageError> {
    let key = Key::results(batch.batch.digest());
    let error = |source| StageError::Store { what: "look for an earlier result", source };
    if !store.exists(&key).await.map_err(error)? {
        return Ok(None);
    }
    match store.get_sealed::<BatchResult>(&key).await {
        Ok(result) if result.batch == batch.batch && result.pipeline == batch.pipeline => {
            let stats = BatchStats {
                n_files: result.files.len() as u64,
                n_findings: result.n_findings(),
                ..BatchStats::default()
            };
            Ok(Some(stats))
        }
        // Damaged, or of another batch: worth nothing, made anew.
        Ok(_) => Ok(None),
        Err(tensor_store::Error::Corrupt { .. }) => Ok(None),
        Err(source) => Err(error(source)),
    }
}

/// Those of the windows whose pack is in the store: vectors that were cleaned up are computed anew.
pub(crate) async fn stored(store: &Store, chunks: Vec<ChunkRef>) -> Result<Vec<ChunkRef>, StageError> {
    let mut packs: BTreeMap<Digest, bool> = chunks.iter().map(|chunk| (chunk.pack, false)).collect();
    for (pack, is_there) in &mut packs {
        *is_there = store
            .has_pack(*pack)
            .await
            .map_err(|source| StageError::Store { what: "look for earlier tensors", source })?;
    }
    Ok(chunks.into_iter().filter(|chunk| packs[&chunk.pack]).collect())
}

/// Stores the vectors of a batch as one pack: `<chunk>.sentence_embedding` and `<chunk>.mean_hidden_state`, each f32
/// `[D]`.
pub(crate) async fn tensors(
    store: &Store,
    recipe: &Recipe,
    encoded: &Encoded,
) -> Result<Option<Digest>, StageError> {
    let Some(model) = recipe.model.as_ref().filter(|_| !encoded.chunks.is_empty()) else { return Ok(None) };
    let mut pack =
        Pack::builder().metadata("model", model.digest.to_string()).metadata("dtype", model.dtype.name());
    for (chunk, vectors) in &encoded.chunks {
        for (name, values) in
            [("sentence_embedding", &vectors.sentence), ("mean_hidden_state", &vectors.mean)]
        {
            pack = pack.add(&format!("{chunk}.{name}"), Dtype::F32, &[values.len()], &bytes_of(values));
        }
    }
    let error = |source| StageError::Store { what: "store the tensors", source };
    let stored = store.put_pack(&pack.build().map_err(error)?).await.map_err(error)?;
    Ok(Some(stored.digest))
}

/// Little-endian, as safetensors has it.
fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Stores the result of a batch.
pub(crate) async fn result(store: &Store, result: &BatchResult) -> Result<(), StageError> {
    store
        .put_sealed(&Key::results(result.batch.digest()), result)
        .await
        .map(drop)
        .map_err(|source| StageError::Store { what: "store the result", source })
}
