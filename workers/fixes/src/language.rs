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
}

impl Language {
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
        }
    }

    /// Whether this is JavaScript or one of its typed dialects.
    #[must_use]
    pub fn is_ecmascript(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript | Self::Tsx)
    }
}
