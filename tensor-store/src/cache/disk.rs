//! The disk tier: one file per entry in a folder of its own, which one process at a time uses.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use quick_cache::sync::Cache as Map;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use schemas::Digest;
use tracing::warn;

use super::{Entry, FROM, NAME, Name};
use crate::error::Result;
use crate::pack_header::Header;
use crate::stats::Counters;
use crate::store::off_runtime;

/// What a file takes at least.
const BLOCK: u64 = 4096;

/// Files by the digest of their name.
#[derive(Debug)]
pub(crate) struct Disk {
    dir: PathBuf,
    files: Map<Digest, u64, BySize, DefaultHashBuilder, Dropped>,
    n_written: AtomicU64,
    /// Held as long as the folder is used.
    _lock: File,
}

#[derive(Clone, Debug)]
struct BySize;

impl Weighter<Digest, u64> for BySize {
    fn weight(&self, _: &Digest, n_bytes: &u64) -> u64 {
        n_bytes.next_multiple_of(BLOCK).max(BLOCK)
    }
}

/// Collects what had to go, so that its file is removed.
#[derive(Clone, Debug)]
struct Dropped;

impl Lifecycle<Digest, u64> for Dropped {
    type RequestState = Vec<Digest>;

    fn on_evict(&self, dropped: &mut Vec<Digest>, file: Digest, _: u64) {
        dropped.push(file);
    }
}

impl Disk {
    /// Takes the folder, creating it if missing, and finds what an earlier process left in it.
    ///
    /// # Errors
    /// The folder cannot be used, or another process uses it.
    pub(crate) fn open(dir: PathBuf, max_bytes: u64, counters: &Counters) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let lock = File::create(dir.join("lock"))?;
        lock.try_lock().map_err(|_| io::Error::other("another process uses this folder as its cache"))?;
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(
                usize::try_from(max_bytes >> 16).unwrap_or(usize::MAX).clamp(64, 1 << 20),
            )
            .weight_capacity(max_bytes)
            .build()
            .expect("all of the options are set");
        let files = Map::with_options(options, BySize, DefaultHashBuilder::default(), Dropped);
        let disk = Self { dir, files, n_written: AtomicU64::new(0), _lock: lock };
        for (_, file, n_bytes) in disk.found()? {
            disk.admit(file, n_bytes, counters);
        }
        Ok(disk)
    }

    /// The files that are there, oldest first. Those that were not finished are removed.
    fn found(&self) -> io::Result<Vec<(SystemTime, Digest, u64)>> {
        let mut found = Vec::new();
        for folder in fs::read_dir(&self.dir)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                let digest = file.file_name().to_str().and_then(|name| name.parse::<Digest>().ok());
                let meta = file.metadata()?;
                match digest {
                    Some(digest) => found.push((meta.modified()?, digest, meta.len())),
                    None if meta.is_file() => fs::remove_file(file.path())?,
                    None => {}
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Counts a file in, and removes those that have to go for it.
    fn admit(&self, file: Digest, n_bytes: u64, counters: &Counters) {
        let mut dropped = Vec::new();
        self.files.insert_with_lifecycle(file, n_bytes, &mut dropped);
        for file in dropped {
            counters.cache_eviction();
            self.remove(file);
        }
    }

    fn remove(&self, file: Digest) {
        let path = path(&self.dir, file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(path = %path.display(), %error, "file of the cache cannot be removed");
            }
            _ => {}
        }
    }

    /// Reads and checks an entry; `None` if there is none, or none that is what was written.
    pub(super) async fn get(&self, name: &Name, counters: &Counters) -> Result<Option<Entry>> {
        let file = Digest::of(name.text().as_bytes());
        if self.files.get(&file).is_none() {
            return Ok(None);
        }
        let (path, wanted) = (path(&self.dir, file), name.clone());
        let read = move || Some(checked(&wanted, fs::read(path).ok()?.into()));
        match off_runtime(usize::MAX, read).await? {
            Some(Some(entry)) => Ok(Some(entry)),
            found => {
                if found.is_some() {
                    counters.corrupt();
                }
                self.files.remove(&file);
                self.remove(file);
                Ok(None)
            }
        }
    }

    /// Keeps an entry. A disk that is full or fails costs the entry and nothing else.
    pub(super) async fn put(&self, name: &Name, entry: &Entry, counters: &Arc<Counters>) -> Result<()> {
        let file = Digest::of(name.text().as_bytes());
        let segments = entry.to_file(name)?;
        let n_bytes = segments.iter().map(|segment| segment.len() as u64).sum();
        if n_bytes > self.files.capacity() {
            return Ok(());
        }
        let path = path(&self.dir, file);
        let nth = self.n_written.fetch_add(1, Ordering::Relaxed);
        let written = off_runtime(usize::MAX, move || write(&path, nth, &segments)).await?;
        match written {
            Ok(()) => self.admit(file, n_bytes, counters),
            Err(error) => warn!(dir = %self.dir.display(), %error, "cache cannot be written"),
        }
        Ok(())
    }
}

fn path(dir: &Path, file: Digest) -> PathBuf {
    let name = file.to_string();
    dir.join(&name[..2]).join(name)
}

fn write(path: &Path, nth: u64, segments: &[Bytes]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let staged = folder.join(format!("staged-{nth}"));
    let written = (|| {
        let mut file = File::create(&staged)?;
        for segment in segments {
            file.write_all(segment)?;
        }
        fs::rename(&staged, path)
    })();
    if written.is_err() {
        // Nothing can be done about a disk that does not remove either; the next start tries again.
        fs::remove_file(&staged).ok();
    }
    written
}

/// The entry in a file, if it is what was written for `name`.
fn checked(name: &Name, bytes: Bytes) -> Option<Entry> {
    match name {
        Name::Blob(key) => (Some(Digest::of(&bytes)) == key.digest()).then_some(Entry::Blob(bytes)),
        Name::Tensor(_) => {
            let header = Header::parse(&bytes).ok()?;
            let is_of_name = header.metadata().get(FROM) == Some(&name.text().as_str());
            let entry = header.entry(NAME).ok()?.filter(|_| is_of_name)?;
            let (start, end) = entry.info.data_offsets;
            let range = header.data_at + start..header.data_at + end;
            let data = (range.end == bytes.len()).then(|| bytes.slice(range))?;
            entry.tensor(NAME, data).ok().map(Entry::Tensor)
        }
    }
}
