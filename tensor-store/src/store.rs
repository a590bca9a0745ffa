//! Put and get: writing objects once, reading them checked.
//!
//! What must hold: a write either creates the object, or finds the same object there, or says that another is there;
//! a reader of a key with a digest gets what was written or an error. Hashing and compressing more than
//! [`INLINE_BYTES`] run on the blocking pool, not on the runtime.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use schemas::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::error::{Error, Result};
use crate::faulty::{FaultCounters, InjectedFaults};
use crate::key::{Check, Key};
use crate::retrying::pause;
use crate::seal;
use crate::stats::{Counters, Stats};

/// Up to here hashing or compressing costs less than moving the work to another thread is worth, and stays well under
/// the 500 µs that a future may compute.
const INLINE_BYTES: usize = 64 << 10;

/// How often a writer is told "already exists" and finds nothing before it gives up.
const MAX_CONFLICTS: u32 = 5;

/// An object store. Cheap to clone; clones share the backend and the statistics.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) backend: Arc<dyn ObjectStore>,
    pub(crate) counters: Arc<Counters>,
    /// Of a store that fails on purpose.
    pub(crate) faults: Option<Arc<FaultCounters>>,
}

/// What writing an object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was written: new, or in place of a damaged one.
    Created,
    /// The same object was there, and was checked.
    AlreadyThere,
    /// Sealed objects only: a sound one with other content was there, and stays. The first writer wins.
    OtherThere,
}

impl Store {
    pub(crate) fn over(backend: Arc<dyn ObjectStore>) -> Self {
        Self { backend, counters: Arc::default(), faults: None }
    }

    /// Counts since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// The faults that a `faulty+…` store injected since it was opened; `None` for any other.
    #[must_use]
    pub fn injected_faults(&self) -> Option<InjectedFaults> {
        self.faults.as_ref().map(|faults| faults.snapshot())
    }

    /// Writes an object that must not change afterwards.
    ///
    /// If there is one already, it is read back and compared. One that fails its own check (a torn write, rot) was
    /// never readable and is replaced, with a warning in the log.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a sound object with other content is there, [`Error::Encode`] if `bytes` are not what
    /// the key promises, [`Error::Backend`].
    ///
    /// # Cancel safety
    /// The object is written whole or not at all.
    pub async fn put_new(&self, key: &Key, bytes: Bytes) -> Result<Put> {
        if key.check() != Check::Plain {
            let (candidate, check) = (bytes.clone(), key.check());
            let checked = off_runtime(bytes.len(), move || check_bytes(check, &candidate)).await?;
            checked.map_err(|reason| Error::encode(key, reason))?;
        }
        match self.create(key, bytes.into()).await? {
            Put::OtherThere => Err(Error::Conflict { key: key.to_string() }),
            put => Ok(put),
        }
    }

    /// Writes a plain object over whatever is there: for the few that a later run may write anew.
    ///
    /// # Errors
    /// [`Error::Encode`] if objects of this kind never change, [`Error::Backend`].
    ///
    /// # Cancel safety
    /// The object is written whole or not at all.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<()> {
        if key.check() != Check::Plain {
            return Err(Error::encode(key, "objects of this kind are never replaced"));
        }
        self.overwrite(key, bytes.into()).await
    }

    /// Reads the stored bytes of an object, checked as its key says.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`], [`Error::Backend`].
    pub async fn get(&self, key: &Key) -> Result<Bytes> {
        let bytes = self.read(key).await?;
        if key.check() != Check::Plain {
            let (candidate, check) = (bytes.clone(), key.check());
            let checked = off_runtime(bytes.len(), move || check_bytes(check, &candidate)).await?;
            checked.map_err(|reason| self.corrupt(key, reason))?;
        }
        Ok(bytes)
    }

    /// Whether there is such an object. It is not read, so it may still be damaged.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn exists(&self, key: &Key) -> Result<bool> {
        match self.backend.head(key.path()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::backend("look up", key, error)),
        }
    }

    /// Writes bytes under their own digest and returns it: `put_blob(Key::pipelines, bytes)`.
    ///
    /// # Errors
    /// [`Error::Encode`] if `place` makes a key that is not the digest it is given, [`Error::Backend`].
    pub async fn put_blob(&self, place: impl FnOnce(Digest) -> Key, bytes: Bytes) -> Result<Digest> {
        let candidate = bytes.clone();
        let digest = off_runtime(bytes.len(), move || Digest::of(&candidate)).await?;
        let key = place(digest);
        if key.digest() != Some(digest) {
            return Err(Error::encode(key, "its key is not the digest of its bytes"));
        }
        self.create(&key, bytes.into()).await?;
        Ok(digest)
    }

    /// Reads an object whose key is the digest of its bytes.
    ///
    /// # Errors
    /// [`Error::Decode`] if the key is no digest, [`Error::NotFound`], [`Error::Corrupt`], [`Error::Backend`].
    pub async fn get_blob(&self, key: &Key) -> Result<Bytes> {
        if key.digest().is_none() {
            return Err(Error::decode(key, "its key is not the digest of its bytes"));
        }
        self.get(key).await
    }

    /// Writes a small value as indented JSON, for people and other programs.
    ///
    /// # Errors
    /// As [`Store::put_new`].
    pub async fn put_json<T: Serialize>(&self, key: &Key, value: &T) -> Result<Put> {
        let mut text = serde_json::to_vec_pretty(value).map_err(|error| Error::encode(key, error))?;
        text.push(b'\n');
        self.put_new(key, text.into()).await
    }

    /// Reads a value from JSON.
    ///
    /// # Errors
    /// [`Error::Decode`] (not a `T`), [`Error::NotFound`], [`Error::Corrupt`], [`Error::Backend`].
    pub async fn get_json<T: DeserializeOwned>(&self, key: &Key) -> Result<T> {
        let text = self.get(key).await?;
        serde_json::from_slice(&text).map_err(|error| Error::decode(key, error))
    }

    /// Creates the object, or finds out what is there instead. `payload` is known to fit the key.
    pub(crate) async fn create(&self, key: &Key, payload: PutPayload) -> Result<Put> {
        let n_bytes = payload.content_length();
        for n_conflicts in 1..=MAX_CONFLICTS {
            match self.backend.put_opts(key.path(), payload.clone(), PutMode::Create.into()).await {
                Ok(_) => {
                    self.counters.put(n_bytes);
                    return Ok(Put::Created);
                }
                Err(object_store::Error::AlreadyExists { .. }) => {
                    if let Some(put) = self.settle_existing(key, &payload).await? {
                        return Ok(put);
                    }
                    pause(n_conflicts).await;
                }
                Err(error) => return Err(Error::backend("put", key, error)),
            }
        }
        Err(Error::Unsettled { key: key.to_string() })
    }

    /// "Already exists" proves nothing about the bytes: read them. `None` if there are none: S3 answers so too when
    /// two writers collide and nothing landed.
    async fn settle_existing(&self, key: &Key, payload: &PutPayload) -> Result<Option<Put>> {
        let stored = match self.read(key).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            stored => stored?,
        };
        let (candidate, check) = (payload.clone(), key.check());
        let found = off_runtime(stored.len(), move || compare(check, &stored, &candidate)).await?;
        match found {
            Existing::Same => {
                self.counters.hit();
                Ok(Some(Put::AlreadyThere))
            }
            Existing::Other => Ok(Some(Put::OtherThere)),
            Existing::Damaged(reason) => {
                self.counters.corrupt();
                self.replace(key, payload.clone(), &reason).await.map(Some)
            }
        }
    }

    async fn replace(&self, key: &Key, payload: PutPayload, reason: &str) -> Result<Put> {
        warn!(%key, reason, "damaged object is replaced");
        self.overwrite(key, payload).await?;
        Ok(Put::Created)
    }

    pub(crate) async fn overwrite(&self, key: &Key, payload: PutPayload) -> Result<()> {
        let n_bytes = payload.content_length();
        self.backend.put(key.path(), payload).await.map_err(|error| Error::backend("put", key, error))?;
        self.counters.put(n_bytes);
        Ok(())
    }

    /// Reads the stored bytes, unchecked.
    pub(crate) async fn read(&self, key: &Key) -> Result<Bytes> {
        let failed = |error| Error::backend("get", key, error);
        let bytes = self.backend.get(key.path()).await.map_err(failed)?.bytes().await.map_err(failed)?;
        self.counters.get(bytes.len());
        Ok(bytes)
    }

    /// Counts and names a damaged object.
    pub(crate) fn corrupt(&self, key: &Key, reason: impl ToString) -> Error {
        self.counters.corrupt();
        Error::corrupt(key, reason)
    }
}

/// What is found in the place of a new object.
enum Existing {
    Same,
    Other,
    Damaged(String),
}

fn compare(check: Check, stored: &[u8], candidate: &PutPayload) -> Existing {
    if is_equal(stored, candidate) {
        return Existing::Same;
    }
    match (check_bytes(check, stored), check) {
        // Nothing else would tell; no two plain objects differ in that one goes on.
        (Ok(()), Check::Plain) if is_beginning(stored, candidate) => {
            Existing::Damaged("cut short".to_owned())
        }
        (Err(reason), _) => Existing::Damaged(reason),
        // Another zstd may pack the same value into other bytes.
        (Ok(()), Check::Sealed) if seal::unseal(stored) == seal::unseal(&Bytes::from(candidate.clone())) => {
            Existing::Same
        }
        (Ok(()), _) => Existing::Other,
    }
}

/// Whether a writer of `candidate` that was interrupted may have left `stored`.
fn is_beginning(stored: &[u8], candidate: &PutPayload) -> bool {
    Bytes::from(candidate.clone()).starts_with(stored)
}

fn is_equal(stored: &[u8], candidate: &PutPayload) -> bool {
    let mut rest = stored;
    for segment in candidate {
        match rest.strip_prefix(segment.as_ref()) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}

fn check_bytes(check: Check, bytes: &[u8]) -> Result<(), String> {
    match check {
        Check::Plain => Ok(()),
        Check::Sealed => seal::verify(bytes).map(drop),
        Check::Blob(digest) if Digest::of(bytes) == digest => Ok(()),
        Check::Blob(_) => Err("digest mismatch".to_owned()),
    }
}

/// Runs `work` over `n_bytes` where it does not hold up the runtime. A panic in it goes on in the caller.
pub(crate) async fn off_runtime<T: Send + 'static>(
    n_bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    if n_bytes <= INLINE_BYTES {
        return Ok(work());
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Ok(value),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::Interrupted),
    }
}
