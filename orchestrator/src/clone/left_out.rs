//! Objects that a mirror does without because they are too large for anything that is done with them, and how large
//! they are. Without this list they would be missing; with it the ledger says what is true.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use git2::{ObjectType, Oid, Repository};

/// Files above this many bytes are not brought into a mirror and are too large whatever the job allows: libgit2 packs
/// an object by holding it in memory, and a few beside it to compare.
pub(crate) const MAX_BLOB_BYTES: u64 = 16 << 20;
/// A tree of two million entries, the usual budget, takes this much.
pub(crate) const MAX_TREE_BYTES: u64 = 128 << 20;
/// Commits and tags hold a message for people.
pub(crate) const MAX_MESSAGE_BYTES: u64 = 16 << 20;

/// The file in the mirror: a line `<object id> <bytes>` for each.
const FILE_NAME: &str = "left-out";

/// How large an object of this kind may be.
pub(crate) fn limit(kind: ObjectType) -> u64 {
    match kind {
        ObjectType::Tree => MAX_TREE_BYTES,
        ObjectType::Commit | ObjectType::Tag => MAX_MESSAGE_BYTES,
        ObjectType::Blob | ObjectType::Any => MAX_BLOB_BYTES,
    }
}

/// The objects that a mirror was made without, and their bytes.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(HashMap<Oid, u64>);

impl LeftOut {
    /// What is known of the mirror; nothing of any other repository.
    pub(crate) fn read(mirror: &Repository) -> Self {
        let Ok(file) = File::open(mirror.path().join(FILE_NAME)) else { return Self::default() };
        let entry = |line: String| {
            let (oid, n_bytes) = line.split_once(' ')?;
            Some((Oid::from_str(oid).ok()?, n_bytes.parse().ok()?))
        };
        // A line that a crash cut short belongs to a fetch that is done again.
        Self(BufReader::new(file).lines().map_while(Result::ok).filter_map(entry).collect())
    }

    /// Bytes of the object, if it was left out.
    pub(crate) fn size_of(&self, oid: Oid) -> Option<u64> {
        self.0.get(&oid).copied()
    }

    /// Notes objects. Some may be known already.
    pub(crate) fn append(mirror: &Repository, objects: &[(Oid, u64)]) -> std::io::Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let text: String = objects.iter().map(|(oid, n_bytes)| format!("{oid} {n_bytes}\n")).collect();
        let path = mirror.path().join(FILE_NAME);
        File::options().create(true).append(true).open(path)?.write_all(text.as_bytes())
    }
}
