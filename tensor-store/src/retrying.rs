//! A backend that is asked again when it fails for a moment, so that one failure of a disk or a server does not cost
//! an attempt of a whole batch. The clients of clouds do that themselves; this is for all other backends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tracing::debug;

use crate::error::may_pass;

/// With the pauses between them, a second and a half: longer outages are for the caller, whose batch goes back to
/// the queue.
const MAX_TRIES: u32 = 6;

/// At most so long before the second try; doubled with each further one. A random part of it is waited, so that those
/// who failed together do not come back together.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A backend around another one. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Retrying {
    inner: Arc<dyn ObjectStore>,
}

impl Retrying {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner }
    }

    /// Deletes one object. That it is gone after a failure is what was wanted: the failed try did it.
    async fn delete_one(&self, location: Path) -> Result<Path> {
        let mut has_failed = false;
        retry("delete", || {
            let deleted = self.inner.delete(&location);
            let before = std::mem::replace(&mut has_failed, true);
            async move {
                match deleted.await {
                    Err(Error::NotFound { .. }) if before => Ok(()),
                    deleted => deleted,
                }
            }
        })
        .await?;
        Ok(location)
    }
}

/// Asks until it works, fails for good, or was tried often enough.
async fn retry<T, F: Future<Output = Result<T>>>(
    operation: &'static str,
    mut ask: impl FnMut() -> F,
) -> Result<T> {
    for n_failed in 1..MAX_TRIES {
        match ask().await {
            Err(error) if may_pass(&error) => debug!(operation, %error, "store failed, tried again"),
            outcome => return outcome,
        }
        pause(n_failed).await;
    }
    ask().await
}

/// Waits after the `n_failed`-th failure, counted from 1.
pub(crate) async fn pause(n_failed: u32) {
    let longest = FIRST_PAUSE * 2_u32.pow(n_failed - 1);
    tokio::time::sleep(longest.mul_f64(rand::random())).await;
}

impl fmt::Display for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Retrying {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        retry("put", || self.inner.put_opts(location, payload.clone(), options.clone())).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        retry("put in parts", || self.inner.put_multipart_opts(location, options.clone())).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        retry("get", || self.inner.get_opts(location, options.clone())).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        locations
            .then(move |location| {
                let this = this.clone();
                async move { this.delete_one(location?).await }
            })
            .boxed()
    }

    /// Only the beginning is tried again: who has seen half of a listing must not see it twice.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned());
        let begun = async move {
            let listing = retry("list", || begin(this.inner.list(prefix.as_ref()))).await;
            listing.unwrap_or_else(|error| futures::stream::once(async { Err(error) }).boxed())
        };
        futures::stream::once(begun).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        retry("list", || self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        retry("copy", || self.inner.copy_opts(from, to, options.clone())).await
    }
}

/// Waits for the first object of a listing; returns the whole listing, or why there is none.
async fn begin(
    mut listing: BoxStream<'static, Result<ObjectMeta>>,
) -> Result<BoxStream<'static, Result<ObjectMeta>>> {
    let first = listing.next().await.transpose()?;
    Ok(futures::stream::iter(first.map(Ok)).chain(listing).boxed())
}
