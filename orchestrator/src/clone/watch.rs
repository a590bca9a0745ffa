//! Deadline and cancellation of one clone: libgit2 asks through its callbacks whether it may go on.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::error::CloneError;
use super::url::RemoteUrl;

/// Says when a clone has to stop.
pub(super) struct Watch<'a> {
    deadline: Instant,
    limit: Duration,
    cancel: &'a CancellationToken,
}

impl<'a> Watch<'a> {
    pub(super) fn start(limit: Duration, cancel: &'a CancellationToken) -> Self {
        // A limit beyond what the clock can hold is no limit; a century is the same.
        let far = Duration::from_secs(100 * 365 * 24 * 3600);
        let deadline = Instant::now() + limit.min(far);
        Self { deadline, limit, cancel }
    }

    /// Whether libgit2 may go on.
    pub(super) fn may_go_on(&self) -> bool {
        !self.cancel.is_cancelled() && Instant::now() < self.deadline
    }

    /// The error to return once [`Self::may_go_on`] has said no.
    pub(super) fn check(&self, url: &RemoteUrl) -> Result<(), CloneError> {
        if self.cancel.is_cancelled() {
            return Err(CloneError::Cancelled { url: url.to_string() });
        }
        if Instant::now() >= self.deadline {
            return Err(CloneError::Timeout { url: url.to_string(), limit: self.limit });
        }
        Ok(())
    }
}
