//! What is known of a file beside its text: where it lies, how it is loaded, what it has to run on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// What is known of a file beside its text. The default knows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// The path in its repository, with `/`; empty if it has none.
    pub path: String,
    /// How a JavaScript or TypeScript file is loaded.
    pub kind: SourceKind,
    /// What the code has to run on.
    pub target: Target,
    /// Globals of JavaScript that the configuration adds (`true`) or takes away (`false`).
    pub globals: BTreeMap<String, bool>,
    /// Rules that the configuration keeps away from the file.
    pub rules_off: Vec<String>,
}

impl Facts {
    /// The facts with no more of the path than the rules of this build read, so that the same text in two places has
    /// the same result: the ending of the name; in Python also the folders, since they say which imports are the
    /// repository's own. Rules of users read globs of whole paths: where one of them runs, nothing is to be reduced.
    #[must_use]
    pub fn reduced(self, language: Language) -> Self {
        let (folders, name) = match self.path.rsplit_once('/') {
            Some((folders, name)) => (folders, name),
            None => ("", self.path.as_str()),
        };
        let path = match language {
            Language::Python => {
                let name = match name {
                    "__init__.py" | "__init__.pyi" => name,
                    _ if name.ends_with(".pyi") => "_.pyi",
                    _ => "_.py",
                };
                if folders.is_empty() { name.to_owned() } else { format!("{folders}/{name}") }
            }
            Language::Go if name.ends_with("_test.go") => "_test.go".to_owned(),
            Language::Go => "_.go".to_owned(),
            Language::Rust => "_.rs".to_owned(),
            Language::JavaScript | Language::TypeScript | Language::Tsx => {
                let ending = name.find('.').map_or("", |dot| &name[dot..]);
                format!("_{ending}")
            }
        };
        Self { path, ..self }
    }
}

/// Nothing is known.
pub static NO_FACTS: Facts = Facts {
    rules_off: Vec::new(),
    path: String::new(),
    kind: SourceKind::Unknown,
    target: Target::UNKNOWN,
    globals: BTreeMap::new(),
};

/// How a JavaScript or TypeScript file is loaded, which decides what its top level scope is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Not known from outside: the text decides.
    #[default]
    Unknown,
    /// An ECMAScript module: the top level is a scope of its own, and strict.
    Module,
    /// A CommonJS module: the top level is the body of a function.
    CommonJs,
    /// A classic script: declarations at the top level are shared with every other script of the page.
    Script,
}

/// The oldest versions that the code of a repository has to run on; `None` where nothing says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// The edition of ECMAScript by its year.
    pub ecmascript: Option<u16>,
    /// The major version of Node.js.
    pub node: Option<u16>,
    /// The version of Python.
    pub python: Option<(u16, u16)>,
    /// The version of Go.
    pub go: Option<(u16, u16)>,
    /// The version of Rust.
    pub rust: Option<(u16, u16)>,
}

impl Target {
    /// A target that meets no gate.
    pub const UNKNOWN: Self = Self { ecmascript: None, node: None, python: None, go: None, rust: None };

    /// A target that meets every gate.
    pub const NEWEST: Self = Self {
        ecmascript: Some(u16::MAX),
        node: Some(u16::MAX),
        python: Some((u16::MAX, 0)),
        go: Some((u16::MAX, 0)),
        rust: Some((u16::MAX, 0)),
    };

    /// Whether the code runs only on what `gate` asks for; `false` where the target is not known.
    #[must_use]
    pub fn meets(&self, gate: Gate) -> bool {
        match gate {
            Gate::EcmaScript(year) => self.ecmascript.is_some_and(|known| known >= year),
            Gate::Node(major) => self.node.is_some_and(|known| known >= major),
            Gate::Python(major, minor) => self.python.is_some_and(|known| known >= (major, minor)),
            Gate::Go(major, minor) => self.go.is_some_and(|known| known >= (major, minor)),
            Gate::Rust(major, minor) => self.rust.is_some_and(|known| known >= (major, minor)),
        }
    }
}

/// What the code must be able to run on before a fix may be applied. A fix whose gate is not known to be met is
/// a suggestion: see [`Target::meets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// An edition of ECMAScript, by its year: 2016.
    EcmaScript(u16),
    /// A major version of Node.js.
    Node(u16),
    /// A version of Python: (3, 9).
    Python(u16, u16),
    /// A version of Go: (1, 18).
    Go(u16, u16),
    /// A version of Rust: (1, 88).
    Rust(u16, u16),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_reduced_to_what_rules_read() {
        let reduced =
            |path: &str, language| Facts { path: path.into(), ..Facts::default() }.reduced(language).path;
        assert_eq!(reduced("src/a.d.ts", Language::TypeScript), "_.d.ts");
        assert_eq!(reduced("a.js", Language::JavaScript), reduced("lib/b.js", Language::JavaScript));
        assert_eq!(reduced("pkg/sub/mod.py", Language::Python), "pkg/sub/_.py");
        assert_eq!(reduced("pkg/__init__.py", Language::Python), "pkg/__init__.py");
        assert_eq!(reduced("x/y_test.go", Language::Go), "_test.go");
        assert_eq!(reduced("x/y.rs", Language::Rust), "_.rs");
    }

    #[test]
    fn a_gate_is_met_by_a_known_target_only() {
        let target = Target { python: Some((3, 9)), ..Target::default() };
        assert!(target.meets(Gate::Python(3, 9)) && !target.meets(Gate::Python(3, 10)));
        assert!(!target.meets(Gate::EcmaScript(2015)));
        assert!(Target::NEWEST.meets(Gate::Go(1, 99)));
    }
}
