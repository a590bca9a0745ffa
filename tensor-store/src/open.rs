//! From a URL to a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use url::Url;

use crate::cache::{Cache, Disk};
use crate::error::{Error, Result};
use crate::mapped::Mapped;
use crate::stats::Counters;
use crate::store::Store;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Local disk: file and folder are on stable storage before a write returns. On by default, since the queue
    /// forgets a batch once its result is written; off is for stores that may be lost, such as those of tests.
    pub fsync: bool,
    /// Local disk: packs are read by mapping their files, without a copy. On by default; a disk that fails then ends
    /// the process with SIGBUS where a copying read would give an error.
    pub mmap: bool,
    /// Memory for what was read and checked: blobs, packs and tensors. 0, the default, is none.
    pub cache_bytes: u64,
    /// A folder of this machine that keeps the same across runs. One process at a time can use it.
    pub cache_dir: Option<PathBuf>,
    /// How much `cache_dir` may hold, in bytes.
    pub cache_disk_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { fsync: true, mmap: true, cache_bytes: 0, cache_dir: None, cache_disk_bytes: 10 << 30 }
    }
}

impl Store {
    /// Opens the store at `url`: `file:///folder` or a plain path (created if missing), `memory://` (empty, shared
    /// by clones of this value only) or `s3://bucket/prefix` (builds with feature `s3`; region, endpoint and
    /// credentials from the `AWS_*` variables).
    ///
    /// # Errors
    /// [`Error::BadUrl`], if the URL cannot be opened.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, OpenOptions::default())
    }

    /// Like [`Store::open`], with options.
    ///
    /// # Errors
    /// [`Error::BadUrl`], if the URL cannot be opened; [`Error::BadCache`], if the folder of the cache cannot be used.
    pub fn open_with(url: &str, options: OpenOptions) -> Result<Self> {
        let backend = backend(url, &options)
            .map_err(|reason| Error::BadUrl { url: without_credentials(url), reason })?;
        let mut store = Self::over(backend);
        // As the backend does: a store stays where it is when the process changes its folder.
        let folder = local_folder(url).filter(|_| options.mmap).and_then(|folder| folder.canonicalize().ok());
        store.mapped = folder.map(|root| Arc::new(Mapped::new(root)));
        if options.cache_bytes > 0 || options.cache_dir.is_some() {
            store.cache = Some(Arc::new(cache(options, &store.counters)?));
        }
        Ok(store)
    }
}

fn backend(url: &str, options: &OpenOptions) -> Result<Arc<dyn ObjectStore>, String> {
    if !url.contains("://") {
        return local(&PathBuf::from(url), options);
    }
    let parsed = Url::parse(url).map_err(|error| error.to_string())?;
    match parsed.scheme() {
        "file" => {
            let folder = parsed.to_file_path().map_err(|()| "not a local absolute path".to_owned())?;
            local(&folder, options)
        }
        "memory" => Ok(Arc::new(InMemory::new())),
        "s3" => s3(&parsed),
        other => Err(format!("unknown scheme `{other}`: file, memory and s3 are known")),
    }
}

fn cache(options: OpenOptions, counters: &Arc<Counters>) -> Result<Cache> {
    let open = |dir: PathBuf| {
        let disk = Disk::open(dir.clone(), options.cache_disk_bytes, counters);
        disk.map_err(|error| Error::BadCache { dir, reason: error.to_string() })
    };
    let disk = options.cache_dir.map(open).transpose()?;
    Ok(Cache::new(options.cache_bytes, disk, counters.clone()))
}

/// The folder of a store that is nothing but a folder.
fn local_folder(url: &str) -> Option<PathBuf> {
    if !url.contains("://") {
        return Some(PathBuf::from(url));
    }
    Url::parse(url).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

fn local(folder: &Path, options: &OpenOptions) -> Result<Arc<dyn ObjectStore>, String> {
    if folder.as_os_str().is_empty() {
        return Err("empty path".to_owned());
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot create the folder: {error}"))?;
    let backend = LocalFileSystem::new_with_prefix(folder).map_err(|error| error.to_string())?;
    Ok(Arc::new(backend.with_fsync(options.fsync)))
}

#[cfg(feature = "s3")]
fn s3(url: &Url) -> Result<Arc<dyn ObjectStore>, String> {
    use object_store::aws::AmazonS3Builder;
    use object_store::prefix::PrefixStore;

    let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or("no bucket in the URL")?;
    let prefix = object_store::path::Path::from_url_path(url.path()).map_err(|error| error.to_string())?;
    let backend =
        AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(|error| error.to_string())?;
    if prefix.is_root() {
        return Ok(Arc::new(backend));
    }
    Ok(Arc::new(PrefixStore::new(backend, prefix)))
}

#[cfg(not(feature = "s3"))]
fn s3(_: &Url) -> Result<Arc<dyn ObjectStore>, String> {
    Err("this build has no S3: build it with `--features s3`".to_owned())
}

/// The URL for an error message: without user and password.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        match Store::open(url) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("`{url}` was opened"),
        }
    }

    #[test]
    fn urls_that_name_no_store_are_refused_with_a_reason() {
        assert!(reason("ftp://host/x").contains("unknown scheme `ftp`"));
        assert!(reason("").contains("empty path"));
        assert!(reason("file://host/share").contains("not a local absolute path"));
        assert!(!reason("ftp://user:secret@host/x").contains("secret"));
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn a_build_without_s3_says_so() {
        assert!(reason("s3://bucket/prefix").contains("--features s3"));
    }

    #[test]
    fn a_missing_folder_is_created_by_path_and_by_url() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a/b"), folder.path().join("c d"));
        Store::open(first.to_str().unwrap()).unwrap();
        Store::open(Url::from_file_path(&second).unwrap().as_str()).unwrap();
        assert!(first.is_dir() && second.is_dir());
    }
}
