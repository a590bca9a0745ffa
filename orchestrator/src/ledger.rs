//! Ledger: gives every entry of a commit's tree exactly one outcome, and reads each blob that is scanned once.
//!
//! clone → **ledger** → plan. The checks, in this order, the first that applies decides:
//! 1. a submodule or a symlink: skipped, whatever its name;
//! 2. no grammar fits the name: skipped, its blob is never touched;
//! 3. `nightmend.toml` leaves it out;
//! 4. no work tree can hold a file of that path, so no patch of it applies: failed;
//! 5. `.gitattributes` says vendored or generated;
//! 6. folder or name of somebody else's code, name of a tool's output (not if the attributes deny it);
//! 7. the object is missing, or not a blob: failed;
//! 8. too large, by the header of the object, or left out of the mirror for its size;
//! 9. unreadable or damaged: failed;
//! 10. a pointer of large file storage;
//! 11. binary: a NUL in the first 8,000 bytes;
//! 12. a tool's mark in the first lines, or minified (not if the attributes deny it).
//!
//! What is left is scanned: also empty files, and files that are not UTF-8. Next: [`crate::plan`].

mod content;
mod names;

use git2::{ErrorCode, ObjectType, Odb, OdbObject, Oid, Repository, Tree};
use schemas::job::Limits;
use schemas::ledger::{LedgerEntry, Outcome, SkipReason};
use schemas::{Language, RepoPath};

use crate::attributes::{self, Attributes, Marks};
use crate::clone::left_out::{LeftOut, Reason};
use crate::tree::{self, Event, Leaf, WalkError};

/// The content of an entry that is scanned.
#[derive(Debug)]
pub struct ScannedBlob<'a> {
    /// What to parse it as.
    pub language: Language,
    /// As git has them: no filter is applied.
    pub bytes: &'a [u8],
}

/// Walks the tree `root` and gives each entry that is not a tree to `record`, in the order of `git ls-tree -r`; with
/// its content if it is scanned.
///
/// # Errors
/// A tree over its budget or with a hole ([`WalkError`]), or what `record` returns. A blob that can't be read is an
/// outcome, not an error.
pub fn take<E: From<WalkError>>(
    repo: &Repository,
    root: Oid,
    limits: &Limits,
    excludes: &dyn Fn(&[u8]) -> bool,
    mut record: impl FnMut(LedgerEntry, Option<ScannedBlob<'_>>) -> Result<(), E>,
) -> Result<(), E> {
    let odb = repo.odb().map_err(|source| WalkError::Unreadable { path: "".into(), oid: root, source })?;
    let left_out = LeftOut::read(repo);
    let judge = Judge { odb: &odb, left_out, excludes, max_file_bytes: limits.max_file_bytes };
    let mut attributes = Attributes::default();
    tree::walk(repo, root, limits, |event| match event {
        Event::Enter { path, tree } => {
            let file = judge.attributes_file(tree);
            attributes.enter(path, file.as_ref().map(OdbObject::data));
            Ok(())
        }
        Event::Leave => {
            attributes.leave();
            Ok(())
        }
        Event::Leaf(leaf) => {
            let verdict = judge.verdict(leaf, &mut attributes);
            record(verdict.entry(leaf), verdict.scanned())
        }
    })
}

/// What a check decides.
enum Verdict<'odb> {
    Skipped { reason: SkipReason, n_bytes: u64 },
    Failed(String),
    Scanned { language: Language, object: OdbObject<'odb> },
}

impl Verdict<'_> {
    fn entry(&self, leaf: Leaf<'_>) -> LedgerEntry {
        let (outcome, n_bytes) = match self {
            Self::Skipped { reason, n_bytes } => (Outcome::Skipped { reason: *reason }, *n_bytes),
            Self::Failed(reason) => (Outcome::Failed { reason: reason.clone() }, 0),
            Self::Scanned { object, .. } => (Outcome::Scanned, object.len() as u64),
        };
        LedgerEntry {
            path: RepoPath::new(leaf.path.to_vec()),
            mode: leaf.mode,
            oid: leaf.oid.to_string(),
            n_bytes,
            outcome,
        }
    }

    fn scanned(&self) -> Option<ScannedBlob<'_>> {
        match self {
            Self::Scanned { language, object } => {
                Some(ScannedBlob { language: *language, bytes: object.data() })
            }
            _ => None,
        }
    }
}

/// Applies the checks.
struct Judge<'a> {
    odb: &'a Odb<'a>,
    left_out: LeftOut,
    excludes: &'a dyn Fn(&[u8]) -> bool,
    max_file_bytes: u64,
}

impl<'a> Judge<'a> {
    fn verdict(&self, leaf: Leaf<'_>, attributes: &mut Attributes) -> Verdict<'a> {
        let unseen = |reason| Verdict::Skipped { reason, n_bytes: 0 };
        match leaf.mode {
            tree::MODE_GITLINK => return unseen(SkipReason::Submodule),
            tree::MODE_SYMLINK => return unseen(SkipReason::Symlink),
            _ => {}
        }
        let Some(language) = Language::of_path(leaf.path) else {
            return unseen(SkipReason::UnsupportedLanguage);
        };
        if (self.excludes)(leaf.path) {
            return unseen(SkipReason::Excluded);
        }
        if let Some(flaw) = leaf.flaw {
            return Verdict::Failed(flaw.reason().to_owned());
        }
        let marks = attributes.of(leaf.path);
        if let Some(reason) = by_name(leaf.path, marks) {
            return unseen(reason);
        }
        self.by_content(leaf.oid, language, marks)
    }

    fn by_content(&self, oid: Oid, language: Language, marks: Marks) -> Verdict<'a> {
        let n_bytes = match self.odb.read_header(oid) {
            Ok((n_bytes, ObjectType::Blob)) => n_bytes as u64,
            Ok((_, kind)) => return Verdict::Failed(format!("object {oid} is a {kind} and not a blob")),
            Err(error) => {
                return match self.left_out.reason(oid) {
                    Some(Reason::TooLarge(n_bytes)) => {
                        Verdict::Skipped { reason: SkipReason::TooLarge, n_bytes }
                    }
                    Some(Reason::Damaged) => damaged(oid),
                    None => unreadable(oid, &error),
                };
            }
        };
        let skipped = |reason| Verdict::Skipped { reason, n_bytes };
        if n_bytes > self.max_file_bytes {
            return skipped(SkipReason::TooLarge);
        }
        let object = match self.odb.read(oid) {
            Ok(object) => object,
            Err(error) => return unreadable(oid, &error),
        };
        let bytes = object.data();
        if content::is_lfs_pointer(bytes) {
            return skipped(SkipReason::LfsPointer);
        }
        if content::is_binary(bytes) {
            return skipped(SkipReason::Binary);
        }
        if marks.generated != Some(false) && content::is_generated(bytes, language) {
            return skipped(SkipReason::Generated);
        }
        Verdict::Scanned { language, object }
    }

    /// A link or a folder of that name says nothing, and neither does a file that can't be read.
    fn attributes_file(&self, tree: &Tree<'_>) -> Option<OdbObject<'a>> {
        let entry = tree.get_name_bytes(attributes::FILE_NAME)?;
        if entry.kind() != Some(ObjectType::Blob) || entry.filemode().cast_unsigned() == tree::MODE_SYMLINK {
            return None;
        }
        let (n_bytes, _) = self.odb.read_header(entry.id()).ok()?;
        (n_bytes <= attributes::MAX_FILE_BYTES).then(|| self.odb.read(entry.id()).ok()).flatten()
    }
}

/// What attributes and names say before any blob is read.
fn by_name(path: &[u8], marks: Marks) -> Option<SkipReason> {
    if marks.vendored.unwrap_or_else(|| names::is_vendored(path)) {
        return Some(SkipReason::Vendored);
    }
    marks.generated.unwrap_or_else(|| names::is_generated(path)).then_some(SkipReason::Generated)
}

/// The reason is part of the report: the same words on every machine, so not libgit2's.
fn unreadable<'odb>(oid: Oid, error: &git2::Error) -> Verdict<'odb> {
    match error.code() {
        ErrorCode::NotFound => Verdict::Failed(format!("object {oid} is missing")),
        _ => damaged(oid),
    }
}

fn damaged<'odb>(oid: Oid) -> Verdict<'odb> {
    Verdict::Failed(format!("object {oid} is damaged"))
}
