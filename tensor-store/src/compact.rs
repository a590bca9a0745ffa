//! Joining small tensor packs: a batch makes a pack of some hundred KiB, and an object costs a request and an entry of
//! every listing.
//!
//! Packs are named by their digest, and results name packs, so neither can change. Instead
//! 1. the tensors of many packs are stored in one, each under `<digest of its pack>/<name>`;
//! 2. `moved/<digest>` says for each of the packs where its tensors are now, and holds the rest of it;
//! 3. the packs are removed.
//!
//! A reader that does not find a pack looks for where it moved. So it finds every tensor between any two steps, and a
//! compaction that was killed is finished or done again by the next. A whole pack is laid out from its parts as it was,
//! byte for byte, or it is not joined.

use std::collections::BTreeMap;
use std::time::SystemTime;

use futures::TryStreamExt;
use schemas::Digest;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::gc::digest_in;
use crate::key::Key;
use crate::list::ListedObject;
use crate::pack::{Pack, StoredPack};
use crate::packs::TensorRef;
use crate::stats::Usage;
use crate::store::{Put, Store, off_runtime};
use crate::tensor::Tensor;

/// Smaller packs are joined, and joined packs are at least this large, so that none is joined twice.
const SMALL: u64 = 8 << 20;

/// A joined pack is closed when it has this much.
const FULL: u64 = 32 << 20;

/// A joined pack has at most this many tensors: its header is read for each of them.
const MAX_TENSORS: usize = 50_000;

/// What joining packs came to; without `delete`, what it would come to at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// The packs that were joined.
    pub joined: Usage,
    /// The packs that were made of them.
    pub made: Usage,
}

/// Where the tensors of a pack are, and what else is needed to lay it out again.
#[derive(Debug, Serialize, Deserialize)]
struct Moved {
    pack: Digest,
    metadata: BTreeMap<String, String>,
}

impl Store {
    /// Joins packs that were written before `cutoff`.
    pub(crate) async fn compact(&self, delete: bool, cutoff: SystemTime) -> Result<Compaction> {
        let mut compaction = Compaction::default();
        let mut group = Vec::new();
        let mut n_bytes = 0;
        for object in self.small_packs(cutoff).await? {
            n_bytes += object.n_bytes;
            group.push(object);
            if n_bytes >= FULL {
                self.join(std::mem::take(&mut group), delete, &mut compaction).await?;
                n_bytes = 0;
            }
        }
        if n_bytes >= SMALL {
            self.join(group, delete, &mut compaction).await?;
        }
        Ok(compaction)
    }

    /// Oldest first, so that the packs of a job come together.
    async fn small_packs(&self, cutoff: SystemTime) -> Result<Vec<ListedObject>> {
        let mut small = Vec::new();
        let mut objects = self.walk("tensors");
        while let Some(object) = objects.try_next().await? {
            if object.n_bytes < SMALL && object.modified <= cutoff {
                small.push(object);
            }
        }
        small.sort_by(|left, right| (left.modified, &left.key).cmp(&(right.modified, &right.key)));
        Ok(small)
    }

    async fn join(&self, group: Vec<ListedObject>, delete: bool, compaction: &mut Compaction) -> Result<()> {
        if !delete {
            group.iter().for_each(|object| compaction.joined.count(object));
            let n_bytes = group.iter().map(|object| object.n_bytes).sum();
            compaction.made.add(Usage { n_objects: 1, n_bytes });
            return Ok(());
        }
        let mut tensors: Vec<(String, Tensor)> = Vec::new();
        let mut moved = Vec::new();
        for object in group {
            let Some(digest) = digest_in(&object.key) else { continue };
            if self.is_moved(digest).await? {
                // The compaction before was killed.
                self.delete(&object.key).await?;
                continue;
            }
            let Some((metadata, parts)) = self.take_apart(digest).await? else { continue };
            if tensors.len() + parts.len() > MAX_TENSORS {
                continue;
            }
            tensors.extend(parts.into_iter().map(|(name, tensor)| (within(digest, &name), tensor)));
            moved.push((digest, metadata, object));
        }
        let n_bytes: usize = tensors.iter().map(|(_, tensor)| tensor.bytes().len()).sum();
        if (n_bytes as u64) < SMALL {
            return Ok(());
        }
        let pack = off_runtime(n_bytes, move || build(BTreeMap::new(), tensors)).await??;
        let stored = self.put_pack(&pack).await?;
        compaction.made.add(Usage { n_objects: 1, n_bytes: stored.n_bytes });
        for (digest, metadata, _) in &moved {
            let place = Moved { pack: stored.digest, metadata: metadata.clone() };
            if self.put_sealed(&Key::moved(*digest), &place).await? == Put::OtherThere {
                // Another compaction was faster, into a pack that differs: this one says where the tensors are now.
                self.put_pointer(&Key::moved(*digest), &place).await?;
            }
        }
        for (_, _, object) in moved {
            self.delete(&object.key).await?;
            compaction.joined.count(&object);
        }
        Ok(())
    }

    /// Metadata and tensors of a pack; `None` if it is gone, damaged, or would not be the same when laid out again.
    async fn take_apart(&self, digest: Digest) -> Result<Option<Parts>> {
        let pack = match self.read_pack(digest).await {
            Ok(pack) => pack,
            Err(Error::NotFound { .. } | Error::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let parts = off_runtime(pack.bytes().len(), move || {
            let metadata: BTreeMap<String, String> = pack
                .metadata()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let tensors: Result<Vec<_>> = pack
                .names()
                .into_iter()
                .map(|name| pack.tensor(&name).map(|tensor| (name, tensor)))
                .collect();
            let tensors = tensors.ok()?;
            let again = build(metadata.clone(), tensors.clone()).ok()?;
            (again.digest() == digest).then_some((metadata, tensors))
        });
        parts.await
    }

    /// Whether the tensors of a pack can be read where it moved to.
    pub(crate) async fn is_moved(&self, digest: Digest) -> Result<bool> {
        match self.moved(digest).await? {
            Some(moved) => self.exists(&Key::tensors(moved.pack)).await,
            None => Ok(false),
        }
    }

    async fn moved(&self, digest: Digest) -> Result<Option<Moved>> {
        match self.get_sealed(&Key::moved(digest)).await {
            Err(Error::NotFound { .. }) => Ok(None),
            moved => moved.map(Some),
        }
    }

    /// A tensor of a pack that was joined with others; `None` if the pack was not.
    pub(crate) async fn moved_tensor(&self, wanted: &TensorRef) -> Result<Option<Tensor>> {
        let Some(moved) = self.moved(wanted.pack).await? else { return Ok(None) };
        let place = TensorRef { pack: moved.pack, name: within(wanted.pack, &wanted.name) };
        match self.read_tensor(&place).await {
            Err(Error::NoTensor { .. }) => {
                Err(Error::NoTensor { key: Key::tensors(wanted.pack).to_string(), name: wanted.name.clone() })
            }
            tensor => tensor.map(Some),
        }
    }

    /// A pack that was joined with others, laid out as it was; `None` if it was not joined.
    pub(crate) async fn moved_pack(&self, digest: Digest) -> Result<Option<StoredPack>> {
        let Some(moved) = self.moved(digest).await? else { return Ok(None) };
        let joined = self.read_pack(moved.pack).await?;
        let again = off_runtime(joined.bytes().len(), move || {
            let prefix = within(digest, "");
            let own =
                |name: String| name.strip_prefix(&prefix).map(|own| (own.to_owned(), joined.tensor(&name)));
            let tensors = joined.names().into_iter().filter_map(own);
            let tensors: Result<Vec<_>> =
                tensors.map(|(name, tensor)| tensor.map(|tensor| (name, tensor))).collect();
            let pack = build(moved.metadata, tensors?)?;
            if pack.digest() != digest {
                return Err(Error::corrupt(Key::moved(digest), "the pack cannot be laid out as it was"));
            }
            StoredPack::parse(digest, pack.to_bytes().into())
                .map_err(|reason| Error::corrupt(Key::moved(digest), reason))
        });
        again.await?.map(Some)
    }
}

type Parts = (BTreeMap<String, String>, Vec<(String, Tensor)>);

/// The name of a tensor in a joined pack.
fn within(pack: Digest, name: &str) -> String {
    format!("{pack}/{name}")
}

fn build(metadata: BTreeMap<String, String>, tensors: Vec<(String, Tensor)>) -> Result<Pack> {
    let builder =
        metadata.into_iter().fold(Pack::builder(), |pack, (name, value)| pack.metadata(name, value));
    tensors.into_iter().fold(builder, |pack, (name, tensor)| pack.add_tensor(&name, tensor)).build()
}
