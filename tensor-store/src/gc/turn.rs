//! Turns of a sweep: short times in which objects are removed, and which a job can wait out.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::TryStreamExt;

use crate::error::Result;
use crate::key::Key;
use crate::store::Store;

/// Marks of turns: `gc/sweeping/<ends>-<who>`, milliseconds since 1970 and something unique.
const FOLDER: &str = "gc/sweeping";

/// How long a turn may take. It ends by itself: a sweep that was killed leaves a mark, which the next one removes.
const LENGTH: Duration = Duration::from_secs(30);

/// How long a mark counts beyond its end: clocks of machines may differ.
const SKEW: Duration = Duration::from_secs(30);

/// How often somebody who waits looks again.
const POLL: Duration = Duration::from_millis(50);

/// A turn that is on.
#[derive(Debug)]
pub(super) struct Turn {
    key: Key,
    started: Instant,
}

impl Turn {
    pub(super) async fn begin(store: &Store) -> Result<Self> {
        let started = Instant::now();
        let ends = millis(SystemTime::now() + LENGTH);
        // Unique: processes by their id, machines by the address that their loader chose.
        let here = std::ptr::from_ref(store).addr();
        let key = Key::listed(&format!("{FOLDER}/{ends}-{:x}-{here:x}", std::process::id()));
        store.put(&key, bytes::Bytes::new()).await?;
        Ok(Self { key, started })
    }

    /// Whether there is time to remove one more object.
    pub(super) fn is_on(&self) -> bool {
        self.started.elapsed() < LENGTH
    }

    pub(super) async fn end(self, store: &Store) -> Result<()> {
        store.delete(self.key.as_str()).await
    }
}

impl Store {
    /// Waits until no clean-up is removing objects: milliseconds if one is at work, one listing if not.
    ///
    /// Whoever takes up a job waits here between storing its spec, or finding it stored, and looking for results of
    /// earlier jobs: from then on they stay until the job's plans are stored, and what the plans lead to after that.
    ///
    /// # Errors
    /// [`crate::Error::Backend`].
    pub async fn wait_for_sweep(&self) -> Result<()> {
        while self.is_sweeping().await? {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn is_sweeping(&self) -> Result<bool> {
        let mut marks = self.walk(FOLDER);
        while let Some(mark) = marks.try_next().await? {
            if counts(&mark.key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the marks that killed clean-ups left.
    pub(super) async fn forget_killed_sweeps(&self) -> Result<()> {
        for mark in self.list(FOLDER).await? {
            if !counts(&mark.key) {
                self.delete(&mark.key).await?;
            }
        }
        Ok(())
    }
}

/// Whether the turn of a mark may still be on.
fn counts(mark: &str) -> bool {
    let name = mark.rsplit('/').next().unwrap_or_default();
    let ends = name.split('-').next().and_then(|text| text.parse::<u64>().ok());
    let now = millis(SystemTime::now());
    let (skew, length) = (SKEW.as_millis() as u64, LENGTH.as_millis() as u64);
    // A clock that is far off must not hold up jobs for ever either.
    ends.is_some_and(|ends| now < ends.saturating_add(skew) && ends < now.saturating_add(length + skew))
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
