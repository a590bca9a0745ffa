//! A tensor pack: many tensors in one object, as a safetensors file.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use object_store::PutPayload;
use schemas::Digest;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::pack_header::{self, Header};
use crate::tensor::{Dtype, Tensor};

/// Metadata key of the version of what this crate adds to a safetensors file.
const VERSION_KEY: &str = "nightmend.pack";
const VERSION: &str = "1";

/// Collects the tensors of a pack.
#[derive(Debug, Default)]
pub struct PackBuilder {
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
    /// The first thing that was wrong with a call; told by [`PackBuilder::build`].
    refused: Option<Error>,
}

/// A finished pack, ready to be stored. The tensors' bytes are shared, not copied.
#[derive(Clone, Debug)]
pub struct Pack {
    pub(crate) segments: Vec<Bytes>,
    digest: Digest,
    n_tensors: usize,
}

/// A pack that was read whole and checked.
#[derive(Clone, Debug)]
pub struct StoredPack {
    digest: Digest,
    bytes: Bytes,
    header: Arc<Header>,
}

impl PackBuilder {
    /// Adds a tensor from a copy of its bytes: `shape` elements of `dtype`, row-major, little endian.
    #[must_use]
    pub fn add(mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Self {
        match Tensor::new(dtype, shape.to_vec(), Bytes::copy_from_slice(bytes)) {
            Ok(tensor) => self.add_tensor(name, tensor),
            Err(Error::Encode { reason, .. }) => self.refuse(name, &reason),
            Err(error) => {
                self.refused.get_or_insert(error);
                self
            }
        }
    }

    /// Adds a tensor without a copy. Names are unique within a pack.
    #[must_use]
    pub fn add_tensor(mut self, name: &str, tensor: Tensor) -> Self {
        if name == "__metadata__" {
            return self.refuse(name, "the name is reserved");
        }
        match self.tensors.insert(name.to_owned(), tensor) {
            None => self,
            Some(_) => self.refuse(name, "the name is used twice"),
        }
    }

    fn refuse(mut self, name: &str, reason: &str) -> Self {
        self.refused.get_or_insert_with(|| Error::encode(format!("tensor `{name}`"), reason));
        self
    }

    /// Adds an entry to the file's `__metadata__`, such as the digest of the model.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Lays the file out and computes its digest. The order of the calls does not matter: widest elements first,
    /// then by name. Hashes every byte twice (per tensor and whole), so large packs belong on a blocking thread.
    ///
    /// # Errors
    /// [`Error::Encode`] for a tensor whose bytes do not fit its shape, a name that is used twice or reserved, or a
    /// header that is too long.
    pub fn build(mut self) -> Result<Pack> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        self.metadata.insert(VERSION_KEY.to_owned(), VERSION.to_owned());
        let mut tensors: Vec<(String, Tensor)> = self.tensors.into_iter().collect();
        // Stable: tensors of one type stay sorted by name.
        tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype()));
        let header = pack_header::render(&tensors, &self.metadata)
            .map_err(|reason| Error::encode("tensor pack", reason))?;
        Ok(Pack::assemble(header, tensors))
    }
}

impl Pack {
    /// Starts an empty pack.
    #[must_use]
    pub fn builder() -> PackBuilder {
        PackBuilder::default()
    }

    /// BLAKE3 of the whole file: its key.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many tensors it holds.
    #[must_use]
    pub fn n_tensors(&self) -> usize {
        self.n_tensors
    }

    /// Length of the file.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len() as u64).sum()
    }

    /// A copy of the whole file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.segments.concat()
    }

    pub(crate) fn payload(&self) -> PutPayload {
        self.segments.iter().cloned().collect()
    }

    fn assemble(header: Vec<u8>, tensors: Vec<(String, Tensor)>) -> Self {
        let n_tensors = tensors.len();
        let mut segments = vec![Bytes::from(header)];
        segments.extend(tensors.into_iter().map(|(_, tensor)| tensor.bytes().clone()));
        let mut hasher = blake3::Hasher::new();
        for segment in &segments {
            hasher.update(segment);
        }
        Self { segments, digest: Digest::from_bytes(*hasher.finalize().as_bytes()), n_tensors }
    }
}

impl StoredPack {
    /// Parses a file whose digest was checked.
    pub(crate) fn parse(digest: Digest, bytes: Bytes) -> Result<Self, String> {
        let header = Header::parse(&bytes)?;
        if header.file_len() != bytes.len() as u64 {
            return Err(format!("{} bytes where the header says {}", bytes.len(), header.file_len()));
        }
        Ok(Self::new(digest, bytes, Arc::new(header)))
    }

    /// A file whose digest was checked, with the header that was read from it.
    pub(crate) fn new(digest: Digest, bytes: Bytes, header: Arc<Header>) -> Self {
        Self { digest, bytes, header }
    }

    /// The names of the tensors, in the order of the file.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.header.names()
    }

    /// What the writer put into `__metadata__`, and the version of the pack.
    #[must_use]
    pub fn metadata(&self) -> BTreeMap<&str, &str> {
        self.header.metadata()
    }

    /// One tensor, without a copy.
    ///
    /// # Errors
    /// [`Error::NoTensor`] if there is none of that name, [`Error::Corrupt`] if the file is not one of ours.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let entry = self.header.entry(name).map_err(|reason| Error::corrupt(self.key(), reason))?;
        let missing = || Error::NoTensor { key: self.key().to_string(), name: name.to_owned() };
        let entry = entry.ok_or_else(missing)?;
        let (start, end) = entry.info.data_offsets;
        let bytes = self.bytes.slice(self.header.data_at + start..self.header.data_at + end);
        Tensor::new(entry.info.dtype, entry.info.shape, bytes)
    }

    fn key(&self) -> Key {
        Key::tensors(self.digest)
    }

    /// The whole file, as any safetensors reader takes it.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(pack: &Pack) -> Vec<u8> {
        pack.segments.concat()
    }

    #[test]
    fn the_order_of_adding_does_not_matter() {
        let wide = Tensor::new(Dtype::I64, vec![1], Bytes::from_static(&[1; 8])).unwrap();
        let small = Tensor::from_f32(vec![2], &[1.0, 2.0]).unwrap();
        let there = Pack::builder()
            .add_tensor("a", small.clone())
            .add_tensor("z", wide.clone())
            .metadata("m", "1")
            .metadata("k", "2");
        let back = Pack::builder()
            .metadata("k", "2")
            .add_tensor("z", wide)
            .metadata("m", "1")
            .add_tensor("a", small);
        assert_eq!(file(&there.build().unwrap()), file(&back.build().unwrap()));
    }

    #[test]
    fn names_that_clash_are_refused() {
        let tensor = Tensor::from_f32(vec![1], &[1.0]).unwrap();
        assert!(
            Pack::builder().add_tensor("a", tensor.clone()).add_tensor("a", tensor.clone()).build().is_err()
        );
        assert!(Pack::builder().add_tensor("__metadata__", tensor).build().is_err());
    }

    #[test]
    fn an_empty_pack_is_a_file_too() {
        let pack = Pack::builder().build().unwrap();
        assert!(StoredPack::parse(pack.digest(), file(&pack).into()).unwrap().names().is_empty());
    }

    proptest! {
        #[test]
        fn the_safetensors_crate_reads_what_was_packed(
            tensors in prop::collection::btree_map("[a-zA-Z0-9/. \"é]{1,12}", prop::collection::vec(any::<f32>(), 0..16), 0..8)
        ) {
            let mut builder = Pack::builder().metadata("model", "none");
            for (name, values) in &tensors {
                builder = builder.add_tensor(name, Tensor::from_f32(vec![values.len()], values).unwrap());
            }
            let pack = builder.build().unwrap();
            let bytes = file(&pack);
            prop_assert_eq!(pack.digest(), Digest::of(&bytes));
            let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            prop_assert_eq!(read.len(), tensors.len());
            let stored = StoredPack::parse(pack.digest(), bytes.clone().into()).unwrap();
            for (name, values) in &tensors {
                let expected: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                prop_assert_eq!(read.tensor(name).unwrap().data(), expected.as_slice());
                let tensor = stored.tensor(name).unwrap();
                prop_assert_eq!(tensor.bytes().as_ref(), expected.as_slice());
            }
        }
    }
}
