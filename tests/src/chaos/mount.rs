//! A small disk that can be filled: a tmpfs of a few MiB.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A mounted tmpfs. Dropped, it is unmounted.
pub(super) struct Tmpfs(PathBuf);

/// What fills it.
const BALLAST: &str = "ballast";

impl Tmpfs {
    /// Mounts one of `mib` MiB at `folder`, which is made.
    ///
    /// # Errors
    /// If this user may not mount.
    pub(super) fn mount(folder: &Path, mib: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let options = std::ffi::CString::new(format!("size={mib}m")).expect("a number holds no NUL");
        mount("tmpfs", folder, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(options.as_c_str()))?;
        Ok(Self(folder.to_owned()))
    }

    /// Where it is mounted.
    #[must_use]
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Writes until nothing more fits.
    ///
    /// # Errors
    /// If something else than the lack of room ends it.
    pub(super) fn fill(&self) -> io::Result<()> {
        let mut ballast = File::create(self.0.join(BALLAST))?;
        // First in large pieces, then to the last byte.
        for piece in [1 << 20, 4096, 1] {
            let zeros = vec![0; piece];
            loop {
                match ballast.write_all(&zeros) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Makes room again.
    ///
    /// # Errors
    /// If it was not filled.
    pub(super) fn empty(&self) -> io::Result<()> {
        fs::remove_file(self.0.join(BALLAST))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.0, UnmountFlags::DETACH) {
            eprintln!("{} stays mounted: {error}", self.0.display());
        }
    }
}
