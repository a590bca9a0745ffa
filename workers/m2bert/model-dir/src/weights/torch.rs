//! `pytorch_model.bin`: a zip archive of one pickle, which describes the tensors, and one entry for
//! the elements of each storage.

use std::path::Path;

use super::checkpoint::{Stored, Tensors};
use super::elements;
use super::pickle::{self, Storage, Tensor, quoted};
use super::zip::{self, Entries};
use crate::Error;

/// The description of a state dict of some hundred tensors takes 100 kB. Reading it can take up to a
/// hundred times its size of memory, so there must be a limit.
pub(super) const MAX_PICKLE_LEN: usize = 1 << 20;

/// The tensors of a file that `torch.save` wrote.
///
/// # Errors
/// [`Error::Checkpoint`] if it is not a plain state dict, or the archive lacks what that speaks of.
pub(super) fn read(path: &Path, file: &[u8]) -> Result<Tensors, Error> {
    tensors(file).map_err(|reason| Error::Checkpoint { path: path.to_owned(), reason })
}

fn tensors(file: &[u8]) -> Result<Tensors, String> {
    check_signature(file)?;
    let entries = zip::entries(file)?;
    let folder = folder(&entries)?;
    if let Some(order) = entries.get(format!("{folder}/byteorder").as_str())
        && !file[order.clone()].starts_with(b"little")
    {
        return Err("it was saved on a machine of another byte order".to_owned());
    }
    let pickle = &file[entries[format!("{folder}/data.pkl").as_str()].clone()];
    if pickle.len() > MAX_PICKLE_LEN {
        return Err(format!("its data.pkl has {} bytes, more than {MAX_PICKLE_LEN}", pickle.len()));
    }
    let in_pickle = |reason| format!("in its data.pkl, {reason}");
    let mut tensors = Tensors::new();
    for (name, tensor) in pickle::state_dict(pickle).map_err(in_pickle)? {
        let stored =
            locate(&entries, folder, &tensor).map_err(|reason| format!("{} {reason}", quoted(name)))?;
        tensors.insert(name.to_owned(), stored);
    }
    Ok(tensors)
}

fn check_signature(file: &[u8]) -> Result<(), String> {
    if file.starts_with(b"PK\x03\x04") {
        return Ok(());
    }
    // A pickle of the number that older versions began their files with.
    if file.starts_with(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") {
        let advice = "load it with a newer PyTorch and save it again";
        return Err(format!("it is in the format that PyTorch wrote before 1.6; {advice}"));
    }
    Err("it is not a zip archive, which `torch.save` writes since PyTorch 1.6".to_owned())
}

/// The one folder that everything is in, named after the file when it was saved.
fn folder<'a>(entries: &Entries<'a>) -> Result<&'a str, String> {
    let folders = entries.keys().filter_map(|name| name.strip_suffix("/data.pkl"));
    let mut folders = folders.filter(|folder| !folder.contains('/'));
    match (folders.next(), folders.next()) {
        (Some(folder), None) => Ok(folder),
        (None, _) => Err("it is a zip archive without a data.pkl".to_owned()),
        (Some(_), Some(_)) => Err("it has more than one data.pkl".to_owned()),
    }
}

/// Where in the file a tensor lies; all of it within its storage, and its storage within its entry.
fn locate(entries: &Entries<'_>, folder: &str, tensor: &Tensor<'_>) -> Result<Stored, String> {
    let Storage { dtype, key, n_elements } = tensor.storage;
    let entry = entries.get(format!("{folder}/data/{key}").as_str());
    let entry = entry.ok_or_else(|| format!("is stored in data/{}, which is missing", key.escape_debug()))?;
    let element_len = dtype.bitsize() / 8;
    if n_elements.checked_mul(element_len).is_none_or(|len| len > entry.len()) {
        let len = entry.len();
        return Err(format!(
            "is stored in {n_elements} elements of type {dtype:?}, but data/{key} has {len} bytes"
        ));
    }
    let (shape, strides) = (&tensor.shape, &tensor.strides);
    // A view that repeats elements could be of any size, whatever the size of the file.
    if elements::count(shape).is_none_or(|n| n > n_elements) {
        return Err(format!("has shape {shape:?}, more than the {n_elements} elements of its storage"));
    }
    let end = elements::extent(shape, strides).and_then(|extent| extent.checked_add(tensor.offset));
    let Some(end) = end.filter(|end| *end <= n_elements) else {
        let offset = tensor.offset;
        return Err(format!(
            "starts at {offset} with shape {shape:?} and strides {strides:?}, beyond the {n_elements} elements of its storage"
        ));
    };
    let bytes = entry.start + tensor.offset * element_len..entry.start + end * element_len;
    let strides = (!elements::is_contiguous(shape, strides)).then(|| strides.clone());
    Ok(Stored { file: 0, dtype, shape: shape.clone(), bytes, strides })
}
