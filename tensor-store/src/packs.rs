//! Tensor packs in the store: put, read whole, read one tensor by range.

use std::ops::Range;

use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectStore};
use schemas::Digest;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::pack::{Pack, StoredPack};
use crate::pack_header::{self, Header};
use crate::store::{Store, off_runtime};
use crate::tensor::Tensor;

/// Read first when one tensor is wanted: the header of a pack of a batch with room to spare.
const HEAD_BYTES: u64 = 64 << 10;

/// A stored pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackRef {
    /// BLAKE3 of the file: its key.
    pub digest: Digest,
    /// How many tensors it holds.
    pub n_tensors: usize,
    /// Length of the file.
    pub n_bytes: u64,
}

/// One tensor of a stored pack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorRef {
    /// The pack.
    pub pack: Digest,
    /// The name of the tensor in it.
    pub name: String,
}

impl Store {
    /// Stores a pack under the digest of its file.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn put_pack(&self, pack: &Pack) -> Result<PackRef> {
        self.create(&Key::tensors(pack.digest()), pack.payload()).await?;
        Ok(PackRef { digest: pack.digest(), n_tensors: pack.n_tensors(), n_bytes: pack.n_bytes() })
    }

    /// Reads a whole pack and checks its digest.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`] or [`Error::Backend`].
    pub async fn get_pack(&self, digest: Digest) -> Result<StoredPack> {
        let key = Key::tensors(digest);
        let bytes = self.get(&key).await?;
        StoredPack::parse(digest, bytes).map_err(|reason| self.corrupt(&key, reason))
    }

    /// Reads one tensor of a pack: the header, then the tensor's own bytes, checked against the tensor's own digest.
    ///
    /// # Errors
    /// [`Error::NotFound`] (no such pack), [`Error::NoTensor`] (not in this pack), [`Error::Corrupt`] or
    /// [`Error::Backend`].
    pub async fn get_tensor(&self, wanted: &TensorRef) -> Result<Tensor> {
        let key = Key::tensors(wanted.pack);
        let (head, n_file) = self.read_range(&key, 0..HEAD_BYTES).await?;
        let (head, header) = self.read_header(&key, head, n_file).await?;
        let entry = header.entry(&wanted.name).map_err(|reason| self.corrupt(&key, reason))?;
        let Some(entry) = entry else {
            return Err(Error::NoTensor { key: key.to_string(), name: wanted.name.clone() });
        };
        let (start, end) = entry.info.data_offsets;
        let range = header.data_at + start..header.data_at + end;
        let bytes = self.read_rest(&key, &head, range).await?;
        let name = wanted.name.clone();
        let tensor = off_runtime(bytes.len(), move || entry.tensor(&name, bytes)).await?;
        tensor.map_err(|reason| self.corrupt(&key, reason))
    }

    /// Parses the header, reading on if it is longer than `head`. Returns all that was read of the file so far.
    async fn read_header(&self, key: &Key, head: Bytes, n_file: u64) -> Result<(Bytes, Header)> {
        let data_at = pack_header::data_start(&head).map_err(|reason| self.corrupt(key, reason))?;
        let mut head = head;
        if data_at > head.len() && head.len() as u64 == HEAD_BYTES {
            head = self.read_range(key, 0..data_at as u64).await?.0;
        }
        let header = Header::parse(&head).map_err(|reason| self.corrupt(key, reason))?;
        if header.file_len() != n_file {
            let reason = format!("{n_file} bytes where the header says {}", header.file_len());
            return Err(self.corrupt(key, reason));
        }
        Ok((head, header))
    }

    /// The bytes of `range`, out of `head` if they are there.
    async fn read_rest(&self, key: &Key, head: &Bytes, range: Range<usize>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if range.end <= head.len() {
            return Ok(head.slice(range));
        }
        let n_wanted = range.len();
        let (bytes, _) = self.read_range(key, range.start as u64..range.end as u64).await?;
        if bytes.len() != n_wanted {
            return Err(self.corrupt(key, format!("{} bytes where {n_wanted} are expected", bytes.len())));
        }
        Ok(bytes)
    }

    /// Reads a range, cut at the end of the object, and the length of the whole object.
    pub(crate) async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<(Bytes, u64)> {
        let failed = |error| Error::backend("get", key, error);
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.backend.get_opts(key.path(), options).await.map_err(failed)?;
        let n_file = found.meta.size;
        let bytes = found.bytes().await.map_err(failed)?;
        self.counters.get(bytes.len());
        Ok((bytes, n_file))
    }
}
