//! The header of a tensor pack: a safetensors header whose `__metadata__` also proves each tensor alone.
//!
//! A ranged read cannot check the digest of the whole file, so for each tensor the metadata holds
//! `blake3.<name>`: the BLAKE3 of its name, dtype, shape and bytes. The safetensors crate writes metadata in the
//! order of a hash map; here the order is fixed, so that the same tensors give the same file.

use std::collections::BTreeMap;

use safetensors::tensor::{Metadata, TensorInfo};
use schemas::Digest;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::tensor::Tensor;

/// Bytes in front of the header: its length, u64 little endian.
pub(crate) const LENGTH_BYTES: usize = 8;

/// The longest header that is written or read: a hundred thousand tensors.
pub(crate) const MAX_HEADER: usize = 32 << 20;

const DIGEST_PREFIX: &str = "blake3.";

/// Where a tensor is and what proves it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) info: TensorInfo,
    digest: String,
}

/// A parsed header.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    metadata: Metadata,
    /// First byte of the tensors.
    pub(crate) data_at: usize,
}

impl Header {
    /// Parses the header at the start of a file.
    ///
    /// `bytes`: the file up to the end of the header or further.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let data_at = data_start(bytes)?;
        let text = bytes.get(LENGTH_BYTES..data_at).ok_or("shorter than its header")?;
        let metadata = serde_json::from_slice(text).map_err(|error| format!("header: {error}"))?;
        Ok(Self { metadata, data_at })
    }

    /// Length of the whole file.
    pub(crate) fn file_len(&self) -> u64 {
        (self.data_at + self.metadata.data_len()) as u64
    }

    /// Names in the order of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// The values that the writer gave, without the digests.
    pub(crate) fn metadata(&self) -> BTreeMap<&str, &str> {
        let pairs = self.metadata.metadata().iter().flatten();
        let own = pairs.filter(|(name, _)| !name.starts_with(DIGEST_PREFIX));
        own.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Where the tensor is; `None` if there is none of that name.
    pub(crate) fn entry(&self, name: &str) -> Result<Option<Entry>, String> {
        let Some(info) = self.metadata.info(name) else { return Ok(None) };
        let digests = self.metadata.metadata().as_ref();
        let digest = digests.and_then(|pairs| pairs.get(&format!("{DIGEST_PREFIX}{name}")));
        let digest = digest.ok_or_else(|| format!("no digest of tensor `{name}`"))?;
        Ok(Some(Entry { info: info.clone(), digest: digest.clone() }))
    }
}

impl Entry {
    /// Makes the tensor out of its bytes, if they are what was written.
    pub(crate) fn tensor(self, name: &str, bytes: bytes::Bytes) -> Result<Tensor, String> {
        let tensor =
            Tensor::new(self.info.dtype, self.info.shape, bytes).map_err(|error| error.to_string())?;
        if digest_of(name, &tensor).to_string() != self.digest {
            return Err(format!("digest mismatch of tensor `{name}`"));
        }
        Ok(tensor)
    }
}

/// First byte behind the header, from the length in front of it.
pub(crate) fn data_start(bytes: &[u8]) -> Result<usize, String> {
    let length = bytes.first_chunk::<LENGTH_BYTES>().ok_or("no header")?;
    let n_header = u64::from_le_bytes(*length);
    match usize::try_from(n_header) {
        Ok(n_header) if n_header <= MAX_HEADER => Ok(LENGTH_BYTES + n_header),
        _ => Err(format!("header of {n_header} bytes, at most {MAX_HEADER} are read")),
    }
}

/// Renders length and header of a file with `tensors` in this order.
pub(crate) fn render(
    tensors: &[(String, Tensor)],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, String> {
    let mut metadata = metadata.clone();
    for (name, tensor) in tensors {
        metadata.insert(format!("{DIGEST_PREFIX}{name}"), digest_of(name, tensor).to_string());
    }
    let mut text = serde_json::to_vec(&Rendered { tensors, metadata }).map_err(|error| error.to_string())?;
    // Readers map the file: the tensors start at a multiple of 8.
    text.resize(text.len().next_multiple_of(8), b' ');
    if text.len() > MAX_HEADER {
        return Err(format!("header of {} bytes, at most {MAX_HEADER} are written", text.len()));
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    Ok(bytes)
}

/// Digest of one tensor: every part that a reader relies on, each with its length where it has one.
fn digest_of(name: &str, tensor: &Tensor) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"nightmend tensor 1\0");
    let dtype = format!("{:?}", tensor.dtype());
    for text in [name, &dtype] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(&(tensor.shape().len() as u64).to_le_bytes());
    for &n in tensor.shape() {
        hasher.update(&(n as u64).to_le_bytes());
    }
    hasher.update(tensor.bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

struct Rendered<'a> {
    tensors: &'a [(String, Tensor)],
    metadata: BTreeMap<String, String>,
}

impl Serialize for Rendered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.tensors.len()))?;
        map.serialize_entry("__metadata__", &self.metadata)?;
        let mut start = 0;
        for (name, tensor) in self.tensors {
            let end = start + tensor.bytes().len();
            let info = TensorInfo {
                dtype: tensor.dtype(),
                shape: tensor.shape().to_vec(),
                data_offsets: (start, end),
            };
            map.serialize_entry(name, &info)?;
            start = end;
        }
        map.end()
    }
}
