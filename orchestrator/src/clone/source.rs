//! What may be opened as a repository of this machine: a folder that speaks for itself only.
//!
//! A folder that comes from a stranger can lead elsewhere: to the objects of another repository
//! (`objects/info/alternates`, links), to another repository altogether (`.git` as a file, `commondir`), or to a pipe
//! on which a reader waits for ever. libgit2 follows all of them. So the folder is looked through before libgit2 opens
//! it, and refused with the name of what leads outside. Linked work trees and submodules lie outside by design; they
//! are taken if the repository that they belong to names them too.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, FileType};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::CloneError;
use super::url::RemoteUrl;
use super::watch::Watch;

/// What libgit2 reads below the folder of a repository, of what we ask it for.
const READ: [&str; 8] =
    ["HEAD", "config", "config.worktree", "packed-refs", "shallow", "info", "refs", "objects"];
/// libgit2 holds refs and settings in memory. A million refs fit.
const MAX_REFS_BYTES: u64 = 256 << 20;
/// A file that only names a folder.
const MAX_POINTER_BYTES: u64 = 16 << 10;

/// Looks through the folder of a local source.
///
/// # Errors
/// [`CloneError::Unfit`] for what leads outside, [`CloneError::NotARepository`] for a file, and what the watch says.
pub(super) fn check(url: &RemoteUrl, path: &Path, watch: &Watch<'_>) -> Result<(), CloneError> {
    let disk = |source| CloneError::Disk { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(disk)?.is_dir() {
        return Err(CloneError::NotARepository { url: url.to_string() });
    }
    let home = path.canonicalize().map_err(disk)?;
    let mut look = Look { url, watch, roots: vec![home.clone()], seen: HashSet::new(), refs_bytes: 0 };
    let git_dir = look.git_dir(&home)?;
    let common_dir = match pointer(&git_dir.join("commondir"), b"") {
        Some(target) => look.inside(&git_dir.join("commondir"), &git_dir.join(target))?,
        None => git_dir.clone(),
    };
    look.through(&git_dir)?;
    look.through(&common_dir)
}

/// A look through one source.
struct Look<'a> {
    url: &'a RemoteUrl,
    watch: &'a Watch<'a>,
    /// What lies below one of these is the repository's own.
    roots: Vec<PathBuf>,
    /// Folders that were looked through: links may form a circle.
    seen: HashSet<PathBuf>,
    refs_bytes: u64,
}

impl Look<'_> {
    /// Where the repository of the folder is: its `.git`, what a file of that name leads to, or the folder itself.
    fn git_dir(&mut self, home: &Path) -> Result<PathBuf, CloneError> {
        let dot_git = home.join(".git");
        let Ok(metadata) = fs::metadata(&dot_git) else { return Ok(home.to_owned()) };
        if metadata.is_dir() {
            return self.inside(&dot_git, &dot_git);
        }
        if !metadata.is_file() {
            return Err(self.unfit(&dot_git, IRREGULAR));
        }
        let Some(target) = pointer(&dot_git, b"gitdir:") else { return Ok(home.to_owned()) };
        let Ok(git_dir) = home.join(target).canonicalize() else { return Ok(home.to_owned()) };
        if !self.is_inside(&git_dir) {
            let owner = work_tree_owner(&git_dir, &dot_git).or_else(|| submodule_owner(&git_dir, home));
            self.roots.push(owner.ok_or_else(|| self.unfit(&dot_git, OUTSIDE))?);
        }
        Ok(git_dir)
    }

    /// Where `target` really is, if that is one of our own places. `named_by` is who is to blame if not.
    fn inside(&self, named_by: &Path, target: &Path) -> Result<PathBuf, CloneError> {
        match target.canonicalize() {
            Ok(target) if self.is_inside(&target) => Ok(target),
            Ok(_) => Err(self.unfit(named_by, OUTSIDE)),
            // Nobody can follow it, and libgit2 says so in its own words.
            Err(_) => Ok(target.to_owned()),
        }
    }

    fn is_inside(&self, place: &Path) -> bool {
        self.roots.iter().any(|root| place.starts_with(root))
    }

    fn through(&mut self, git_dir: &Path) -> Result<(), CloneError> {
        for name in READ {
            let path = git_dir.join(name);
            if let Ok(metadata) = fs::symlink_metadata(&path) {
                self.look_at(path, metadata.file_type(), name == "objects")?;
            }
        }
        self.check_alternates(&git_dir.join("objects"))
    }

    /// Looks at one file, or at all that is below one folder, with a stack of its own.
    fn look_at(&mut self, path: PathBuf, kind: FileType, in_objects: bool) -> Result<(), CloneError> {
        let mut left = vec![(path, kind)];
        while let Some((path, kind)) = left.pop() {
            self.watch.check(self.url)?;
            if kind.is_symlink() {
                let target = self.inside(&path, &path)?;
                if let Ok(metadata) = fs::symlink_metadata(&target) {
                    left.push((target, metadata.file_type()));
                }
            } else if kind.is_dir() {
                if self.seen.insert(path.clone()) {
                    left.extend(entries(&path));
                }
            } else if !kind.is_file() {
                return Err(self.unfit(&path, IRREGULAR));
            } else if !in_objects {
                self.refs_bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
                if self.refs_bytes > MAX_REFS_BYTES {
                    return Err(self.unfit(&path, "makes refs and settings larger than 256 MiB"));
                }
            }
        }
        Ok(())
    }

    fn check_alternates(&self, objects: &Path) -> Result<(), CloneError> {
        let path = objects.join("info/alternates");
        let mut text = Vec::new();
        let Ok(file) = File::open(&path) else { return Ok(()) };
        let read = file.take(MAX_POINTER_BYTES + 1).read_to_end(&mut text);
        if read.is_err() || text.len() as u64 > MAX_POINTER_BYTES {
            return Err(self.unfit(&path, BORROWS));
        }
        for line in text.split(|&byte| byte == b'\n' || byte == b'\r') {
            let is_other = !line.is_empty() && !line.starts_with(b"#");
            if is_other && !self.is_inside(&objects.join(OsStr::from_bytes(line))) {
                return Err(self.unfit(&path, BORROWS));
            }
        }
        Ok(())
    }

    fn unfit(&self, at: &Path, reason: &'static str) -> CloneError {
        let at = at.strip_prefix(&self.roots[0]).unwrap_or(at).to_owned();
        CloneError::Unfit { url: self.url.to_string(), at, reason }
    }
}

const OUTSIDE: &str = "leads outside of it";
const IRREGULAR: &str = "is neither a file nor a folder";
const BORROWS: &str =
    "borrows objects from another repository; `git repack -ad` and removing that file makes it whole";

/// The main repository, if it has a linked work tree `git_dir` whose `.git` is the given one.
fn work_tree_owner(git_dir: &Path, dot_git: &Path) -> Option<PathBuf> {
    let common = git_dir.join(pointer(&git_dir.join("commondir"), b"")?).canonicalize().ok()?;
    let back = git_dir.join(pointer(&git_dir.join("gitdir"), b"")?).canonicalize().ok()?;
    (back == dot_git && git_dir.parent()? == common.join("worktrees")).then_some(common)
}

/// The repository of a submodule, if its settings name the work tree.
fn submodule_owner(git_dir: &Path, home: &Path) -> Option<PathBuf> {
    let config = git_dir.join("config");
    if !fs::metadata(&config).ok()?.is_file() {
        return None;
    }
    let work_tree = git2::Config::open(&config).ok()?.get_path("core.worktree").ok()?;
    (git_dir.join(work_tree).canonicalize().ok()? == home).then(|| git_dir.to_owned())
}

/// What a file says that only names a place.
fn pointer(path: &Path, prefix: &[u8]) -> Option<PathBuf> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_POINTER_BYTES).read_to_end(&mut text).ok()?;
    let place = text.strip_prefix(prefix)?.trim_ascii();
    Some(PathBuf::from(OsStr::from_bytes(place)))
}

/// What cannot be listed cannot be read by libgit2 either.
fn entries(folder: &Path) -> Vec<(PathBuf, FileType)> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::debug!(%error, folder = %folder.display(), "folder of a source can't be listed");
            }
            return Vec::new();
        }
    };
    listed.flatten().filter_map(|entry| Some((entry.path(), entry.file_type().ok()?))).collect()
}
