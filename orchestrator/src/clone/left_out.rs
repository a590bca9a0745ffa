//! Objects that a mirror does without because they are too large for anything that is done with them, or damaged in
//! the source. Without this list they would be missing; with it the ledger says what is true.

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

/// The file in the mirror: a line `<object id> <bytes>` or `<object id> damaged` for each.
const FILE_NAME: &str = "left-out";

/// How large an object of this kind may be.
pub(crate) fn limit(kind: ObjectType) -> u64 {
    match kind {
        ObjectType::Tree => MAX_TREE_BYTES,
        ObjectType::Commit | ObjectType::Tag => MAX_MESSAGE_BYTES,
        ObjectType::Blob | ObjectType::Any => MAX_BLOB_BYTES,
    }
}

/// Why a mirror does without an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// Its bytes.
    TooLarge(u64),
    /// It cannot be read, or is not what its id says.
    Damaged,
}

/// The objects that a mirror was made without.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(HashMap<Oid, Reason>);

impl LeftOut {
    /// What is known of the mirror; nothing of any other repository.
    pub(crate) fn read(mirror: &Repository) -> Self {
        let Ok(file) = File::open(mirror.path().join(FILE_NAME)) else { return Self::default() };
        let entry = |line: String| {
            let (oid, reason) = line.split_once(' ')?;
            let reason = match reason {
                "damaged" => Reason::Damaged,
                n_bytes => Reason::TooLarge(n_bytes.parse().ok()?),
            };
            Some((Oid::from_str(oid).ok()?, reason))
        };
        // A line that a crash cut short belongs to a fetch that is done again.
        Self(BufReader::new(file).lines().map_while(Result::ok).filter_map(entry).collect())
    }

    /// Why the object was left out, if it was.
    pub(crate) fn reason(&self, oid: Oid) -> Option<Reason> {
        self.0.get(&oid).copied()
    }

    /// Notes objects. Some may be known already.
    pub(crate) fn append(mirror: &Repository, objects: &[(Oid, Reason)]) -> std::io::Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let line = |(oid, reason): &(Oid, Reason)| match reason {
            Reason::TooLarge(n_bytes) => format!("{oid} {n_bytes}\n"),
            Reason::Damaged => format!("{oid} damaged\n"),
        };
        let text: String = objects.iter().map(line).collect();
        let path = mirror.path().join(FILE_NAME);
        File::options().create(true).append(true).open(path)?.write_all(text.as_bytes())
    }
}
