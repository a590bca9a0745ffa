//! The same for a folder of this machine: copies one commit and its tree, object by object, into the mirror.
//!
//! libgit2's own local transport would copy the history of every ref, and fails where the source is itself a
//! shallow clone. The source is only read: its objects and its refs, no filter, hook or configuration.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, PackBuilder, Repository};

use super::error::CloneError;
use super::fetch::{Fetch, FetchError, RemoteRef, Wanted, resolve};
use super::left_out::{LeftOut, Reason, limit};

impl Fetch<'_> {
    /// Copies what is missing and returns the id of the object: a commit or an annotated tag.
    pub(super) fn copy_from(&self, path: &Path) -> Result<Oid, FetchError> {
        let source = Repository::open(path).map_err(|e| CloneError::from_remote(self.url, e))?;
        let offered = refs(&source).map_err(|e| CloneError::from_remote(self.url, e))?;
        if offered.is_empty() {
            return Err(CloneError::Empty { url: self.url.to_string() }.into());
        }
        let id = match resolve(&offered, self.rev).ok_or_else(|| self.no_such_rev())? {
            Wanted::Ref { tip, .. } | Wanted::Object(tip) => tip,
            Wanted::Abbreviated => {
                self.expand_abbreviation(&source, |e| CloneError::from_remote(self.url, e).into())?
            }
        };
        if self.kept(id).is_none() {
            self.copy(&source, id)?;
        }
        Ok(id)
    }

    fn copy(&self, source: &Repository, id: Oid) -> Result<(), FetchError> {
        match self.copy_objects(source, id, false) {
            // One object that cannot be read spoils the pack. Sound sources do not pay for reading each one twice.
            Err(FetchError::Clone(CloneError::Git { .. })) => self.copy_objects(source, id, true),
            outcome => outcome,
        }
    }

    /// `read_first`: leave out what cannot be read.
    fn copy_objects(&self, source: &Repository, id: Oid, read_first: bool) -> Result<(), FetchError> {
        let fail = |error| {
            let stopped = self.watch.check(self.url);
            FetchError::Clone(stopped.err().unwrap_or_else(|| CloneError::from_remote(self.url, error)))
        };
        let mut objects = source.packbuilder().map_err(fail)?;
        objects.set_threads(1);
        objects.set_progress_callback(|_, _, _| self.watch.may_go_on()).map_err(fail)?;
        let commits = insert_chain(&mut objects, source, id).map_err(fail)?;
        let mut left_out = Vec::new();
        for commit in &commits {
            self.insert_tree(&mut objects, source, *commit, read_first, &mut left_out).map_err(fail)?;
        }
        // Before the objects: a mirror that has a commit knows what it lacks.
        LeftOut::append(self.mirror, &left_out)
            .map_err(|source| CloneError::Disk { path: self.mirror.path().to_owned(), source })?;
        let odb = self.mirror.odb().map_err(FetchError::MirrorBroken)?;
        let mut pack = odb.packwriter().map_err(FetchError::MirrorBroken)?;
        objects.foreach(|chunk| self.watch.may_go_on() && pack.write_all(chunk).is_ok()).map_err(fail)?;
        pack.commit().map(drop).map_err(FetchError::MirrorBroken)?;
        self.mark_shallow(&commits)
    }

    /// Every object below the tree once, with a stack of its own: neither a deep tree nor one of shared subtrees
    /// costs more than the objects it has. What the source lacks, or what is too large, is left out, and the ledger
    /// says so. Headers are looked at first, since a few kilobytes can hold gigabytes of zeros.
    fn insert_tree(
        &self,
        objects: &mut PackBuilder<'_>,
        source: &Repository,
        commit: Oid,
        read_first: bool,
        left_out: &mut Vec<(Oid, Reason)>,
    ) -> Result<(), git2::Error> {
        let odb = source.odb()?;
        let root = source.find_commit(commit)?.tree_id();
        let mut seen = HashSet::from([root]);
        let mut trees = vec![root];
        let mut fits = |oid| {
            let reason = match odb.read_header(oid) {
                Ok((n_bytes, kind)) if n_bytes as u64 > limit(kind) => Reason::TooLarge(n_bytes as u64),
                Ok(_) if read_first && odb.read(oid).is_err() => Reason::Damaged,
                Ok(_) => return true,
                Err(error) if error.code() == ErrorCode::NotFound => return false,
                Err(_) => Reason::Damaged,
            };
            left_out.push((oid, reason));
            false
        };
        while let Some(oid) = trees.pop() {
            if !fits(oid) {
                continue;
            }
            let Ok(tree) = source.find_tree(oid) else { continue };
            if !self.watch.may_go_on() {
                return Err(git2::Error::from_str("stopped"));
            }
            objects.insert_object(oid, None)?;
            for entry in &tree {
                let is_new = entry.kind() != Some(ObjectType::Commit) && seen.insert(entry.id());
                match entry.kind() {
                    Some(ObjectType::Tree) if is_new => trees.push(entry.id()),
                    Some(ObjectType::Blob) if is_new && fits(entry.id()) => {
                        objects.insert_object(entry.id(), entry.name().ok())?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Tells git that the parents are absent on purpose.
    fn mark_shallow(&self, commits: &[Oid]) -> Result<(), FetchError> {
        let path = self.mirror.path().join("shallow");
        let mut ids: Vec<String> = match std::fs::read_to_string(&path) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(_) => Vec::new(),
        };
        ids.extend(commits.iter().map(Oid::to_string));
        ids.sort();
        ids.dedup();
        std::fs::write(&path, ids.join("\n") + "\n")
            .map_err(|source| CloneError::Disk { path, source }.into())
    }
}

/// Inserts the object itself and the tags on the way to its commit, if it leads to one.
fn insert_chain(
    objects: &mut PackBuilder<'_>,
    source: &Repository,
    id: Oid,
) -> Result<Vec<Oid>, git2::Error> {
    check_message(source, id)?;
    let mut object = match source.find_object(id, None) {
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    loop {
        objects.insert_object(object.id(), None)?;
        object = match object.as_tag() {
            Some(tag) => {
                check_message(source, tag.target_id())?;
                tag.target()?
            }
            None => break,
        };
    }
    Ok(object.as_commit().map(git2::Commit::id).into_iter().collect())
}

/// Refuses a commit or tag that is too large to be read for what it leads to.
fn check_message(source: &Repository, id: Oid) -> Result<(), git2::Error> {
    match source.odb()?.read_header(id) {
        Ok((n_bytes, kind)) if n_bytes as u64 > limit(kind) => {
            Err(git2::Error::from_str(&format!("{kind} {id} has {n_bytes} bytes")))
        }
        // Whoever reads it says what is wrong.
        _ => Ok(()),
    }
}

/// HEAD and all refs that lead to an object.
fn refs(source: &Repository) -> Result<Vec<RemoteRef>, git2::Error> {
    let mut found = Vec::new();
    if let Some(tip) = source.head().ok().and_then(|head| head.target()) {
        found.push(RemoteRef { name: "HEAD".to_owned(), tip });
    }
    for reference in source.references()?.flatten() {
        let tip = reference.resolve().ok().and_then(|direct| direct.target());
        if let (Ok(name), Some(tip)) = (reference.name(), tip) {
            found.push(RemoteRef { name: name.to_owned(), tip });
        }
    }
    Ok(found)
}
