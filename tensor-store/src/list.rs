//! Listing and adding up: for people, recovery and clean-up, never for the path of a batch.
//!
//! Names come as they are stored, percent-encoded where [`crate::Key`] encoded them.

use std::time::SystemTime;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::error::{Error, Result};
use crate::stats::Usages;
use crate::store::Store;

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedObject {
    /// Its key as text.
    pub key: String,
    /// Its stored size.
    pub n_bytes: u64,
    /// When it was written, by the clock of the backend.
    pub modified: SystemTime,
}

impl From<ObjectMeta> for ListedObject {
    fn from(meta: ObjectMeta) -> Self {
        Self { key: meta.location.to_string(), n_bytes: meta.size, modified: meta.last_modified.into() }
    }
}

impl Store {
    /// All objects below a folder (empty: all there are), sorted by key.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn list(&self, folder: &str) -> Result<Vec<ListedObject>> {
        let mut objects: Vec<ListedObject> = self.walk(folder).try_collect().await?;
        objects.sort_unstable();
        Ok(objects)
    }

    /// The names of all objects below a folder, relative to it, sorted.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn list_names(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = format!("{}/", Path::from(folder));
        let objects = self.list(folder).await?;
        let relative = |object: ListedObject| object.key.strip_prefix(&prefix).map(str::to_owned);
        Ok(objects.into_iter().filter_map(relative).collect())
    }

    /// The names of the folders directly in a folder, sorted.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn list_folders(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = Path::from(folder);
        let listing = self.backend.list_with_delimiter(Some(&prefix)).await;
        let listing = listing.map_err(|error| Error::backend("list", folder, error))?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        let mut names: Vec<String> = listing.common_prefixes.iter().filter_map(name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Walks the whole store and counts what each top-level folder holds.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn usage(&self) -> Result<Usages> {
        let mut usages = Usages::new();
        let mut objects = self.walk("");
        while let Some(object) = objects.try_next().await? {
            let folder = object.key.split('/').next().unwrap_or_default();
            usages.entry(folder.to_owned()).or_default().count(&object);
        }
        Ok(usages)
    }

    /// Everything below `folder` (empty: all there is) as the backend gives it: in any order, and in memory only as
    /// far as it is read.
    ///
    /// # Errors
    /// [`Error::Backend`] within the stream.
    pub fn walk(&self, folder: &str) -> BoxStream<'static, Result<ListedObject>> {
        let prefix = Path::from(folder);
        let objects = self.backend.list(Some(&prefix));
        objects
            .map(move |object| match object {
                Ok(meta) => Ok(ListedObject::from(meta)),
                Err(error) => Err(Error::backend("list", &prefix, error)),
            })
            .boxed()
    }
}
