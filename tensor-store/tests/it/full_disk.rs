//! A disk with no room left: a clear error that may pass, and nothing half on the disk.

use std::path::Path;
use std::process::Command;

use tensor_store::{Dtype, Pack, Store};

/// A file system of so many kilobytes, mounted on a folder until this is dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, loudly, where nothing may be mounted.
    fn mount(n_kilobytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let size = format!("size={n_kilobytes}k");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            refused => {
                eprintln!("SKIPPED: a small disk cannot be mounted (only root may): {refused:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().ok();
    }
}

fn pack(n_bytes: usize) -> Pack {
    let bytes = vec![7; n_bytes];
    Pack::builder().add("bytes", Dtype::U8, &[n_bytes], &bytes).build().expect("sound")
}

/// Every file below a folder, whatever its name.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it is there");
        match entry.file_type().expect("it is there").is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[tokio::test]
async fn a_full_disk_is_an_error_that_may_pass_and_leaves_nothing_behind() {
    let Some(disk) = SmallDisk::mount(1024) else { return };
    let store = Store::open(disk.path().to_str().unwrap()).unwrap();
    let small = store.put_pack(&pack(100 << 10)).await.unwrap();
    let before = files(disk.path());

    let large = pack(2 << 20);
    let error = store.put_pack(&large).await.unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.is_transient() && error.to_string().starts_with("cannot put `tensors/"), "{error}");
    assert!(reason.contains("No space left on device"), "{reason}");
    assert_eq!(files(disk.path()), before);
    assert!(store.get_pack(large.digest()).await.is_err());

    // What there is room for still goes in, and what was there is sound.
    store.put_pack(&pack(200 << 10)).await.unwrap();
    store.get_pack(small.digest).await.unwrap();
}
