//! What a rule is. One rule lives in one file under `rules/<language>/<rule>.rs`; its doc block is the manual.
//!
//! The engine walks each tree once and hands every node to the rules that asked for its kind
//! ([`Rule::kinds`]); a rule looks at the node and its surroundings and reports [`Finding`]s.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::source::ParsedFile;

/// How far a fix can be trusted. Only `Safe` is applied unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applicability {
    /// Behaviour and comments are kept.
    Safe,
    /// Behaviour could change in rare code; applied with `--fix unsafe`.
    Unsafe,
}

/// How much a finding matters, as SARIF says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Style or redundancy.
    Note,
    /// Likely to confuse or to hide a bug.
    Warning,
    /// A bug.
    Error,
}

/// What is known of a rule without running it.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// The origin linter's own name: `no-var`, `E711`. Unique over all languages.
    pub id: &'static str,
    /// `ESLint` or `ruff`.
    pub origin: &'static str,
    /// The languages it runs on.
    pub languages: &'static [Language],
    /// The severity of its findings.
    pub level: Level,
    /// One line, third person: "Requires `let` or `const` instead of `var`."
    pub summary: &'static str,
    /// The manual, in Markdown: what it does, why it is bad, an example, fix safety.
    pub docs: &'static str,
}

/// Replace the bytes of `range` by `text`. Insertion is an empty range, deletion an empty text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edit {
    /// Bytes of the source.
    pub range: Range<usize>,
    /// UTF-8 text as the source spells line ends (`\n` is translated by the engine).
    pub text: String,
}

impl Edit {
    /// Replaces `range` by `text`.
    pub fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    /// Inserts `text` before the byte at `at`.
    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::replace(at..at, text)
    }

    /// Deletes `range`.
    #[must_use]
    pub fn delete(range: Range<usize>) -> Self {
        Self::replace(range, "")
    }
}

/// The edits that mend one finding. They are applied together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Whether the fix may be applied unasked.
    pub applicability: Applicability,
    /// Not overlapping; the engine sorts them.
    pub edits: Vec<Edit>,
    /// What the fix claims: no fix overlapping this range is applied in the same pass.
    /// At least the hull of `edits`; wider where the fix relies on text around them.
    pub claims: Range<usize>,
}

impl Fix {
    /// A safe fix that claims the hull of its edits.
    ///
    /// # Panics
    /// If `edits` is empty.
    #[must_use]
    pub fn safe(edits: Vec<Edit>) -> Self {
        Self::new(Applicability::Safe, edits)
    }

    /// An unsafe fix that claims the hull of its edits.
    ///
    /// # Panics
    /// If `edits` is empty.
    #[must_use]
    pub fn unsafe_(edits: Vec<Edit>) -> Self {
        Self::new(Applicability::Unsafe, edits)
    }

    fn new(applicability: Applicability, edits: Vec<Edit>) -> Self {
        let start = edits.iter().map(|edit| edit.range.start).min().expect("a fix has edits");
        let end = edits.iter().map(|edit| edit.range.end).max().expect("a fix has edits");
        Self { applicability, edits, claims: start..end }
    }

    /// Widens the claim to `range`, for a fix that relies on text beyond its edits.
    #[must_use]
    pub fn claiming(mut self, range: Range<usize>) -> Self {
        self.claims = self.claims.start.min(range.start)..self.claims.end.max(range.end);
        self
    }
}

/// One place where a rule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// The reported place, in bytes: the origin linter's own place.
    pub range: Range<usize>,
    /// The origin linter's message.
    pub message: String,
    /// What would mend it, if that is known.
    pub fix: Option<Fix>,
}

/// A rule: a pure function of one parsed file.
pub trait Rule: Send + Sync {
    /// What is known of the rule without running it.
    fn meta(&self) -> &'static Meta;

    /// The node kinds (of the tree-sitter grammar) that [`Rule::check`] wants to see.
    fn kinds(&self) -> &'static [&'static str];

    /// The best applicability that its fixes reach.
    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    /// Rules that say of the mended text what this one keeps them from saying of the text as it is: `prefer-const`
    /// looks at `let`, and `no-var` makes one. Their findings at a mended place are uncovered, not caused.
    fn hands_over_to(&self) -> &'static [&'static str] {
        &[]
    }

    /// Looks at one node of a wanted kind and reports what it finds.
    fn check<'t>(&self, file: &ParsedFile<'t>, node: tree_sitter::Node<'t>, out: &mut Vec<Finding>);
}

impl std::fmt::Debug for dyn Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Rule({})", self.meta().id)
    }
}
