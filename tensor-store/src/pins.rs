//! Pins: what a person or a program wants to keep, for a time.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::TryStreamExt;
use schemas::Digest;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::key::Key;
use crate::store::Store;

/// What a pin keeps from being cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// When it stops counting, seconds since 1970; never if absent.
    pub until_s: Option<u64>,
    /// Jobs that stay, with everything they lead to.
    pub jobs: BTreeSet<String>,
    /// Objects that stay, with everything they lead to.
    pub objects: BTreeSet<Digest>,
}

impl Pin {
    /// Whether the pin counts no longer.
    #[must_use]
    pub fn is_over(&self, now: SystemTime) -> bool {
        self.until_s.is_some_and(|until| UNIX_EPOCH + Duration::from_secs(until) <= now)
    }

    /// The pin at `key`; `None` if it is gone by now.
    pub(crate) async fn read(store: &Store, key: &str) -> Result<Option<Self>> {
        match store.get_sealed(&Key::listed(key)).await {
            Err(Error::NotFound { .. }) => Ok(None),
            pin => pin.map(Some),
        }
    }
}

impl Store {
    /// Sets a pin, in place of one of the same name.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Backend`].
    pub async fn pin(&self, name: &str, pin: &Pin) -> Result<()> {
        self.put_pointer(&Key::pin(name), pin).await
    }

    /// Removes a pin; there need not be one.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn unpin(&self, name: &str) -> Result<()> {
        self.delete(Key::pin(name).as_str()).await
    }

    /// The jobs that pins keep now.
    pub(crate) async fn pinned_jobs(&self, now: SystemTime) -> Result<BTreeSet<String>> {
        let mut jobs = BTreeSet::new();
        let mut pins = self.walk("pins");
        while let Some(object) = pins.try_next().await? {
            if let Some(pin) = Pin::read(self, &object.key).await?.filter(|pin| !pin.is_over(now)) {
                jobs.extend(pin.jobs);
            }
        }
        Ok(jobs)
    }
}
