//! `model.safetensors`: a header in JSON, and the elements behind it.

use std::path::Path;

use safetensors::SafeTensors;

use super::checkpoint::{Stored, Tensors};
use crate::Error;

/// The tensors of a safetensors file.
///
/// # Errors
/// [`Error::Safetensors`] if its header is broken or does not fit its length.
pub(super) fn read(path: &Path, file: &[u8]) -> Result<Tensors, Error> {
    let invalid = |source| Error::Safetensors { path: path.to_owned(), source };
    let (header_len, header) = SafeTensors::read_metadata(file).map_err(invalid)?;
    let data_start = size_of::<u64>() + header_len;
    let stored = |info: &safetensors::tensor::TensorInfo| Stored {
        file: 0,
        dtype: info.dtype,
        shape: info.shape.clone(),
        bytes: data_start + info.data_offsets.0..data_start + info.data_offsets.1,
        strides: None,
    };
    Ok(header.tensors().into_iter().map(|(name, info)| (name, stored(info))).collect())
}
