//! `ls` and `stat`.

use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use futures::TryStreamExt;
use serde::Serialize;
use tensor_store::{Error, Key, ListedObject, Store, StoredPack, Usage};

use super::{Output, get, size};

/// One object in the output.
#[derive(Serialize)]
struct Listed {
    key: String,
    n_bytes: u64,
    /// When it was written, seconds since 1970.
    modified_s: u64,
}

impl From<ListedObject> for Listed {
    fn from(object: ListedObject) -> Self {
        let modified_s = object.modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { key: object.key, n_bytes: object.n_bytes, modified_s }
    }
}

pub(super) async fn list(store: &Store, prefix: &str, output: &mut Output) -> anyhow::Result<ExitCode> {
    let mut objects = store.walk(prefix.trim_end_matches('/'));
    while let Some(object) = objects.try_next().await? {
        let listed = Listed::from(object);
        output.line(&listed, || format!("{:>12}  {}", listed.n_bytes, listed.key))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn usage(store: &Store, output: &mut Output) -> anyhow::Result<ExitCode> {
    let usages = store.usage().await?;
    if output.json {
        output.line(&usages, String::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut total = Usage::default();
    for (folder, usage) in &usages {
        total.n_objects += usage.n_objects;
        total.n_bytes += usage.n_bytes;
        output.line(&(), || line(folder, *usage))?;
    }
    output.line(&(), || line("total", total))?;
    Ok(ExitCode::SUCCESS)
}

fn line(name: &str, usage: Usage) -> String {
    format!("{name:<12} {:>10} objects {:>12}", usage.n_objects, size(usage.n_bytes))
}

#[derive(Serialize)]
struct PackStat<'a> {
    key: String,
    n_bytes: usize,
    metadata: std::collections::BTreeMap<&'a str, &'a str>,
    tensors: Vec<TensorStat>,
}

#[derive(Serialize)]
struct TensorStat {
    name: String,
    dtype: String,
    shape: Vec<usize>,
}

pub(super) async fn stat(store: &Store, object: &str, output: &mut Output) -> anyhow::Result<ExitCode> {
    if let Some(digest) = get::pack_digest(object) {
        return pack(&store.get_pack(digest).await?, &Key::tensors(digest), output);
    }
    match store.look_up(object).await {
        Ok(found) => {
            let listed = Listed::from(found);
            output.line(&listed, || {
                format!(
                    "{}\n{} bytes, written {} s after 1970",
                    listed.key, listed.n_bytes, listed.modified_s
                )
            })?;
        }
        Err(Error::NotFound { key }) => {
            let objects = store.walk(object).try_fold(Usage::default(), async |sum, object| {
                Ok(Usage { n_objects: sum.n_objects + 1, n_bytes: sum.n_bytes + object.n_bytes })
            });
            let usage = objects.await?;
            (usage.n_objects > 0)
                .then_some(())
                .with_context(|| format!("`{key}` is neither object nor folder"))?;
            output.line(&usage, || line(object, usage))?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn pack(pack: &StoredPack, key: &Key, output: &mut Output) -> anyhow::Result<ExitCode> {
    let tensor = |name: String| {
        let tensor = pack.tensor(&name)?;
        Ok(TensorStat { dtype: format!("{:?}", tensor.dtype()), shape: tensor.shape().to_vec(), name })
    };
    let tensors: Result<Vec<_>, Error> = pack.names().into_iter().map(tensor).collect();
    let stat = PackStat {
        key: key.to_string(),
        n_bytes: pack.bytes().len(),
        metadata: pack.metadata(),
        tensors: tensors?,
    };
    output.line(&stat, || {
        let mut text = format!("{}\n{} bytes, {} tensors", stat.key, stat.n_bytes, stat.tensors.len());
        stat.metadata.iter().for_each(|(name, value)| text += &format!("\n{name} = {value}"));
        stat.tensors.iter().for_each(|t| text += &format!("\n{:<5} {:?}  {}", t.dtype, t.shape, t.name));
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
