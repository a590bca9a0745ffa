//! From a URL to a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use url::Url;

use crate::error::{Error, Result};
use crate::faulty::{FaultPlan, Faulty};
use crate::retrying::Retrying;
use crate::store::Store;

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Local disk: file and folder are on stable storage before a write returns. On by default, since the queue
    /// forgets a batch once its result is written; off is for stores that may be lost, such as those of tests.
    pub fsync: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { fsync: true }
    }
}

impl Store {
    /// Opens the store at `url`: `file:///folder` or a plain path (created if missing), `memory://` (empty, shared
    /// by clones of this value only), or in a cloud `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix` (region, endpoint and credentials from the `AWS_*`, `GOOGLE_*`, `AZURE_*` variables).
    /// `faulty+` before a URL gives a store that fails on purpose, for tests:
    /// `faulty+file:///path?seed=7&error=0.05&lost=0.02&torn=0.01&conflict=0.01&latency_ms=20`.
    ///
    /// # Errors
    /// [`Error::BadUrl`], if the URL cannot be opened.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, OpenOptions::default())
    }

    /// Like [`Store::open`], with options.
    ///
    /// # Errors
    /// [`Error::BadUrl`], if the URL cannot be opened.
    pub fn open_with(url: &str, options: OpenOptions) -> Result<Self> {
        open(url, options, &[])
    }

    /// Like [`Store::open`], with variables that count before those of the process: for a program that uses two
    /// accounts, and for tests.
    ///
    /// # Errors
    /// [`Error::BadUrl`], if the URL cannot be opened.
    pub fn open_with_variables(url: &str, variables: &[(String, String)]) -> Result<Self> {
        open(url, OpenOptions::default(), variables)
    }
}

fn open(url: &str, options: OpenOptions, variables: &[(String, String)]) -> Result<Store> {
    let opened = match url.strip_prefix("faulty+") {
        Some(url) => faulty(url, options, variables),
        None => backend(url, options, variables).map(|backend| Store::over(backend.with_retries())),
    };
    opened.map_err(|reason| Error::BadUrl { url: without_credentials(url), reason })
}

/// What is behind a URL.
struct Backend {
    store: Arc<dyn ObjectStore>,
    /// The client of a cloud: it asks again by itself, and no write of it is ever torn.
    is_cloud: bool,
}

impl Backend {
    fn simple(store: impl ObjectStore) -> Self {
        Self { store: Arc::new(store), is_cloud: false }
    }

    fn with_retries(self) -> Arc<dyn ObjectStore> {
        if self.is_cloud { self.store } else { Arc::new(Retrying::new(self.store)) }
    }
}

fn faulty(url: &str, options: OpenOptions, variables: &[(String, String)]) -> Result<Store, String> {
    let mut parsed = Url::parse(url).map_err(|error| error.to_string())?;
    let plan = FaultPlan::parse(parsed.query_pairs())?;
    parsed.set_query(None);
    let backend = backend(parsed.as_str(), options, variables)?;
    if backend.is_cloud && plan.torn > 0.0 {
        return Err(format!("`torn` is for file and memory: {} never keeps half an object", parsed.scheme()));
    }
    let faulty = Faulty::new(backend.store, plan);
    let counters = faulty.counters();
    Ok(Store { faults: Some(counters), ..Store::over(Arc::new(Retrying::new(Arc::new(faulty)))) })
}

fn backend(url: &str, options: OpenOptions, variables: &[(String, String)]) -> Result<Backend, String> {
    if !url.contains("://") {
        return local(&PathBuf::from(url), options);
    }
    let parsed = Url::parse(url).map_err(|error| error.to_string())?;
    if parsed.query().is_some() {
        return Err("parameters belong behind faulty+… URLs only".to_owned());
    }
    match parsed.scheme() {
        "file" => {
            let folder = parsed.to_file_path().map_err(|()| "not a local absolute path".to_owned())?;
            local(&folder, options)
        }
        "memory" => Ok(Backend::simple(InMemory::new())),
        "s3" | "gs" | "az" => cloud(&parsed, variables),
        other => Err(format!("unknown scheme `{other}`: file, memory, s3, gs and az are known")),
    }
}

fn local(folder: &Path, options: OpenOptions) -> Result<Backend, String> {
    if folder.as_os_str().is_empty() {
        return Err("empty path".to_owned());
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot create the folder: {error}"))?;
    let backend = LocalFileSystem::new_with_prefix(folder).map_err(|error| error.to_string())?;
    Ok(Backend::simple(backend.with_fsync(options.fsync)))
}

#[cfg(feature = "cloud")]
fn cloud(url: &Url, variables: &[(String, String)]) -> Result<Backend, String> {
    Ok(Backend { store: crate::cloud::open(url, variables)?, is_cloud: true })
}

#[cfg(not(feature = "cloud"))]
fn cloud(_: &Url, _: &[(String, String)]) -> Result<Backend, String> {
    Err("this build has no clouds: build it with the features s3, gcs or azure".to_owned())
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
        assert!(reason("file:///x?error=0.1").contains("faulty+"));
        assert!(reason("faulty+file:///x?eror=0.1").contains("unknown parameter `eror`"));
        assert!(reason("faulty+ftp://x?error=0.1").contains("unknown scheme `ftp`"));
        assert!(reason("faulty+/tmp/x").contains("relative URL"));
    }

    #[cfg(not(feature = "cloud"))]
    #[test]
    fn a_build_without_clouds_says_so() {
        assert!(reason("s3://bucket/prefix").contains("no clouds"));
    }

    #[cfg(feature = "s3")]
    #[test]
    fn urls_of_clouds_need_a_bucket_and_hold_no_secrets() {
        assert!(reason("s3:///prefix").contains("no bucket"));
        let refused = reason("s3://key:secret@bucket/prefix");
        assert!(refused.contains("belong in the environment") && !refused.contains("secret"));
        assert!(reason("faulty+s3://bucket?torn=0.1").contains("never keeps half an object"));
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
