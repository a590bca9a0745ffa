//! `get`: an object, a pack or a tensor into a file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use schemas::Digest;
use tensor_store::{Key, Pack, Store, TensorRef};

use super::npy;

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
pub(super) struct Get {
    /// A key (`jobs/job_1/spec`), the digest of a tensor pack, or digest and name of a tensor: `4f1a…#name`.
    #[arg(value_name = "KEY|PACK[#TENSOR]")]
    object: String,
    /// Where to: a tensor becomes `.npy` or a `.safetensors` of its own, everything else the bytes that are stored;
    /// `-` is standard output. A file that is there is replaced, once all of the new one is written.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The digest, if `text` names a tensor pack: `<digest>` or `tensors/<digest>.safetensors`.
pub(super) fn pack_digest(text: &str) -> Option<Digest> {
    let name =
        text.strip_prefix("tensors/").and_then(|name| name.strip_suffix(".safetensors")).unwrap_or(text);
    name.parse().ok()
}

pub(super) async fn run(store: &Store, get: &Get) -> anyhow::Result<ExitCode> {
    let bytes = match get.object.split_once('#') {
        Some((pack, name)) => {
            let pack =
                pack_digest(pack).with_context(|| format!("`{pack}` is no digest of a tensor pack"))?;
            tensor(store, TensorRef { pack, name: name.to_owned() }, &get.out).await?
        }
        None => match pack_digest(&get.object) {
            Some(digest) => store.get_pack(digest).await?.bytes().to_vec(),
            None => store.get(&Key::listed(&get.object)).await?.to_vec(),
        },
    };
    write(&get.out, &bytes).with_context(|| format!("cannot write `{}`", get.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn tensor(store: &Store, wanted: TensorRef, out: &Path) -> anyhow::Result<Vec<u8>> {
    let extension = out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !matches!(extension, "npy" | "safetensors") {
        bail!("a tensor becomes `.npy` or `.safetensors`; `{}` is neither", out.display());
    }
    let tensor = store.get_tensor(&wanted).await?;
    match extension {
        "npy" => npy::file(&tensor),
        _ => Ok(Pack::builder().add_tensor(&wanted.name, tensor).build()?.to_bytes()),
    }
}

fn write(out: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if out == Path::new("-") {
        return Ok(std::io::stdout().write_all(bytes)?);
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut staged = tempfile::NamedTempFile::new_in(folder)?;
    staged.write_all(bytes)?;
    staged.persist(out)?;
    Ok(())
}
