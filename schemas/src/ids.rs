//! Ids: parseable, deterministic where they must dedupe, safe as subject tokens and object keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::digest::{Digest, ParseDigestError};

/// The text cannot be an id of the named kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: 1 to 64 of A-Z a-z 0-9 `-` `_` are expected")]
pub struct ParseIdError {
    kind: &'static str,
    text: String,
}

/// An id that people choose: 1 to 64 of `A-Z a-z 0-9 - _`, so that it is one token of a subject and one segment
/// of an object key.
macro_rules! token_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                if text.is_empty() || text.len() > 64 || !text.bytes().all(is_token) {
                    return Err(ParseIdError { kind: $kind, text: text.to_owned() });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

token_id! {
    /// `job_01j…`: chosen by the client, so a submission that is sent again is the same job.
    JobId, "job id"
}

token_id! {
    /// One run of one worker process.
    WorkerId, "worker id"
}

impl JobId {
    /// The id for a new job: time-ordered, unique.
    #[must_use]
    pub fn from_ulid(ulid: ulid::Ulid) -> Self {
        Self(format!("job_{}", ulid.to_string().to_lowercase()))
    }
}

/// The name of a repo inside one job: a folder under `patches/`, a column of the report. Made by
/// [`crate::job::repo_slugs`]: 1 to 100 of `A-Z a-z 0-9 - _ .`, never starting with a dot.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct RepoSlug(String);

impl RepoSlug {
    /// Makes a slug out of any text: what is not allowed becomes `-`.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let plain: String = text.chars().take(100).map(|c| if is_plain(c) { c } else { '-' }).collect();
        let trimmed = plain.trim_start_matches('.');
        Self(if trimmed.is_empty() { "repo".to_owned() } else { trimmed.to_owned() })
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a batch: a digest of what decides its result (pipeline, paths, blobs), so that the same work has the
/// same id in every job, and doing it twice writes the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Digest);

impl BatchId {
    /// Wraps the digest of a batch's inputs; see [`crate::plan::batch_id`].
    #[must_use]
    pub fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest: the key of the batch's result.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BatchId {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn job_ids_round_trip(text in "[A-Za-z0-9_-]{1,64}") {
            let id: JobId = text.parse().unwrap();
            prop_assert_eq!(id.to_string(), text);
        }

        #[test]
        fn what_parses_is_one_subject_token(text in ".{0,80}") {
            if let Ok(id) = text.parse::<JobId>() {
                prop_assert!(!id.as_str().contains(['.', '*', '>', ' ', '/']));
            }
        }

        #[test]
        fn any_text_makes_a_slug_that_is_a_plain_file_name(text in ".*") {
            let slug = RepoSlug::from_text(&text);
            prop_assert!(!slug.as_str().is_empty() && !slug.as_str().starts_with('.'));
            prop_assert!(!slug.as_str().contains('/'));
        }
    }

    #[test]
    fn a_bad_id_is_named_in_the_error() {
        let error = "a.b".parse::<JobId>().unwrap_err();
        assert_eq!(error.to_string(), "`a.b` is not a job id: 1 to 64 of A-Z a-z 0-9 `-` `_` are expected");
    }
}
