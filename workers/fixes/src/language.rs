//! The languages the engine parses, and how a path names one.

use serde::{Deserialize, Serialize};

/// A language with a tree-sitter grammar in this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Every language of this build.
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

    /// The tree-sitter grammar.
    #[must_use]
    pub fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
        }
    }

    /// Whether this is JavaScript or one of its typed dialects.
    #[must_use]
    pub fn is_ecmascript(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript | Self::Tsx)
    }
}
