//! What can go wrong with an object, split by what the caller does next.

use std::io;

/// Shorthand for the results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on the store failed. Every variant about an object names it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL names no store that this build can use.
    #[error("`{url}` is no object store: {reason}")]
    BadUrl {
        /// As given, without user and password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such object.
    #[error("object `{key}` not found")]
    NotFound {
        /// Which.
        key: String,
    },
    /// The pack holds no tensor of that name.
    #[error("pack `{key}` holds no tensor `{name}`")]
    NoTensor {
        /// Which pack.
        key: String,
        /// Which tensor.
        name: String,
    },
    /// The stored bytes do not match their digest, or are not in the format that the key promises.
    #[error("object `{key}` is corrupt: {reason}")]
    Corrupt {
        /// Which.
        key: String,
        /// What does not fit.
        reason: String,
    },
    /// A sound object with other content is already there. The first writer wins: nothing was written.
    #[error("object `{key}` exists with other content")]
    Conflict {
        /// Which.
        key: String,
    },
    /// The backend says that the object exists, but does not have it: writers collided, again and again.
    #[error("cannot put `{key}`: the store says that it exists, and has no such object")]
    Unsettled {
        /// Which.
        key: String,
    },
    /// The value cannot be stored: it does not serialise, or is over the size limit.
    #[error("cannot encode {what}: {reason}")]
    Encode {
        /// The object or tensor.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The bytes are sound, but not what the caller asked for: another version of the struct, another dtype.
    #[error("cannot decode {what}: {reason}")]
    Decode {
        /// The object or tensor.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The backend failed: disk, network, permissions.
    #[error("cannot {operation} `{key}`")]
    Backend {
        /// The verb: `put`, `get`, `list`, `look up`.
        operation: &'static str,
        /// The key or folder.
        key: String,
        /// The backend's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Whether the same call may succeed later.
        transient: bool,
    },
    /// The runtime is shutting down; the operation was not finished.
    #[error("store operation interrupted by shutdown")]
    Interrupted,
}

impl Error {
    /// Whether the same call may succeed later or elsewhere, so that a caller should retry.
    ///
    /// A missing or corrupt object is not transient: objects are written before their ids are sent.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Backend { transient, .. } => *transient,
            Self::Interrupted | Self::Unsettled { .. } => true,
            Self::BadUrl { .. }
            | Self::NotFound { .. }
            | Self::NoTensor { .. }
            | Self::Corrupt { .. }
            | Self::Conflict { .. }
            | Self::Encode { .. }
            | Self::Decode { .. } => false,
        }
    }

    pub(crate) fn corrupt(key: impl ToString, reason: impl ToString) -> Self {
        Self::Corrupt { key: key.to_string(), reason: reason.to_string() }
    }

    pub(crate) fn encode(what: impl ToString, reason: impl ToString) -> Self {
        Self::Encode { what: what.to_string(), reason: reason.to_string() }
    }

    pub(crate) fn decode(what: impl ToString, reason: impl ToString) -> Self {
        Self::Decode { what: what.to_string(), reason: reason.to_string() }
    }

    pub(crate) fn backend(operation: &'static str, key: impl ToString, source: object_store::Error) -> Self {
        let key = key.to_string();
        if matches!(source, object_store::Error::NotFound { .. }) && !is_of_the_bucket(&source) {
            return Self::NotFound { key };
        }
        let transient = may_pass(&source);
        Self::Backend { operation, key, source: Box::new(source), transient }
    }
}

/// Clouds answer alike for a missing object and a missing bucket, but for a word in the body. Taken for the first, the
/// second would make a mistyped URL look like an empty store.
fn is_of_the_bucket(not_found: &object_store::Error) -> bool {
    let text = not_found.to_string();
    // Of S3 and Google, of Azure.
    text.contains("NoSuchBucket") || text.contains("ContainerNotFound")
}

/// Whether a backend error may go away by itself. Unknown ones may: the caller's retries are bounded.
pub(crate) fn may_pass(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    let permanent = matches!(
        error,
        E::NotFound { .. }
            | E::InvalidPath { .. }
            | E::NotSupported { .. }
            | E::NotImplemented { .. }
            | E::AlreadyExists { .. }
            | E::Precondition { .. }
            | E::PermissionDenied { .. }
            | E::Unauthenticated { .. }
            | E::UnknownConfigurationKey { .. }
    );
    !permanent && !is_refused_by_the_system(error) && !is_refused_by_the_cloud(error)
}

/// Listings wrap every answer of a server in the generic variant too, and the status is in the text alone. The server
/// understood and will not: all of 4xx but "timed out" and "too many requests".
fn is_refused_by_the_cloud(error: &object_store::Error) -> bool {
    let text = error.to_string();
    let status = text.split_once("status code: ").map_or("", |(_, status)| status);
    status.starts_with('4') && !status.starts_with("408") && !status.starts_with("429")
}

/// The local backend wraps every I/O error in its generic variant; permissions do not heal by waiting.
fn is_refused_by_the_system(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io_error) = current.downcast_ref::<io::Error>() {
            let kind = io_error.kind();
            return matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
        }
        cause = current.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_failure(kind: io::ErrorKind) -> Error {
        let source = object_store::Error::Generic { store: "disk", source: Box::new(io::Error::from(kind)) };
        Error::backend("put", "a/b", source)
    }

    #[test]
    fn only_failures_that_waiting_can_heal_are_transient() {
        assert!(io_failure(io::ErrorKind::TimedOut).is_transient());
        assert!(io_failure(io::ErrorKind::StorageFull).is_transient());
        assert!(Error::Interrupted.is_transient());
        assert!(!io_failure(io::ErrorKind::PermissionDenied).is_transient());
        assert!(!Error::corrupt("a/b", "torn").is_transient());
        assert!(!Error::Conflict { key: "a/b".to_owned() }.is_transient());
    }

    #[test]
    fn a_missing_object_is_named() {
        let source = object_store::Error::NotFound { path: "x".to_owned(), source: "gone".into() };
        assert!(matches!(Error::backend("get", "a/b", source), Error::NotFound { key } if key == "a/b"));
    }
}
