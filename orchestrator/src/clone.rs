//! Clone: brings one commit of a repository into a bare mirror under the data folder.
//!
//! job → **clone** → ledger → plan. Called by the orchestrator once per repo of a job. Repositories are hostile:
//! a mirror never has a work tree, no hook or filter runs, no submodule is followed, and every wait ends at the
//! job's limit or when the job is cancelled. A mirror is made in a folder beside its place and moved there when
//! its first commit is complete; one that turns out to be damaged is made again.
//!
//! Next: [`crate::ledger`] walks the commit's tree.

mod error;
mod fetch;
pub(crate) mod left_out;
mod local;
mod source;
pub mod url;
mod watch;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use git2::{Oid, Repository, RepositoryInitOptions};
use schemas::{Digest, RepoSlug};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{info, instrument, warn};

pub use error::CloneError;
use fetch::{Fetch, FetchError};
use url::RemoteUrl;
use watch::Watch;

use crate::credentials::Credentials;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT_MS: i32 = 30_000;
/// How long a server may be silent: a big repository is counted and compressed before the first byte comes.
const SILENCE_TIMEOUT_MS: i32 = 300_000;
/// How often a busy mirror is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// What to mirror and where.
#[derive(Clone, Debug)]
pub struct MirrorRequest {
    /// The repository.
    pub url: RemoteUrl,
    /// A branch, tag or commit; the remote's HEAD if absent. A branch wins over a tag of the same name.
    pub rev: Option<String>,
    /// The folder of all mirrors.
    pub mirrors_dir: PathBuf,
    /// The whole call ends within about this time.
    pub timeout: Duration,
}

/// A bare repository that holds a commit completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The bare repository.
    pub path: PathBuf,
    /// What the revision names, tags peeled. A ref of the mirror protects it.
    pub commit: Oid,
}

impl Mirror {
    /// Opens the bare repository for reading.
    ///
    /// # Errors
    /// The mirror was removed or damaged since.
    pub fn open(&self) -> Result<Repository, git2::Error> {
        Repository::open_bare(&self.path)
    }
}

/// Mirrors repositories off the async runtime, a few at a time.
#[derive(Clone)]
pub struct Cloner {
    mirrors_dir: PathBuf,
    credentials: Arc<Credentials>,
    permits: Arc<Semaphore>,
}

impl Cloner {
    /// `n_parallel`: clones wait for the network and the disk, and more than a few slow each other down.
    #[must_use]
    pub fn new(mirrors_dir: PathBuf, credentials: Credentials, n_parallel: usize) -> Self {
        prepare_libgit2();
        Self {
            mirrors_dir,
            credentials: Arc::new(credentials),
            permits: Arc::new(Semaphore::new(n_parallel.max(1))),
        }
    }

    /// Mirrors `rev` of the repository at `url`; see [`mirror`]. Waiting for a turn does not count as time.
    ///
    /// # Errors
    /// See [`CloneError`].
    ///
    /// # Cancel safety
    /// Dropping the future, or cancelling the token, stops the clone at its next callback and leaves no half-made
    /// mirror.
    #[instrument(name = "clone", skip_all, fields(repo = url))]
    pub async fn mirror(
        &self,
        url: &str,
        rev: Option<&str>,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Mirror, CloneError> {
        let request = MirrorRequest {
            url: RemoteUrl::parse(url)?,
            rev: rev.map(str::to_owned),
            mirrors_dir: self.mirrors_dir.clone(),
            timeout,
        };
        let cancelled = || CloneError::Cancelled { url: request.url.to_string() };
        let permit = tokio::select! {
            () = cancel.cancelled() => return Err(cancelled()),
            permit = Arc::clone(&self.permits).acquire_owned() => permit.expect("the semaphore is never closed"),
        };
        let stop = cancel.child_token();
        let _stop_when_dropped = stop.clone().drop_guard();
        let credentials = Arc::clone(&self.credentials);
        let span = tracing::Span::current();
        let url = request.url.to_string();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| mirror(&request, &credentials, &stop))
        });
        match work.await {
            Ok(result) => result,
            Err(join) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
            Err(_) => Err(CloneError::Cancelled { url }),
        }
    }
}

/// Brings the commit that the request names into its mirror and returns both. Blocks.
///
/// Only the commit and its tree are brought, without history, where the server allows it; from a folder always. Two
/// calls for one mirror, also of two processes, take turns.
///
/// # Errors
/// See [`CloneError`].
pub fn mirror(
    request: &MirrorRequest,
    credentials: &Credentials,
    cancel: &CancellationToken,
) -> Result<Mirror, CloneError> {
    prepare_libgit2();
    let watch = Watch::start(request.timeout, cancel);
    watch.check(&request.url)?;
    check_local_source(&request.url, &watch)?;
    let place = Place::new(request)?;
    let _lock = place.lock(&request.url, &watch)?;
    let fetch = |mirror: &Repository| {
        let rev = request.rev.as_deref();
        Fetch { mirror, url: &request.url, rev, credentials, watch: &watch }.run()
    };
    if place.mirror.exists() {
        match open_mirror(&place.mirror).map_err(FetchError::MirrorBroken).and_then(|repo| fetch(&repo)) {
            Ok(commit) => return Ok(Mirror { path: place.mirror, commit }),
            Err(FetchError::Clone(error)) => return Err(error),
            Err(FetchError::MirrorBroken(error)) => {
                warn!(%error, mirror = %place.mirror.display(), "mirror is damaged and made again");
                place.remove(&place.mirror)?;
            }
        }
    }
    let commit = place.make(&request.url, fetch)?;
    info!(%commit, "mirror made");
    Ok(Mirror { path: place.mirror, commit })
}

/// The files of one mirror.
struct Place {
    /// The mirror itself.
    mirror: PathBuf,
    /// Where it is while it is made; a crash leaves it behind for the next call to remove.
    draft: PathBuf,
    /// Held by whoever changes the mirror.
    lock: PathBuf,
}

impl Place {
    fn new(request: &MirrorRequest) -> Result<Self, CloneError> {
        let dir = &request.mirrors_dir;
        fs::create_dir_all(dir).map_err(|source| CloneError::Disk { path: dir.clone(), source })?;
        let address = request.url.as_str().trim_end_matches('/');
        let last = address.trim_end_matches("/.git").trim_end_matches(".git").rsplit(['/', ':']).next();
        let readable = RepoSlug::from_text(last.unwrap_or_default());
        let name = format!("{readable}-{}", Digest::of(address.as_bytes()).short());
        Ok(Self {
            mirror: dir.join(&name),
            draft: dir.join(format!("{name}.draft")),
            lock: dir.join(format!("{name}.lock")),
        })
    }

    /// Waits for other calls, of this or another process, until the watch says stop. The lock ends with the file.
    fn lock(&self, url: &RemoteUrl, watch: &Watch<'_>) -> Result<File, CloneError> {
        let disk = |source| CloneError::Disk { path: self.lock.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&self.lock).map_err(disk)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(disk(source)),
                Err(TryLockError::WouldBlock) => watch.check(url)?,
            }
            std::thread::sleep(LOCK_INTERVAL);
        }
    }

    /// Makes the mirror beside its place and moves it there once it holds its first commit.
    fn make(
        &self,
        url: &RemoteUrl,
        fetch: impl Fn(&Repository) -> Result<Oid, FetchError>,
    ) -> Result<Oid, CloneError> {
        self.remove(&self.draft)?;
        let made = init_mirror(&self.draft).map_err(FetchError::MirrorBroken).and_then(|repo| fetch(&repo));
        let commit = match made {
            Ok(commit) => commit,
            Err(error) => {
                self.remove(&self.draft)?;
                return Err(match error {
                    FetchError::Clone(error) => error,
                    FetchError::MirrorBroken(source) => CloneError::Git { url: url.to_string(), source },
                });
            }
        };
        fs::rename(&self.draft, &self.mirror)
            .map_err(|source| CloneError::Disk { path: self.mirror.clone(), source })?;
        Ok(commit)
    }

    fn remove(&self, path: &Path) -> Result<(), CloneError> {
        match fs::remove_dir_all(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(CloneError::Disk { path: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }
}

/// Bare, without the user's templates: they hold hooks.
fn init_mirror(path: &Path) -> Result<Repository, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).mkpath(true).external_template(false);
    Repository::init_opts(path, &options)
}

fn open_mirror(path: &Path) -> Result<Repository, git2::Error> {
    let mirror = Repository::open_bare(path)?;
    // Unreadable packs and indices show here and not in the middle of a walk.
    mirror.odb()?.refresh()?;
    Ok(mirror)
}

/// Says what is wrong with a folder before the local transport wraps it into words of its own.
fn check_local_source(url: &RemoteUrl, watch: &Watch<'_>) -> Result<(), CloneError> {
    let Some(path) = url.local_path() else { return Ok(()) };
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(CloneError::NotFound { url: url.to_string() }),
        Err(source) => return Err(CloneError::Disk { path: path.to_owned(), source }),
    }
    source::check(url, path, watch)?;
    match Repository::open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == git2::ErrorCode::NotFound => {
            Err(CloneError::NotARepository { url: url.to_string() })
        }
        Err(error) => Err(CloneError::from_remote(url, error)),
    }
}

/// Sets what libgit2 has one of per process: how long a server may keep us waiting, and the extra bundle of
/// certificates that git's own users set. (git2 itself finds the system's bundle and obeys `SSL_CERT_FILE`.)
fn prepare_libgit2() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "libgit2 has no other way to set a timeout")]
        // SAFETY: the calls write plain integers of libgit2's own; `Once` keeps them from racing each other, and
        // every connection of this crate is made behind this function.
        let timeouts = unsafe {
            git2::opts::set_server_connect_timeout_in_milliseconds(CONNECT_TIMEOUT_MS)
                .and_then(|()| git2::opts::set_server_timeout_in_milliseconds(SILENCE_TIMEOUT_MS))
        };
        if let Err(error) = timeouts {
            warn!(%error, "libgit2 has no timeouts, a silent server can hold a clone");
        }
        let Some(bundle) = std::env::var_os("GIT_SSL_CAINFO") else { return };
        #[expect(unsafe_code, reason = "libgit2 has no other way to add certificates")]
        // SAFETY: as above; the store of certificates is changed before the first connection reads it.
        let certificates = unsafe { git2::opts::set_ssl_cert_file(&*bundle) };
        if let Err(error) = certificates {
            warn!(%error, "the certificates of GIT_SSL_CAINFO can't be read");
        }
    });
}
