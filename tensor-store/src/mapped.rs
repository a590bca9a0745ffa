//! Packs on the local disk, read without a copy: the file is mapped, and tensors are slices of the mapping.
//!
//! Each file is checked the first time this process reads it, whole packs as a whole and single tensors one by one.
//! What was checked is remembered with the file's device, inode, time and size: a second read costs one `stat`, and a
//! file that was replaced is checked anew. Rot that sets in after the check, in pages that the kernel dropped and reads
//! again, is found by `tensor-store verify` and by the next process.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use schemas::Digest;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::pack::StoredPack;
use crate::pack_header::Header;
use crate::packs::TensorRef;
use crate::stats::Op;
use crate::store::{Store, off_runtime};
use crate::tensor::Tensor;

/// Memory for parsed headers of packs that are kept open. Their files count by address space only.
const HEADER_BYTES: u64 = 128 << 20;
/// Packs kept open; each is a mapping, of which a process may have 65,530.
const MAX_OPEN: usize = 4096;

/// The packs of a store on the local disk that this process has open.
#[derive(Debug)]
pub(crate) struct Mapped {
    root: PathBuf,
    open: Cache<Digest, Arc<OpenPack>, ByHeader>,
}

/// A mapped file, and what of it was checked.
#[derive(Debug)]
struct OpenPack {
    identity: Identity,
    bytes: Bytes,
    header: Arc<Header>,
    is_verified: AtomicBool,
    /// First bytes of the tensors that were checked one by one.
    verified: Mutex<HashSet<usize>>,
}

/// Tells a file from the one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    modified_ns: i128,
    n_bytes: u64,
}

impl From<Metadata> for Identity {
    fn from(file: Metadata) -> Self {
        let modified_ns = i128::from(file.mtime()) * 1_000_000_000 + i128::from(file.mtime_nsec());
        Self { device: file.dev(), inode: file.ino(), modified_ns, n_bytes: file.len() }
    }
}

#[derive(Clone, Debug)]
struct ByHeader;

impl Weighter<Digest, Arc<OpenPack>> for ByHeader {
    /// A parsed header takes some four times its text; at least the share of one of [`MAX_OPEN`].
    fn weight(&self, _: &Digest, pack: &Arc<OpenPack>) -> u64 {
        (4 * pack.header.data_at as u64).max(HEADER_BYTES / MAX_OPEN as u64)
    }
}

impl Mapped {
    pub(crate) fn new(root: PathBuf) -> Self {
        // One shard, so that the longest header fits.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(MAX_OPEN)
            .weight_capacity(HEADER_BYTES)
            .build()
            .expect("all of the options are set");
        let hasher = DefaultHashBuilder::default();
        Self { root, open: Cache::with_options(options, ByHeader, hasher, DefaultLifecycle::default()) }
    }
}

impl Store {
    /// A whole pack as a mapping of its file.
    pub(crate) async fn map_pack(&self, mapped: &Mapped, digest: Digest) -> Result<StoredPack> {
        let _timing = self.counters.time(Op::GetMapped);
        let key = Key::tensors(digest);
        let pack = self.open_pack(mapped, &key, digest).await?;
        if !pack.is_verified.load(Ordering::Acquire) {
            let bytes = pack.bytes.clone();
            if off_runtime(bytes.len(), move || Digest::of(&bytes)).await? != digest {
                return Err(self.corrupt(&key, "digest mismatch"));
            }
            pack.is_verified.store(true, Ordering::Release);
        }
        self.counters.get(pack.bytes.len());
        Ok(StoredPack::new(digest, pack.bytes.clone(), pack.header.clone()))
    }

    /// One tensor of a pack as a slice of the mapped file.
    pub(crate) async fn map_tensor(&self, mapped: &Mapped, wanted: &TensorRef) -> Result<Tensor> {
        let _timing = self.counters.time(Op::GetMapped);
        let key = Key::tensors(wanted.pack);
        let pack = self.open_pack(mapped, &key, wanted.pack).await?;
        let entry = pack.header.entry(&wanted.name).map_err(|reason| self.corrupt(&key, reason))?;
        let missing = || Error::NoTensor { key: key.to_string(), name: wanted.name.clone() };
        let entry = entry.ok_or_else(missing)?;
        let (start, end) = entry.info.data_offsets;
        let bytes = pack.bytes.slice(pack.header.data_at + start..pack.header.data_at + end);
        self.counters.get(bytes.len());
        // Tensors without elements may share their place with another, and cost nothing to check.
        let is_known = pack.is_verified.load(Ordering::Acquire)
            || (start < end && lock(&pack.verified).contains(&start));
        if is_known {
            return Tensor::new(entry.info.dtype, entry.info.shape, bytes);
        }
        let name = wanted.name.clone();
        let tensor = off_runtime(bytes.len(), move || entry.tensor(&name, bytes)).await?;
        let tensor = tensor.map_err(|reason| self.corrupt(&key, reason))?;
        lock(&pack.verified).insert(start);
        Ok(tensor)
    }

    async fn open_pack(&self, mapped: &Mapped, key: &Key, digest: Digest) -> Result<Arc<OpenPack>> {
        let path = mapped.root.join(key.as_str());
        if let Some(pack) = mapped.open.get(&digest) {
            let found = std::fs::metadata(&path).map_err(|error| failed(key, error))?;
            if Identity::from(found) == pack.identity {
                return Ok(pack);
            }
        }
        let open = move || {
            let file = File::open(path)?;
            let identity = Identity::from(file.metadata()?);
            let bytes = if identity.n_bytes == 0 { Bytes::new() } else { crate::map::map(&file)? };
            io::Result::Ok((identity, bytes))
        };
        let (identity, bytes) = off_runtime(usize::MAX, open).await?.map_err(|error| failed(key, error))?;
        let candidate = bytes.clone();
        let header = off_runtime(usize::MAX, move || Header::parse(&candidate)).await?;
        let header = header.map_err(|reason| self.corrupt(key, reason))?;
        if header.file_len() != bytes.len() as u64 {
            let reason = format!("{} bytes where the header says {}", bytes.len(), header.file_len());
            return Err(self.corrupt(key, reason));
        }
        let pack = Arc::new(OpenPack {
            identity,
            bytes,
            header: Arc::new(header),
            is_verified: AtomicBool::new(false),
            verified: Mutex::default(),
        });
        mapped.open.insert(digest, pack.clone());
        Ok(pack)
    }
}

fn failed(key: &Key, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::NotFound { key: key.to_string() };
    }
    Error::backend("map", key, object_store::Error::Generic { store: "local disk", source: Box::new(error) })
}

/// The set is right whenever it is unlocked, whatever a thread that held it died of.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
