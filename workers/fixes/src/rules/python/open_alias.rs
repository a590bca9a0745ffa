//! `UP020`: `io.open`, which is `open`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::importer::builtin;
use super::syntax::without_parentheses;

rule_type! {
    /// ## What it does
    /// Finds calls of `io.open` (ruff's `open-alias`).
    ///
    /// ## Why is this bad?
    /// In Python 3 it is another name of the builtin `open`, which needs no import.
    ///
    /// ## Example
    /// ```python
    /// import io
    ///
    /// with io.open("notes.txt") as notes:
    ///     print(notes.read())
    /// ```
    /// Use instead:
    /// ```python
    /// with open("notes.txt") as notes:
    ///     print(notes.read())
    /// ```
    ///
    /// ## Fix safety
    /// Safe, unless it would delete a comment. Where `open` means something else, the fix spells `builtins.open`.
    pub struct OpenAlias;
}

static META: Meta = Meta {
    id: "UP020",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds calls of `io.open`, which is the builtin `open`.",
    docs: OpenAlias::MANUAL,
};

impl Rule for OpenAlias {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["F401"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(function) = node.child_by_field_name("function") else { return };
        let function = without_parentheses(function);
        let Some(scopes) = file.python_scopes() else { return };
        if scopes.qualified_name(file, function).as_deref() != Some("io.open") {
            return;
        }
        let fix = scopes.place_behind(node).and_then(|place| {
            let available = builtin(file, scopes, "open", node.start_byte(), place)?;
            let range = function.byte_range();
            let is_safe = !file.has_comment_in(range.clone());
            let mut edits = vec![Edit::replace(range, available.name)];
            edits.extend(available.import);
            let fix = if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) };
            Some(available.relies_on.into_iter().fold(fix, Fix::claiming))
        });
        out.push(Finding::new(&META, node.byte_range(), "Use builtin `open`").with_fix(fix));
    }
}
