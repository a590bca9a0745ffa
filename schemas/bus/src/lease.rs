//! A lease: the right to do what only one process may do. It ends by itself when its holder falls silent.
//!
//! The bucket forgets a value that was not renewed in time, and a value is only written over the one that was read,
//! so there are never two holders. Values that live for a time of their own are not used: the client drops that time
//! when it writes over the mark of an expired value, and the lease would never end.

use std::time::Duration;

use async_nats::jetstream::kv;
use schemas::topology::LEASES;
use tokio::time::Instant;

use crate::connect::{Bus, bounded};
use crate::error::Error;

/// A lease that was taken. Dropped, it runs out; [`Lease::release`] ends it at once.
#[derive(Debug)]
pub struct Lease {
    key: &'static str,
    holder: String,
    revision: u64,
    /// When the request was sent that the server last granted: never later than what the server counts from.
    granted: Instant,
}

/// What came of renewing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It is ours for another term.
    Granted,
    /// Somebody else has it.
    Lost,
}

/// A name for a holder that no other has.
#[must_use]
pub fn new_holder() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Bus {
    /// Takes a lease if nobody has it. Under the name of the present holder it is taken over: for a process that
    /// knows that the one before it is dead.
    ///
    /// # Errors
    /// [`Error::Request`] or [`Error::TimedOut`] if the server does not answer.
    pub async fn take_lease(&self, key: &'static str, holder: &str) -> Result<Option<Lease>, Error> {
        let granted = Instant::now();
        let bucket = self.leases().await?;
        let revision = take(&bucket, key, holder).await?;
        Ok(revision.map(|revision| Lease { key, holder: holder.to_owned(), revision, granted }))
    }

    async fn leases(&self) -> Result<kv::Store, Error> {
        self.jetstream
            .get_key_value(LEASES.bucket)
            .await
            .map_err(|error| Error::request("opening the leases bucket", error))
    }
}

impl Lease {
    /// For how long it is surely ours.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        LEASES.max_age.saturating_sub(self.granted.elapsed())
    }

    /// Renews it. A bucket that was wiped grants it anew.
    ///
    /// # Errors
    /// [`Error::Request`] or [`Error::TimedOut`] if the server does not answer: not known, try again.
    pub async fn renew(&mut self, bus: &Bus) -> Result<Renewal, Error> {
        let granted = Instant::now();
        let bucket = bus.leases().await?;
        match take(&bucket, self.key, &self.holder).await? {
            Some(revision) => {
                (self.revision, self.granted) = (revision, granted);
                Ok(Renewal::Granted)
            }
            None => Ok(Renewal::Lost),
        }
    }

    /// Gives it up, so that the next one need not wait.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer or somebody else has it.
    pub async fn release(self, bus: &Bus) -> Result<(), Error> {
        let what = "releasing a lease";
        let bucket = bus.leases().await?;
        bounded(what, async {
            let deleted = bucket.delete_expect_revision(self.key, Some(self.revision)).await;
            deleted.map_err(|error| Error::request(what, error))
        })
        .await
    }
}

/// Writes the holder's name where it stands already or where nothing does. `None` if another name does.
async fn take(bucket: &kv::Store, key: &str, holder: &str) -> Result<Option<u64>, Error> {
    let what = "taking a lease";
    bounded(what, async {
        let found = bucket.entry(key).await.map_err(|error| Error::request(what, error))?;
        let name = bytes::Bytes::from(holder.to_owned());
        let taken = match found {
            Some(entry) if entry.operation == kv::Operation::Put && entry.value != name => return Ok(None),
            Some(entry) => bucket.update(key, name, entry.revision).await,
            None => bucket.update(key, name, 0).await,
        };
        match taken {
            Ok(revision) => Ok(Some(revision)),
            // Somebody was faster.
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(Error::request(what, error)),
        }
    })
    .await
}
