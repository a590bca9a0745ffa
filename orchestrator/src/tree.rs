//! Walks the tree of a commit, entry by entry, in the order of `git ls-tree -r`, within a budget.
//!
//! A tree of a few kilobytes can name a billion files (the same subtree ten times, ten levels deep), so entries
//! are counted while walking and the walk stops at the budget; the walk keeps its own stack and never recurses.

use std::collections::HashSet;

use git2::{Odb, Oid, Repository, Tree, TreeEntry};
use schemas::RepoPath;
use schemas::job::Limits;

use crate::clone::left_out::{self, LeftOut, Reason};

/// What `git ls-tree` prints as the mode of a link.
pub const MODE_SYMLINK: u32 = 0o120_000;
/// The mode of a commit of another repo.
pub const MODE_GITLINK: u32 = 0o160_000;
const MODE_TREE: u32 = 0o040_000;
/// What Linux takes.
pub const MAX_PATH_BYTES: usize = 4096;
/// Two million paths of 128 bytes.
pub const MAX_PATHS_BYTES: u64 = 256 << 20;

/// One entry that is not a tree.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Relative to the root.
    pub path: &'a [u8],
    /// As `git ls-tree` prints it.
    pub mode: u32,
    /// Of the blob, or of the commit behind a submodule.
    pub oid: Oid,
    /// Why no work tree can hold the path, if none can. A patch of such a path does not apply, and would take the
    /// others of its rule with it.
    pub flaw: Option<Flaw>,
}

/// What is wrong with a path. Git never writes such trees and never checks them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A part of it is empty, `.`, `..` or `.git`, or one name holds a `/`.
    Name,
    /// A folder on the way, or the file itself, shares its name with another entry beside it.
    Twice,
}

impl Flaw {
    /// For the report.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Name => "no work tree can hold a file of this name",
            Self::Twice => "its folder holds two entries of one name",
        }
    }
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
    /// A tree object so large that reading it would take more memory than its entries are worth.
    #[error("the tree at `{path}` has {n_bytes} bytes")]
    TooLarge {
        /// Where it hangs; empty for the root.
        path: RepoPath,
        /// Bytes of the object.
        n_bytes: u64,
    },
    /// Longer than any file system takes: a name of a megabyte above many files is gigabytes of paths.
    #[error("a path below `{folder}` has more than {MAX_PATH_BYTES} bytes")]
    LongPath {
        /// The last folder on the way that is not too long itself; empty for the root.
        folder: RepoPath,
    },
    /// The paths of all entries together are held in memory.
    #[error("the paths of the tree have more than {MAX_PATHS_BYTES} bytes")]
    LongPaths,
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
    /// Of the way to this tree.
    flaw: Option<Flaw>,
    /// Names that more than one entry has.
    repeated: HashSet<Vec<u8>>,
}

impl<'repo> Level<'repo> {
    fn new(tree: Tree<'repo>, path_len: usize, flaw: Option<Flaw>) -> Self {
        let repeated = repeated(&tree);
        Self { tree, next: 0, path_len, flaw, repeated }
    }

    /// Mode, id and flaw of the next entry; its name is appended to `path`.
    fn next_entry(&mut self, path: &mut Vec<u8>) -> Option<(u32, Oid, Option<Flaw>)> {
        let entry = self.tree.get(self.next)?;
        self.next += 1;
        let name = entry.name_bytes();
        path.extend_from_slice(name);
        let own = if is_impossible(name) {
            Some(Flaw::Name)
        } else {
            self.repeated.contains(name).then_some(Flaw::Twice)
        };
        Some((entry.filemode().cast_unsigned(), entry.id(), self.flaw.or(own)))
    }
}

/// As git checks it before it writes a file.
fn is_impossible(name: &[u8]) -> bool {
    matches!(name, b"" | b"." | b"..") || name.eq_ignore_ascii_case(b".git") || name.contains(&b'/')
}

/// Names that two entries have. In a sorted tree two files, or two folders, of one name would stand side by side, so
/// only the names of its folders are held to find those that a file has too.
fn repeated(tree: &Tree<'_>) -> HashSet<Vec<u8>> {
    let is_folder = |entry: &TreeEntry<'_>| entry.filemode().cast_unsigned() == MODE_TREE;
    let key =
        |entry: &TreeEntry<'_>| [entry.name_bytes(), if is_folder(entry) { b"/" } else { b"" }].concat();
    let is_sorted = tree.iter().map(|entry| key(&entry)).is_sorted_by(|one, next| one < next);
    let mut seen = HashSet::new();
    let mut repeated = HashSet::new();
    if is_sorted {
        seen.extend(tree.iter().filter(is_folder).map(|folder| folder.name_bytes().to_vec()));
    }
    for entry in tree {
        let name = entry.name_bytes();
        let is_repeated =
            if is_sorted { !is_folder(&entry) && seen.contains(name) } else { !seen.insert(name.to_vec()) };
        if is_repeated {
            repeated.insert(name.to_vec());
        }
    }
    repeated
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
    let (mut n_entries, mut n_path_bytes) = (0_u64, 0_u64);
    let odb = repo.odb().map_err(|source| WalkError::Unreadable { path: shown(&path), oid: root, source })?;
    let mut levels = vec![Level::new(open(repo, &odb, root, &path)?, 0, None)];
    visit(Event::Enter { path: &path, tree: &levels[0].tree })?;
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_len);
        let Some((mode, oid, flaw)) = level.next_entry(&mut path) else {
            visit(Event::Leave)?;
            levels.pop();
            continue;
        };
        n_entries += 1;
        n_path_bytes += path.len() as u64;
        if path.len() > MAX_PATH_BYTES {
            return Err(WalkError::LongPath { folder: shown(&path[..level.path_len]) }.into());
        }
        if n_path_bytes > MAX_PATHS_BYTES {
            return Err(WalkError::LongPaths.into());
        }
        if n_entries > limits.max_tree_entries {
            return Err(WalkError::TooManyEntries { limit: limits.max_tree_entries }.into());
        }
        if mode != MODE_TREE {
            visit(Event::Leaf(Leaf { path: &path, mode, oid, flaw }))?;
            continue;
        }
        if levels.len() >= limits.max_tree_depth as usize {
            return Err(WalkError::TooDeep { limit: limits.max_tree_depth, path: shown(&path) }.into());
        }
        path.push(b'/');
        let tree = open(repo, &odb, oid, &path)?;
        visit(Event::Enter { path: &path, tree: &tree })?;
        levels.push(Level::new(tree, path.len(), flaw));
    }
    Ok(())
}

fn open<'repo>(
    repo: &'repo Repository,
    odb: &Odb<'_>,
    oid: Oid,
    path: &[u8],
) -> Result<Tree<'repo>, WalkError> {
    let n_bytes = match odb.read_header(oid) {
        Ok((n_bytes, _)) => n_bytes as u64,
        Err(_) => match LeftOut::read(repo).reason(oid) {
            Some(Reason::TooLarge(n_bytes)) => n_bytes,
            Some(Reason::Damaged) | None => 0,
        },
    };
    if n_bytes > left_out::MAX_TREE_BYTES {
        return Err(WalkError::TooLarge { path: shown(path), n_bytes });
    }
    repo.find_tree(oid).map_err(|source| WalkError::Unreadable { path: shown(path), oid, source })
}

/// The path for a message: without the slash of a folder.
fn shown(path: &[u8]) -> RepoPath {
    RepoPath::new(path.strip_suffix(b"/").unwrap_or(path).to_vec())
}
