//! Checking stored objects against what they prove of themselves.

use schemas::Digest;

use crate::error::{Error, Result};
use crate::gc::digest_in;
use crate::key::{Check, Key};
use crate::list::ListedObject;
use crate::seal;
use crate::store::{Store, off_runtime};

/// What checking one object came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what was written.
    Sound,
    /// It can be read, and proves nothing of itself: files of reports and models.
    Unproven,
    /// It is not what was written: torn, rotten, or in the wrong place.
    Damaged {
        /// What does not fit.
        reason: String,
    },
    /// It was removed since it was listed.
    Gone,
}

impl Store {
    /// Reads a listed object anew, past every cache and mapping, and checks its digest or seal.
    ///
    /// # Errors
    /// [`Error::Backend`], if it cannot be read.
    pub async fn verify(&self, object: &ListedObject) -> Result<Verdict> {
        let key = Key::listed(&object.key);
        let stored = match self.read(&key).await {
            Err(Error::NotFound { .. }) => return Ok(Verdict::Gone),
            stored => stored?,
        };
        off_runtime(stored.len(), move || verdict(&key, &stored)).await
    }
}

fn verdict(key: &Key, stored: &[u8]) -> Verdict {
    let proof = match (key.check(), digest_in(key.as_str())) {
        (Check::Plain, _) if seal::is_sealed(stored) => seal::verify(stored).map(drop),
        (Check::Plain, Some(digest)) => digest_of(stored, digest),
        (Check::Plain, None) => match is_json(key) {
            true => serde_json::from_slice::<serde::de::IgnoredAny>(stored)
                .map(drop)
                .map_err(|error| error.to_string()),
            false => return Verdict::Unproven,
        },
        (Check::Sealed, _) => seal::verify(stored).map(drop),
        (Check::Blob(digest), _) => digest_of(stored, digest),
    };
    proof.map_or_else(|reason| Verdict::Damaged { reason }, |()| Verdict::Sound)
}

/// JSON that a service wrote; whoever gave a model may have his own idea of it.
fn is_json(key: &Key) -> bool {
    let path = key.as_str();
    path.starts_with("jobs/") && (path.ends_with("/spec") || path.ends_with(".json"))
}

fn digest_of(stored: &[u8], digest: Digest) -> Result<(), String> {
    if Digest::of(stored) == digest { Ok(()) } else { Err("digest mismatch".to_owned()) }
}
