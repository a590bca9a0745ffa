//! A cache in front of a store: what was read and checked stays in memory, and on a disk of this machine.
//!
//! It holds what is named by a digest, which never changes: blobs, whole packs, single tensors. Each of the two tiers
//! is bounded in bytes and drops what is used least. A key is loaded once, however many ask for it at the same time.
//! A file of the disk tier is checked whenever it is read, and one that fails is a miss. Packs of a local store that
//! are mapped go past both tiers: for them the system keeps pages.

mod disk;

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::sync::Cache as Map;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use crate::error::Result;
use crate::key::Key;
use crate::pack::Pack;
use crate::packs::TensorRef;
use crate::stats::{Counters, Op};
use crate::store::Store;
use crate::tensor::Tensor;

pub(crate) use disk::Disk;

/// What memory an entry takes beside its bytes: names, shapes, the map.
const OVERHEAD: u64 = 256;

/// What is cached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Blob(Key),
    Tensor(TensorRef),
}

/// What was read and checked.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Blob(Bytes),
    Tensor(Tensor),
}

/// Both tiers.
#[derive(Debug)]
pub(crate) struct Cache {
    memory: Map<Name, Entry, ByBytes, DefaultHashBuilder, Evictions>,
    disk: Option<Disk>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Name, Entry> for ByBytes {
    fn weight(&self, _: &Name, entry: &Entry) -> u64 {
        let bytes = match entry {
            Entry::Blob(bytes) => bytes,
            Entry::Tensor(tensor) => tensor.bytes(),
        };
        bytes.len() as u64 + OVERHEAD
    }
}

#[derive(Clone, Debug)]
struct Evictions(Arc<Counters>);

impl Lifecycle<Name, Entry> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Name, _: Entry) {
        self.0.cache_eviction();
    }
}

impl Cache {
    /// `memory_bytes`: of the tier in memory; 0 leaves the other one, and the loading of each key once.
    pub(crate) fn new(memory_bytes: u64, disk: Option<Disk>, counters: Arc<Counters>) -> Self {
        // One shard: an entry may be as large as the share of a shard, and a look-up holds its lock for some ns.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(
                usize::try_from(memory_bytes >> 16).unwrap_or(usize::MAX).clamp(64, 1 << 20),
            )
            .weight_capacity(memory_bytes)
            .build()
            .expect("all of the options are set");
        let memory = Map::with_options(options, ByBytes, DefaultHashBuilder::default(), Evictions(counters));
        Self { memory, disk }
    }
}

impl Store {
    /// Reads through the cache: what `load` gives is checked.
    async fn cached(
        &self,
        cache: &Cache,
        name: Name,
        load: impl Future<Output = Result<Entry>>,
    ) -> Result<Entry> {
        let _timing = self.counters.time(Op::GetCached);
        let guard = match cache.memory.get_value_or_guard_async(&name).await {
            Ok(entry) => {
                self.counters.cache_hit();
                return Ok(entry);
            }
            Err(guard) => guard,
        };
        let stored = match &cache.disk {
            Some(disk) => disk.get(&name, &self.counters).await?,
            None => None,
        };
        let entry = match stored {
            Some(entry) => {
                self.counters.cache_hit();
                entry
            }
            None => {
                self.counters.cache_miss();
                let entry = load.await?;
                if let Some(disk) = &cache.disk {
                    disk.put(&name, &entry, &self.counters).await?;
                }
                entry
            }
        };
        // Refused when somebody removed the key meanwhile; nobody does.
        guard.insert(entry.clone()).ok();
        Ok(entry)
    }

    pub(crate) async fn cached_blob(
        &self,
        cache: &Cache,
        key: &Key,
        load: impl Future<Output = Result<Bytes>>,
    ) -> Result<Bytes> {
        let load = async { load.await.map(Entry::Blob) };
        Ok(match self.cached(cache, Name::Blob(key.clone()), load).await? {
            Entry::Blob(bytes) => bytes,
            Entry::Tensor(tensor) => tensor.bytes().clone(),
        })
    }

    pub(crate) async fn cached_tensor(
        &self,
        cache: &Cache,
        wanted: &TensorRef,
        load: impl Future<Output = Result<Tensor>>,
    ) -> Result<Tensor> {
        let load = async { load.await.map(Entry::Tensor) };
        match self.cached(cache, Name::Tensor(wanted.clone()), load).await? {
            Entry::Tensor(tensor) => Ok(tensor),
            Entry::Blob(bytes) => Tensor::new(crate::tensor::Dtype::U8, vec![bytes.len()], bytes),
        }
    }
}

impl Entry {
    /// As a file of the disk tier: a blob as it is, a tensor as a pack of its own that says where it is from.
    fn to_file(&self, name: &Name) -> Result<Vec<Bytes>> {
        match (self, name) {
            (Self::Blob(bytes), _) => Ok(vec![bytes.clone()]),
            (Self::Tensor(tensor), name) => {
                let pack =
                    Pack::builder().metadata(FROM, name.text()).add_tensor(NAME, tensor.clone()).build()?;
                Ok(pack.segments)
            }
        }
    }
}

/// Metadata key: the name of a cached tensor.
const FROM: &str = "nightmend.cached";
/// What a cached tensor is called in its file.
const NAME: &str = "tensor";

impl Name {
    /// Unique among all names.
    fn text(&self) -> String {
        match self {
            Self::Blob(key) => format!("blob {key}"),
            Self::Tensor(wanted) => format!("tensor {} {}", wanted.pack, wanted.name),
        }
    }
}
