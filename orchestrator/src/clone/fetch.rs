//! One conversation with a remote: which object does the revision name, and bring it into the mirror.
//!
//! Over a socket only what the revision needs is fetched, at depth 1: one ref, or one object by its full id. An abbreviated id, or a server that gives no objects by id, costs all branches and tags.

use git2::{
    AutotagOption, Commit, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, ProxyOptions, Remote,
    RemoteCallbacks, RemoteRedirect, Repository,
};

use super::error::CloneError;
use super::left_out::LeftOut;
use super::url::RemoteUrl;
use super::watch::Watch;
use crate::credentials::{Credentials, Login};

/// Where the mirror keeps a ref per commit that a job asked for, so that nothing collects it.
const KEPT: &str = "refs/nightmend/commits";
/// libgit2's depth for "the whole history, also of a shallow mirror".
const DEPTH_UNSHALLOW: i32 = i32::MAX;
/// Git's own minimum for an abbreviated id.
const MIN_ABBREVIATION: usize = 4;
/// Hex digits of a SHA-1.
const FULL_ID: usize = 40;

/// Why a fetch ended without a commit.
pub(super) enum FetchError {
    /// The mirror on disk is to blame: make it again.
    MirrorBroken(git2::Error),
    /// The remote, the network or the request.
    Clone(CloneError),
}

impl From<CloneError> for FetchError {
    fn from(error: CloneError) -> Self {
        Self::Clone(error)
    }
}

/// What of the remote has to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A ref of the remote and the object it names.
    Ref { name: String, tip: Oid },
    /// An object by its full id.
    Object(Oid),
    /// An abbreviated id: only the whole history can tell.
    Abbreviated,
}

/// A ref that the remote offers.
pub(super) struct RemoteRef {
    pub(super) name: String,
    pub(super) tip: Oid,
}

/// Brings the commit that a revision names into a mirror.
pub(super) struct Fetch<'a> {
    pub(super) mirror: &'a Repository,
    pub(super) url: &'a RemoteUrl,
    pub(super) rev: Option<&'a str>,
    pub(super) credentials: &'a Credentials,
    pub(super) watch: &'a Watch<'a>,
}

impl Fetch<'_> {
    /// Fetches what is missing and returns the commit, protected by a ref.
    pub(super) fn run(&self) -> Result<Oid, FetchError> {
        if let Some(commit) = self.rev.and_then(full_id).and_then(|id| self.kept(id)) {
            return Ok(commit);
        }
        let id = match self.url.local_path() {
            Some(path) => self.copy_from(path)?,
            None => self.fetch()?,
        };
        let commit = self.commit_of(id)?;
        self.keep(&commit)?;
        Ok(commit.id())
    }

    /// Over a socket: returns the id of the object, a commit or an annotated tag.
    fn fetch(&self) -> Result<Oid, FetchError> {
        let mut remote = self.mirror.remote_anonymous(&self.url.for_libgit2()).map_err(|e| self.blame(e))?;
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        let mut connection = remote
            .connect_auth(Direction::Fetch, Some(self.callbacks()), Some(proxy))
            .map_err(|e| self.blame(e))?;
        let offered = list(&connection).map_err(|e| self.blame(e))?;
        if offered.is_empty() {
            return Err(CloneError::Empty { url: self.url.to_string() }.into());
        }
        let wanted = resolve(&offered, self.rev).ok_or_else(|| self.no_such_rev())?;
        self.download(connection.remote(), &wanted)
    }

    /// Downloads and returns the id of the object: a commit or an annotated tag.
    fn download(&self, remote: &mut Remote<'_>, wanted: &Wanted) -> Result<Oid, FetchError> {
        match wanted {
            Wanted::Ref { tip, .. } if self.kept(*tip).is_some() => Ok(*tip),
            Wanted::Ref { name, tip } => {
                self.download_refspecs(remote, &[name])?;
                Ok(*tip)
            }
            Wanted::Object(id) => {
                let by_id = self.download_refspecs(remote, &[&id.to_string()]);
                if by_id.is_err() || self.mirror.find_object(*id, None).is_err() {
                    self.watch.check(self.url)?;
                    self.download_everything(remote)?;
                }
                Ok(*id)
            }
            Wanted::Abbreviated => {
                self.download_everything(remote)?;
                self.expand_abbreviation(self.mirror, FetchError::MirrorBroken)
            }
        }
    }

    fn download_refspecs(&self, remote: &mut Remote<'_>, refspecs: &[&str]) -> Result<(), FetchError> {
        match self.download_at(remote, refspecs, 1) {
            // A server that can't do shallow clones.
            Err(error) if error.message().contains("shallow") => {
                self.reconnect(remote)?;
                self.download_at(remote, refspecs, 0).map_err(|e| self.blame(e))
            }
            result => result.map_err(|e| self.blame(e)),
        }
    }

    fn download_everything(&self, remote: &mut Remote<'_>) -> Result<(), FetchError> {
        self.reconnect(remote)?;
        let depth = if self.mirror.is_shallow() { DEPTH_UNSHALLOW } else { 0 };
        let refspecs = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];
        self.download_at(remote, &refspecs, depth).map_err(|e| self.blame(e))
    }

    /// Objects only: no ref of the mirror moves.
    fn download_at(&self, remote: &mut Remote<'_>, refspecs: &[&str], depth: i32) -> Result<(), git2::Error> {
        let mut options = FetchOptions::new();
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        options
            .remote_callbacks(self.callbacks())
            .proxy_options(proxy)
            .download_tags(AutotagOption::None)
            .follow_redirects(RemoteRedirect::Initial)
            .update_fetchhead(false)
            .depth(depth);
        remote.download(refspecs, Some(&mut options))
    }

    /// A failed download leaves the connection in an unknown state.
    fn reconnect(&self, remote: &mut Remote<'_>) -> Result<(), FetchError> {
        remote.disconnect().map_err(|e| self.blame(e))
    }

    /// `other`: what an error means that is neither "none" nor "several".
    pub(super) fn expand_abbreviation(
        &self,
        repo: &Repository,
        other: impl Fn(git2::Error) -> FetchError,
    ) -> Result<Oid, FetchError> {
        let rev = self.rev.unwrap_or_default();
        match repo.revparse_single(rev) {
            Ok(object) => Ok(object.id()),
            Err(error) if error.code() == ErrorCode::Ambiguous => {
                Err(CloneError::AmbiguousRev { url: self.url.to_string(), rev: rev.to_owned() }.into())
            }
            Err(error) if error.code() == ErrorCode::NotFound => Err(self.no_such_rev().into()),
            Err(error) => Err(other(error)),
        }
    }

    /// Peels tags, and reads the root tree: a mirror that lost a pack shows here.
    fn commit_of(&self, id: Oid) -> Result<Commit<'_>, FetchError> {
        let object = match self.mirror.find_object(id, None) {
            Err(error) if error.code() == ErrorCode::NotFound && self.rev.and_then(full_id) == Some(id) => {
                return Err(self.no_such_rev().into());
            }
            result => result.map_err(FetchError::MirrorBroken)?,
        };
        let commit = match object.peel_to_commit() {
            Err(error) if matches!(error.code(), ErrorCode::InvalidSpec | ErrorCode::Peel) => {
                return Err(CloneError::NotACommit {
                    url: self.url.to_string(),
                    rev: self.rev_name().to_owned(),
                }
                .into());
            }
            result => result.map_err(FetchError::MirrorBroken)?,
        };
        match commit.tree() {
            // The walk says so.
            Err(_) if LeftOut::read(self.mirror).reason(commit.tree_id()).is_some() => Ok(commit),
            tree => tree.map(|_| commit).map_err(FetchError::MirrorBroken),
        }
    }

    /// The commit of `id` if an earlier fetch brought it completely.
    pub(super) fn kept(&self, id: Oid) -> Option<Oid> {
        let commit = self.mirror.find_object(id, None).ok()?.peel_to_commit().ok()?;
        self.mirror.refname_to_id(&kept_ref(commit.id())).ok()?;
        commit.tree().ok()?;
        Some(commit.id())
    }

    fn keep(&self, commit: &Commit<'_>) -> Result<(), FetchError> {
        self.mirror
            .reference(&kept_ref(commit.id()), commit.id(), true, "nightmend: keep a scanned commit")
            .map(drop)
            .map_err(FetchError::MirrorBroken)
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut login = Login::new(self.credentials, self.url);
        let mut callbacks = RemoteCallbacks::new();
        callbacks
            .credentials(move |asked_by, _user, allowed| login.answer(asked_by, allowed))
            .transfer_progress(|_| self.watch.may_go_on())
            .sideband_progress(|_| self.watch.may_go_on());
        callbacks
    }

    fn rev_name(&self) -> &str {
        self.rev.unwrap_or("HEAD")
    }

    pub(super) fn no_such_rev(&self) -> CloneError {
        CloneError::NoSuchRev { url: self.url.to_string(), rev: self.rev_name().to_owned() }
    }

    /// Tells the remote's errors from those of the mirror's own files.
    fn blame(&self, error: git2::Error) -> FetchError {
        if let Err(stopped) = self.watch.check(self.url) {
            return FetchError::Clone(stopped);
        }
        let in_mirror = matches!(
            error.class(),
            ErrorClass::Odb
                | ErrorClass::Object
                | ErrorClass::Zlib
                | ErrorClass::Reference
                | ErrorClass::Config
        );
        if in_mirror && error.code() != ErrorCode::Owner {
            return FetchError::MirrorBroken(error);
        }
        FetchError::Clone(CloneError::from_remote(self.url, error))
    }
}

fn kept_ref(commit: Oid) -> String {
    format!("{KEPT}/{commit}")
}

fn list(connection: &git2::RemoteConnection<'_, '_, '_>) -> Result<Vec<RemoteRef>, git2::Error> {
    let heads = connection.list()?;
    // `refs/tags/x^{}` is the commit behind a tag; the tag itself is enough.
    let is_ref = |name: &str| !name.ends_with("^{}");
    Ok(heads
        .iter()
        .filter(|head| is_ref(head.name()))
        .map(|head| RemoteRef { name: head.name().to_owned(), tip: head.oid() })
        .collect())
}

/// Finds what a revision names: a full ref name, a branch, a tag, an object id, in that order. No revision is the
/// remote's HEAD.
pub(super) fn resolve(offered: &[RemoteRef], rev: Option<&str>) -> Option<Wanted> {
    let find = |name: &str| {
        let found = offered.iter().find(|offered| offered.name == name)?;
        Some(Wanted::Ref { name: found.name.clone(), tip: found.tip })
    };
    let Some(rev) = rev else { return find("HEAD") };
    let is_full_name = rev == "HEAD" || rev.starts_with("refs/");
    let named = if is_full_name { find(rev) } else { None };
    named
        .or_else(|| find(&format!("refs/heads/{rev}")))
        .or_else(|| find(&format!("refs/tags/{rev}")))
        .or_else(|| by_id(offered, rev))
}

fn by_id(offered: &[RemoteRef], rev: &str) -> Option<Wanted> {
    if let Some(id) = full_id(rev) {
        // A tip is fetched by its name: not every server gives objects by id.
        let tip = offered.iter().find(|offered| offered.tip == id);
        return Some(tip.map_or(Wanted::Object(id), |tip| Wanted::Ref { name: tip.name.clone(), tip: id }));
    }
    let is_hex = rev.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && (MIN_ABBREVIATION..FULL_ID).contains(&rev.len())).then_some(Wanted::Abbreviated)
}

fn full_id(rev: &str) -> Option<Oid> {
    (rev.len() == FULL_ID).then(|| Oid::from_str(rev).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn offered() -> Vec<RemoteRef> {
        [("HEAD", ONE), ("refs/heads/main", ONE), ("refs/heads/v1", ONE), ("refs/tags/v1", TWO)]
            .map(|(name, tip)| RemoteRef { name: name.to_owned(), tip: Oid::from_str(tip).unwrap() })
            .into()
    }

    fn named(rev: Option<&str>) -> Option<String> {
        match resolve(&offered(), rev)? {
            Wanted::Ref { name, .. } => Some(name),
            Wanted::Object(id) => Some(id.to_string()),
            Wanted::Abbreviated => Some("abbreviated".to_owned()),
        }
    }

    #[test]
    fn a_branch_comes_before_a_tag_of_the_same_name() {
        assert_eq!(named(None).as_deref(), Some("HEAD"));
        assert_eq!(named(Some("v1")).as_deref(), Some("refs/heads/v1"));
        assert_eq!(named(Some("refs/tags/v1")).as_deref(), Some("refs/tags/v1"));
    }

    #[test]
    fn a_full_id_that_is_a_tip_is_fetched_by_its_name() {
        assert_eq!(named(Some(TWO)).as_deref(), Some("refs/tags/v1"));
        let other = "3".repeat(40);
        assert_eq!(named(Some(&other)), Some(other.clone()));
    }

    #[test]
    fn only_hex_of_four_digits_and_more_can_be_an_abbreviation() {
        assert_eq!(named(Some("beef")).as_deref(), Some("abbreviated"));
        assert_eq!(named(Some("bee")), None);
        assert_eq!(named(Some("nothing")), None);
    }
}
