//! A path inside a repo: bytes, as git has them, written for people and reports as git writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A path relative to the root of a repo, any bytes but NUL.
///
/// Text form: the path itself where it is plain UTF-8 without control characters, quotes or backslashes;
/// otherwise git's C-style quoting (`"a\tb\377.js"`), which loses nothing. `Display` and `FromStr` round-trip.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(Vec<u8>);

/// The text is neither a plain path nor a quoted one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quoted path")]
pub struct ParsePathError(String);

impl RepoPath {
    /// Wraps the bytes of a tree entry's path.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes as git has them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }

    /// The path behind a prefix such as `a/`, quoted as a whole if it needs to be: what a diff header holds.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> String {
        Self([prefix.as_bytes(), &self.0].concat()).to_string()
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.chars().any(|c| c.is_control() || c == '"' || c == '\\')
}

fn quote(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for &byte in bytes {
        match byte {
            b'"' => f.write_str("\\\"")?,
            b'\\' => f.write_str("\\\\")?,
            b'\t' => f.write_str("\\t")?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            0x20..=0x7e => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\{byte:03o}")?,
        }
    }
    f.write_str("\"")
}

fn unquote(inner: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'"' => b'"',
            b'\\' => b'\\',
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            first @ b'0'..=b'3' => {
                let octal = [first, rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&octal).ok()?, 8).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !needs_quotes(text) => f.write_str(text),
            _ => quote(&self.0, f),
        }
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RepoPath {
    type Err = ParsePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.starts_with('"') {
            return Ok(Self(text.as_bytes().to_vec()));
        }
        text.strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|inner| unquote(inner.as_bytes()))
            .map(Self)
            .ok_or_else(|| ParsePathError(text.to_owned()))
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl schemars::JsonSchema for RepoPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RepoPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A path inside a repo; in git's C-style quotes where it is not plain UTF-8."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_round_trip_through_text(bytes in prop::collection::vec(1_u8.., 0..40)) {
            let path = RepoPath::new(bytes);
            prop_assert_eq!(path.to_string().parse::<RepoPath>().unwrap(), path);
        }
    }

    #[test]
    fn plain_names_stay_and_odd_ones_are_quoted_as_git_does() {
        assert_eq!(RepoPath::from("src/a b.js").to_string(), "src/a b.js");
        assert_eq!(RepoPath::from("größe.py").to_string(), "größe.py");
        assert_eq!(RepoPath::new(b"a\nb\xff\"".to_vec()).to_string(), r#""a\nb\377\"""#);
        assert_eq!(RepoPath::new(b"x\ty".to_vec()).with_prefix("a/"), r#""a/x\ty""#);
    }
}
