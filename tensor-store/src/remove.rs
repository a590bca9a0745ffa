//! Removing objects, and keeping those that are used again from being removed.

use std::time::{Duration, SystemTime};

use object_store::{ObjectStoreExt, PutPayload};

use crate::error::{Error, Result};
use crate::key::{Key, listed_path};
use crate::list::ListedObject;
use crate::stats::Op;
use crate::store::Store;

/// A put that finds its object there writes it anew if it is older than this, so that a clean-up sees it in use. Far
/// below any grace period, far above the time in which a job puts the same object twice.
const USED_AGAIN: Duration = Duration::from_secs(3600);

/// Whoever made the object young a shorter time ago may still be waiting for the sweep that removes it all the same.
const JUST_NOW: Duration = Duration::from_secs(120);

impl Store {
    /// Removes an object; there need not be one. Only clean-up removes: see `gc`.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        let _timing = self.counters.time(Op::Delete);
        match self.backend.delete(&listed_path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::backend("delete", key, error)),
        }
    }

    /// Size and time of an object, without reading it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Backend`].
    pub async fn look_up(&self, key: &str) -> Result<ListedObject> {
        let _timing = self.counters.time(Op::Exists);
        let found = self.backend.head(&listed_path(key)).await;
        found.map(ListedObject::from).map_err(|error| Error::backend("look up", key, error))
    }

    /// Makes an object young that a put found there. If a sweep is at work it may have removed the object between
    /// the finding and now, or between its last look and its removal: then it is written once more.
    pub(crate) async fn keep_young(&self, key: &Key, payload: PutPayload) -> Result<()> {
        match self.look_up(key.as_str()).await {
            Ok(found) => {
                let age = SystemTime::now().duration_since(found.modified).unwrap_or_default();
                if (JUST_NOW..USED_AGAIN).contains(&age) {
                    return Ok(());
                }
                if age >= USED_AGAIN {
                    self.overwrite(key, payload.clone()).await?;
                }
            }
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        self.wait_for_sweep().await?;
        if !self.exists(key).await? {
            self.overwrite(key, payload).await?;
        }
        Ok(())
    }
}
