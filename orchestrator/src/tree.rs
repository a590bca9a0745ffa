//! Walks the tree of a commit, entry by entry, in the order of `git ls-tree -r`, within a budget.
//!
//! A tree of a few kilobytes can name a billion files (the same subtree ten times, ten levels deep), so entries
//! are counted while walking and the walk stops at the budget; the walk keeps its own stack and never recurses.

use git2::{Oid, Repository, Tree};
use schemas::RepoPath;
use schemas::job::Limits;

/// What `git ls-tree` prints as the mode of a link.
pub const MODE_SYMLINK: u32 = 0o120_000;
/// The mode of a commit of another repo.
pub const MODE_GITLINK: u32 = 0o160_000;
const MODE_TREE: u32 = 0o040_000;

/// One entry that is not a tree.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Relative to the root.
    pub path: &'a [u8],
    /// As `git ls-tree` prints it.
    pub mode: u32,
    /// Of the blob, or of the commit behind a submodule.
    pub oid: Oid,
}

/// What a walk tells its visitor.
#[derive(Debug)]
pub enum Event<'a, 'repo> {
    /// A tree begins; `path` is empty for the root and ends with `/` otherwise.
    Enter {
        /// Relative to the root.
        path: &'a [u8],
        /// For a look at its own entries.
        tree: &'a Tree<'repo>,
    },
    /// An entry that is not a tree.
    Leaf(Leaf<'a>),
    /// The tree that was entered last and not left yet ends.
    Leave,
}

/// Why a tree can't be walked to its end. All of them fail the repo.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// More entries, trees among them, than the job allows.
    #[error("the tree has more than {limit} entries")]
    TooManyEntries {
        /// The job's limit.
        limit: u64,
    },
    /// Deeper than the job allows.
    #[error("the tree is more than {limit} levels deep at `{path}`")]
    TooDeep {
        /// The job's limit.
        limit: u32,
        /// The first tree that is too deep.
        path: RepoPath,
    },
    /// A tree object is missing or damaged, so nobody knows what is below it.
    #[error("tree `{oid}` at `{path}` can't be read")]
    Unreadable {
        /// Where it hangs; empty for the root.
        path: RepoPath,
        /// The missing object.
        oid: Oid,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
}

/// A tree that is being walked.
struct Level<'repo> {
    tree: Tree<'repo>,
    /// The next entry to look at.
    next: usize,
    /// Bytes of the path that belong to this tree.
    path_len: usize,
}

impl Level<'_> {
    /// Mode and id of the next entry; its name is appended to `path`.
    fn next_entry(&mut self, path: &mut Vec<u8>) -> Option<(u32, Oid)> {
        let entry = self.tree.get(self.next)?;
        self.next += 1;
        path.extend_from_slice(entry.name_bytes());
        Some((entry.filemode().cast_unsigned(), entry.id()))
    }
}

/// Walks the tree `root`, calling `visit` for each event until it fails.
///
/// # Errors
/// [`WalkError`], or what `visit` returns.
pub fn walk<'repo, E: From<WalkError>>(
    repo: &'repo Repository,
    root: Oid,
    limits: &Limits,
    mut visit: impl FnMut(Event<'_, 'repo>) -> Result<(), E>,
) -> Result<(), E> {
    let mut path = Vec::new();
    let mut n_entries = 0_u64;
    let mut levels = vec![Level { tree: open(repo, root, &path)?, next: 0, path_len: 0 }];
    visit(Event::Enter { path: &path, tree: &levels[0].tree })?;
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_len);
        let Some((mode, oid)) = level.next_entry(&mut path) else {
            visit(Event::Leave)?;
            levels.pop();
            continue;
        };
        n_entries += 1;
        if n_entries > limits.max_tree_entries {
            return Err(WalkError::TooManyEntries { limit: limits.max_tree_entries }.into());
        }
        if mode != MODE_TREE {
            visit(Event::Leaf(Leaf { path: &path, mode, oid }))?;
            continue;
        }
        if levels.len() >= limits.max_tree_depth as usize {
            return Err(WalkError::TooDeep { limit: limits.max_tree_depth, path: shown(&path) }.into());
        }
        path.push(b'/');
        let tree = open(repo, oid, &path)?;
        visit(Event::Enter { path: &path, tree: &tree })?;
        levels.push(Level { tree, next: 0, path_len: path.len() });
    }
    Ok(())
}

fn open<'repo>(repo: &'repo Repository, oid: Oid, path: &[u8]) -> Result<Tree<'repo>, WalkError> {
    repo.find_tree(oid).map_err(|source| WalkError::Unreadable { path: shown(path), oid, source })
}

/// The path for a message: without the slash of a folder.
fn shown(path: &[u8]) -> RepoPath {
    RepoPath::new(path.strip_suffix(b"/").unwrap_or(path).to_vec())
}
