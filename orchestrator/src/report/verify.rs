//! The check `applies`: a patch is parsed back and applied to the tree of the base commit before anyone sees it.
//! Nothing is written into the mirror: new objects stay in memory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use git2::{Commit, Diff, Oid, Repository, Tree};

use super::diff::FileDiff;

/// Above the priorities of the backends on disk (1 for loose objects, 2 for packs).
const IN_MEMORY_FIRST: i32 = 1000;

/// A bare repository to read from, with an object database in memory on top that takes all writes.
pub(super) struct Mirror {
    repo: Repository,
    base: Oid,
}

impl Mirror {
    /// Opens the bare repository at `path` for work on `commit`.
    ///
    /// # Errors
    /// What libgit2 says: no repository there, no such commit.
    pub(super) fn open(path: &Path, commit: &str) -> Result<Self, git2::Error> {
        // A tree of a patch holds what the base holds, also objects that are missing: they failed their own entries.
        git2::opts::strict_object_creation(false);
        let repo = Repository::open_bare(path)?;
        repo.odb()?.add_new_mempack_backend(IN_MEMORY_FIRST)?;
        let base = repo.find_commit(Oid::from_str(commit)?)?.id();
        Ok(Self { repo, base })
    }

    /// The base commit.
    pub(super) fn commit(&self) -> Result<Commit<'_>, git2::Error> {
        self.repo.find_commit(self.base)
    }

    /// The bytes of a blob.
    pub(super) fn blob(&self, oid: &str) -> Result<Vec<u8>, git2::Error> {
        Ok(self.repo.find_blob(Oid::from_str(oid)?)?.content().to_vec())
    }

    /// The tree of the base commit.
    pub(super) fn base_tree(&self) -> Result<Tree<'_>, git2::Error> {
        self.commit()?.tree()
    }

    /// Applies the diffs to `tree`. `None` unless they apply and give exactly the blobs that they promise, with
    /// modes kept and nothing else touched.
    pub(super) fn apply<'a>(&'a self, tree: &Tree<'_>, files: &[&FileDiff]) -> Option<Applied<'a>> {
        let text: Vec<u8> = files.iter().flat_map(|file| file.text.iter().copied()).collect();
        let diff = Diff::from_buffer(&text).ok()?;
        if diff.deltas().len() != files.len() {
            return None;
        }
        let index = self.repo.apply_to_tree(tree, &diff, None).ok()?;
        let is_as_promised = |file: &&FileDiff| {
            let path = Path::new(OsStr::from_bytes(file.path.as_bytes()));
            index.get_path(path, 0).is_some_and(|entry| entry.id == file.new_oid && entry.mode == file.mode)
        };
        files.iter().all(is_as_promised).then_some(Applied { mirror: self, index })
    }
}

/// The tree that a patch leaves.
pub(super) struct Applied<'a> {
    mirror: &'a Mirror,
    index: git2::Index,
}

impl<'a> Applied<'a> {
    /// The tree as an object in memory, for the next patch of a series. `None` if the base holds names that git
    /// writes into no tree.
    pub(super) fn into_tree(mut self) -> Option<Tree<'a>> {
        let oid = self.index.write_tree_to(&self.mirror.repo).ok()?;
        self.mirror.repo.find_tree(oid).ok()
    }
}
