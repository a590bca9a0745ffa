//! What a rule is. One rule lives in one file under `rules/<language>/<rule>.rs`; its doc block is the manual.
//!
//! The engine walks each tree once and hands every node to the rules that asked for its kind
//! ([`Rule::kinds`]); a rule looks at the node and its surroundings and reports [`Finding`]s.

use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use settings::{Category, Gate};

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
    /// A person has to choose: never applied, shown beside the finding.
    Suggestion,
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
    /// The linter it comes from: `ESLint`, `ruff`, `clippy`.
    pub origin: &'static str,
    /// What it is about.
    pub category: Category,
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
    /// What the code must be able to run on.
    pub needs: Option<Gate>,
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

    /// A fix that a person has to choose.
    ///
    /// # Panics
    /// If `edits` is empty.
    #[must_use]
    pub fn suggestion(edits: Vec<Edit>) -> Self {
        Self::new(Applicability::Suggestion, edits)
    }

    /// A fix of that applicability that claims the hull of its edits.
    ///
    /// # Panics
    /// If `edits` is empty.
    #[must_use]
    pub fn new(applicability: Applicability, edits: Vec<Edit>) -> Self {
        let start = edits.iter().map(|edit| edit.range.start).min().expect("a fix has edits");
        let end = edits.iter().map(|edit| edit.range.end).max().expect("a fix has edits");
        Self { applicability, edits, claims: start..end, needs: None }
    }

    /// Makes the fix depend on what the code has to run on.
    #[must_use]
    pub fn needing(mut self, gate: Gate) -> Self {
        self.needs = Some(gate);
        self
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

impl Finding {
    /// A finding without a fix.
    #[must_use]
    pub fn new(meta: &Meta, range: Range<usize>, message: impl Into<String>) -> Self {
        Self { rule: meta.id, range, message: message.into(), fix: None }
    }

    /// The finding with a fix, if there is one.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }
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

    /// The rule with the origin linter's options: what follows the severity in ESLint's configuration, or one
    /// object with ruff's settings of the rule.
    ///
    /// # Errors
    /// What is wrong with the options, in words for whoever wrote them.
    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String>;

    /// Rules that say of the mended text what this one keeps them from saying of the text as it is: `prefer-const`
    /// looks at `let`, and `no-var` makes one. Their findings at a mended place are uncovered, not caused.
    fn hands_over_to(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its fixes delete or rewrite comments because the comments are what it is about. The fixes of other
    /// rules are dropped where a comment would change.
    fn edits_comments(&self) -> bool {
        false
    }

    /// Looks at the comments of the file that suppress findings, when all rules have run and it is known what the
    /// comments have suppressed. Not called where there are none.
    fn check_suppressions(&self, _file: &ParsedFile<'_>, _ran: &Ran, _out: &mut Vec<Finding>) {}

    /// Looks at one node of a wanted kind and reports what it finds.
    fn check<'t>(&self, file: &ParsedFile<'t>, node: tree_sitter::Node<'t>, out: &mut Vec<Finding>);
}

/// The rules of a run that are for the file's language.
#[derive(Debug)]
pub struct Ran {
    /// All of them.
    pub enabled: Vec<&'static str>,
    /// Those that are not off for the file and have not failed on it.
    pub heard: Vec<&'static str>,
}

impl std::fmt::Debug for dyn Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Rule({})", self.meta().id)
    }
}

/// A rule of an engine: as it was built, or with options of its own.
#[derive(Clone, Debug)]
pub enum RuleRef {
    /// One of [`crate::rules::ALL`], with its default options.
    Default(&'static dyn Rule),
    /// A rule with options, or of a user.
    Owned(Arc<dyn Rule>),
}

impl Deref for RuleRef {
    type Target = dyn Rule;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Default(rule) => *rule,
            Self::Owned(rule) => &**rule,
        }
    }
}

impl From<&'static dyn Rule> for RuleRef {
    fn from(rule: &'static dyn Rule) -> Self {
        Self::Default(rule)
    }
}

/// For [`Rule::configured`] of a rule that has no options.
///
/// # Errors
/// If there are options all the same.
pub fn without_options<R: Rule + Clone + 'static>(
    rule: &R,
    options: &[Value],
) -> Result<Arc<dyn Rule>, String> {
    match options {
        [] => Ok(Arc::new(rule.clone())),
        _ => Err("the rule has no options".to_owned()),
    }
}

/// Reads the option at `index`, `T::default()` if there is none.
///
/// # Errors
/// What is wrong with it.
pub fn option<T: serde::de::DeserializeOwned + Default>(
    options: &[Value],
    index: usize,
) -> Result<T, String> {
    match options.get(index) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => T::deserialize(value).map_err(|error| format!("option {}: {error}", index + 1)),
    }
}
