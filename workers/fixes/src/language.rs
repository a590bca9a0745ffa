//! The languages the engine parses, and their grammars.

pub use settings::Language;

/// A language with a tree-sitter grammar in this build.
pub trait Grammar {
    /// The tree-sitter grammar.
    fn grammar(self) -> tree_sitter::Language;
}

impl Grammar for Language {
    fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
        }
    }
}
