//! Why a repository could not be mirrored, and the one place that reads libgit2's errors.

use std::path::PathBuf;
use std::time::Duration;

use git2::{ErrorClass, ErrorCode};

use super::url::{ParseUrlError, RemoteUrl};

/// Why a repository could not be mirrored. Messages name the address (never with a password) and the revision.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The text of the job is no address.
    #[error(transparent)]
    BadUrl(#[from] ParseUrlError),
    /// The server or the folder says that there is nothing.
    #[error("`{url}`: no such repository")]
    NotFound {
        /// The address, without anything secret.
        url: String,
    },
    /// Something is there, but no repository.
    #[error("`{url}` is not a git repository")]
    NotARepository {
        /// The address, without anything secret.
        url: String,
    },
    /// A folder of another user: git's own protection, lifted with `safe.directory`.
    #[error("`{url}` is owned by another user; `git config --global --add safe.directory` allows it")]
    OtherOwner {
        /// The address, without anything secret.
        url: String,
    },
    /// A folder that leads to files which are not its own, or to something that is no file.
    #[error("`{url}` is not opened: `{}` {reason}", .at.display())]
    Unfit {
        /// The address, without anything secret.
        url: String,
        /// What leads there, relative to the folder.
        at: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no commit at all.
    #[error("`{url}` is empty")]
    Empty {
        /// The address, without anything secret.
        url: String,
    },
    /// Neither a branch, a tag nor a commit has that name.
    #[error("`{url}` has no revision `{rev}`")]
    NoSuchRev {
        /// The address, without anything secret.
        url: String,
        /// What the job asks for; `HEAD` if it asks for nothing.
        rev: String,
    },
    /// More than one object starts with these digits.
    #[error("`{rev}` is ambiguous in `{url}`, more digits are needed")]
    AmbiguousRev {
        /// The address, without anything secret.
        url: String,
        /// What the job asks for.
        rev: String,
    },
    /// The revision exists and leads to a blob or a tree.
    #[error("`{rev}` of `{url}` is not a commit")]
    NotACommit {
        /// The address, without anything secret.
        url: String,
        /// What the job asks for.
        rev: String,
    },
    /// The server wants a login and none was accepted.
    #[error(
        "`{url}` needs a password or a token that is accepted (or does not exist): load a key into the ssh agent \
         or set NM_GIT_TOKEN"
    )]
    Login {
        /// The address, without anything secret.
        url: String,
    },
    /// The certificate or host key is not trusted.
    #[error("`{url}`: the server's certificate or host key is not trusted")]
    Certificate {
        /// The address, without anything secret.
        url: String,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// The job's limit was reached.
    #[error("`{url}` took longer than {}", humantime::format_duration(*.limit))]
    Timeout {
        /// The address, without anything secret.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The job was cancelled or the process stops.
    #[error("cloning `{url}` was cancelled")]
    Cancelled {
        /// The address, without anything secret.
        url: String,
    },
    /// The connection, or a server that has trouble.
    #[error("`{url}` can't be reached")]
    Network {
        /// The address, without anything secret.
        url: String,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// Anything else that libgit2 reports.
    #[error("`{url}` can't be fetched")]
    Git {
        /// The address, without anything secret.
        url: String,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// The folder of the mirrors: permissions, disk full.
    #[error("mirror `{}` can't be written", .path.display())]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl CloneError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Network { .. } | Self::Timeout { .. } | Self::Disk { .. } => true,
            Self::BadUrl(_)
            | Self::NotFound { .. }
            | Self::NotARepository { .. }
            | Self::OtherOwner { .. }
            | Self::Unfit { .. }
            | Self::Empty { .. }
            | Self::NoSuchRev { .. }
            | Self::AmbiguousRev { .. }
            | Self::NotACommit { .. }
            | Self::Login { .. }
            | Self::Certificate { .. }
            | Self::Cancelled { .. }
            | Self::Git { .. } => false,
        }
    }

    /// Reads an error of a conversation with a remote, or of a folder.
    pub(super) fn from_remote(url: &RemoteUrl, source: git2::Error) -> Self {
        let (url, source) = (url.to_string(), shortened(source));
        match (source.code(), source.class()) {
            (ErrorCode::Auth, _) => Self::Login { url },
            (ErrorCode::Certificate, _) => Self::Certificate { url, source },
            (ErrorCode::Owner, _) => Self::OtherOwner { url },
            (_, ErrorClass::Http) => Self::from_http(url, source),
            (_, ErrorClass::Net | ErrorClass::Ssh) if says_not_found(source.message()) => {
                Self::NotFound { url }
            }
            (_, ErrorClass::Net | ErrorClass::Ssh | ErrorClass::Ssl | ErrorClass::Os)
            | (ErrorCode::Timeout | ErrorCode::Eof, _) => Self::Network { url, source },
            _ => Self::Git { url, source },
        }
    }

    /// libgit2 gives the status in its message only.
    fn from_http(url: String, source: git2::Error) -> Self {
        let status: u16 =
            source.message().rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
        match status {
            401 | 403 | 407 => Self::Login { url },
            404 | 410 => Self::NotFound { url },
            0 | 408 | 425 | 429 | 500.. => Self::Network { url, source },
            _ => Self::Git { url, source },
        }
    }
}

/// Bytes of libgit2's messages that go into reports: a message may repeat a name of megabytes.
const MAX_MESSAGE_BYTES: usize = 300;

fn shortened(error: git2::Error) -> git2::Error {
    let message = error.message();
    if message.len() <= MAX_MESSAGE_BYTES {
        return error;
    }
    let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
    git2::Error::new(error.code(), error.class(), format!("{}…", &message[..end]))
}

/// What the servers of the git and ssh protocols answer instead of a status.
fn says_not_found(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["repository not exported", "repository not found", "does not appear to be a git repository"]
        .iter()
        .any(|phrase| message.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(class: ErrorClass, message: &str) -> CloneError {
        let url = RemoteUrl::parse("https://example.org/a").unwrap();
        CloneError::from_remote(&url, git2::Error::new(ErrorCode::GenericError, class, message))
    }

    #[test]
    fn the_status_of_an_http_server_decides() {
        let status = |n: u16| read(ErrorClass::Http, &format!("unexpected http status code: {n}"));
        assert!(matches!(status(404), CloneError::NotFound { .. }));
        assert!(matches!(status(401), CloneError::Login { .. }));
        assert!(status(503).is_retryable() && status(429).is_retryable());
        assert!(!status(400).is_retryable());
    }

    #[test]
    fn a_git_daemon_without_the_repo_is_not_a_network_problem() {
        let error = read(ErrorClass::Net, "remote error: access denied or repository not exported: /nothing");
        assert!(matches!(error, CloneError::NotFound { .. }));
        assert!(read(ErrorClass::Net, "failed to connect").is_retryable());
    }
}
