//! Which language a file is written in, by its name.

use serde::{Deserialize, Serialize};

/// A language that there are rules for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `.js`, `.cjs`, `.mjs`, `.jsx`: the JavaScript grammar includes JSX.
    JavaScript,
    /// `.ts`, `.cts`, `.mts`
    TypeScript,
    /// `.tsx`
    Tsx,
    /// `.py`, `.pyi`
    Python,
    /// `.rs`
    Rust,
    /// `.go`
    Go,
}

impl Language {
    /// All languages, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::JavaScript, Self::TypeScript, Self::Tsx, Self::Python, Self::Rust, Self::Go];

    /// The language of a file by its name, `None` if no grammar fits.
    #[must_use]
    pub fn of_path(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|&byte| byte == b'/').next()?;
        let dot = name.iter().rposition(|&byte| byte == b'.')?;
        match &name[dot + 1..] {
            b"js" | b"cjs" | b"mjs" | b"jsx" => Some(Self::JavaScript),
            b"ts" | b"cts" | b"mts" => Some(Self::TypeScript),
            b"tsx" => Some(Self::Tsx),
            b"py" | b"pyi" => Some(Self::Python),
            b"rs" => Some(Self::Rust),
            b"go" => Some(Self::Go),
            _ => None,
        }
    }

    /// Its name in data.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
            Self::Python => "python",
            Self::Rust => "rust",
            Self::Go => "go",
        }
    }

    /// Whether this is JavaScript or one of its typed dialects.
    #[must_use]
    pub fn is_ecmascript(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript | Self::Tsx)
    }
}
