//! Marking: which digests something leads to.

use std::collections::HashMap;
use std::time::SystemTime;

use futures::{StreamExt, TryStreamExt};
use schemas::Digest;

use super::SWEPT;
use super::references::{digest_in, each_digest, payload};
use super::roots::Roots;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::store::{Store, off_runtime};

/// Objects read at once.
const READS: usize = 16;

/// Something leads to the digest.
const LIVE: u8 = 1;

/// Folders of objects that lead on to others; the rest are leaves.
const LINKS: [(&str, u8); 3] = [("results", 2), ("snapshots", 4), ("moved", 8)];

/// Half of a digest: tells a billion objects apart with a chance of error of 10^-21, and an error keeps an object.
type Short = [u8; 16];

/// The digests of all objects that may be swept. About 40 bytes each.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    digests: HashMap<Short, u8>,
    /// Links that stay because they are young.
    young: Vec<Digest>,
    are_young_followed: bool,
}

impl Marks {
    /// Lists what may be swept; nothing is marked yet. What was written after `cutoff` is young.
    pub(super) async fn list(store: &Store, cutoff: SystemTime) -> Result<Self> {
        let mut digests: HashMap<Short, u8> = HashMap::new();
        let mut young = Vec::new();
        for folder in SWEPT {
            let link = LINKS.iter().find(|(name, _)| *name == folder).map_or(0, |(_, bit)| *bit);
            let mut objects = store.walk(folder);
            while let Some(object) = objects.try_next().await? {
                if let Some(digest) = digest_in(&object.key) {
                    *digests.entry(short(digest)).or_default() |= link;
                    if link != 0 && object.modified > cutoff {
                        young.push(digest);
                    }
                }
            }
        }
        Ok(Self { digests, young, are_young_followed: false })
    }

    /// The same objects, none marked.
    pub(super) fn cleared(&self) -> Self {
        let digests = self.digests.iter().map(|(digest, flags)| (*digest, flags & !LIVE)).collect();
        Self { digests, young: self.young.clone(), are_young_followed: false }
    }

    pub(super) fn is_live(&self, digest: Digest) -> bool {
        // One that was not there when the listing began is young.
        self.digests.get(&short(digest)).is_none_or(|flags| flags & LIVE != 0)
    }

    /// Marks everything that roots lead to, as far as it was not followed before.
    pub(super) async fn follow(&mut self, store: &Store, roots: &mut Roots) -> Result<()> {
        let mut wave = roots.fresh(store).await?;
        if !std::mem::replace(&mut self.are_young_followed, true) {
            for digest in self.young.clone() {
                self.mark(digest, &mut wave);
            }
        }
        while !wave.is_empty() {
            let mut next = Vec::new();
            let mut found = futures::stream::iter(wave).map(|key| read(store, key)).buffer_unordered(READS);
            while let Some(digests) = found.try_next().await? {
                digests.into_iter().for_each(|digest| self.mark(digest, &mut next));
            }
            drop(found);
            wave = next;
        }
        Ok(())
    }

    fn mark(&mut self, digest: Digest, next: &mut Vec<String>) {
        let Some(flags) = self.digests.get_mut(&short(digest)) else { return };
        if *flags & LIVE != 0 {
            return;
        }
        *flags |= LIVE;
        for (folder, bit) in LINKS {
            if *flags & bit != 0 {
                next.push(format!("{folder}/{digest}"));
            }
        }
    }
}

/// The digests that are written in an object. One that is gone by now leads nowhere.
async fn read(store: &Store, key: String) -> Result<Vec<Digest>> {
    let stored = match store.read(&Key::listed(&key)).await {
        Err(Error::NotFound { .. }) => return Ok(Vec::new()),
        stored => stored?,
    };
    off_runtime(stored.len(), move || {
        let mut digests = Vec::new();
        each_digest(&payload(&key, &stored)?, |digest| digests.push(digest));
        Ok(digests)
    })
    .await?
}

fn short(digest: Digest) -> Short {
    *digest.as_bytes().first_chunk().expect("a digest is longer than its half")
}
