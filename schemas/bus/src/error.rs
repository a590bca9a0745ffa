//! What can go wrong on the bus, by what helps.

use std::time::Duration;

/// An error of the bus.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server answered.
    #[error("no NATS server at `{url}`")]
    Unreachable {
        /// Where one was looked for.
        url: String,
        /// Why not.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The credentials file cannot be used.
    #[error("credentials file `{path}` cannot be used")]
    Credentials {
        /// Which file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The server would silently ignore settings that nothing is lost without.
    #[error("NATS server {found} is too old: {wanted} or newer is needed")]
    ServerTooOld {
        /// What runs.
        found: String,
        /// What is needed.
        wanted: String,
    },
    /// The server's streams, consumers or buckets differ from the table.
    #[error("the NATS topology differs from what this version needs; `nightmend-deploy provision` sets it up: {}", .differences.join("; "))]
    TopologyDiffers {
        /// One line each.
        differences: Vec<String>,
    },
    /// Streams, consumers or buckets of the table are missing; what is there is as it should be.
    #[error("the NATS topology is incomplete; `nightmend-deploy provision`, or an orchestrator that runs, sets it up: {}", .missing.join("; "))]
    TopologyIncomplete {
        /// One line each.
        missing: Vec<String>,
    },
    /// A message above the limit: content where an id belongs.
    #[error("message of {n_bytes} bytes for `{subject}` is too large: messages carry ids, never content")]
    TooLarge {
        /// Where to.
        subject: String,
        /// Its size.
        n_bytes: usize,
    },
    /// A publish was not acknowledged in any attempt. It may still arrive; its id makes that harmless.
    #[error("publish to `{subject}` was not acknowledged{}", .hint.as_deref().unwrap_or_default())]
    NotAcknowledged {
        /// Where to.
        subject: String,
        /// What the server last complained of, if anything: a denied permission looks like a timeout.
        hint: Option<String>,
    },
    /// A request to the server failed.
    #[error("{what} failed: {reason}")]
    Request {
        /// What was asked.
        what: String,
        /// The server's or client's words.
        reason: String,
    },
    /// No answer in time.
    #[error("{what} got no answer within {after:?}")]
    TimedOut {
        /// What was asked.
        what: String,
        /// How long was waited.
        after: Duration,
    },
    /// No nats-server that can be started.
    #[error("{0}")]
    NoServer(String),
}

impl Error {
    /// Wraps an error of async-nats, whose types differ for each call.
    pub(crate) fn request(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Request { what: what.into(), reason: reason.to_string() }
    }

    /// Whether trying again later may help without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::NotAcknowledged { .. }
            | Self::Request { .. }
            | Self::TopologyIncomplete { .. }
            | Self::TimedOut { .. } => true,
            Self::Credentials { .. }
            | Self::ServerTooOld { .. }
            | Self::TopologyDiffers { .. }
            | Self::TooLarge { .. }
            | Self::NoServer(_) => false,
        }
    }
}
