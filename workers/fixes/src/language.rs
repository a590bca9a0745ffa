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

/// The grammars of this build, as one line: a parse, and so every result, depends on them. Where a grammar does not say
/// its version, the sizes of its tables stand for it.
#[must_use]
pub fn grammars() -> String {
    let describe = |language: Language| {
        let grammar = language.grammar();
        let (symbols, states) = (grammar.node_kind_count(), grammar.parse_state_count());
        let version = grammar.metadata().map_or_else(String::new, |version| {
            format!(" {}.{}.{}", version.major_version, version.minor_version, version.patch_version)
        });
        format!("{}{version} ({symbols}/{states})", language.tag())
    };
    Language::ALL.map(describe).join(", ")
}
