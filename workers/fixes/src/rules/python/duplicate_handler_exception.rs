//! `B014`: `except (A, A)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use std::collections::BTreeSet;

use super::generator::generated;
use super::padding::padded;
use super::syntax::{code_children, has_comment_at, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds handlers that name an exception more than once (ruff's `duplicate-handler-exception`).
    ///
    /// ## Why is this bad?
    /// The second mention does nothing; perhaps another exception was meant.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     read()
    /// except (OSError, OSError):
    ///     pass
    /// ```
    /// Use instead:
    /// ```python
    /// try:
    ///     read()
    /// except OSError:
    ///     pass
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment.
    pub struct DuplicateHandlerException;
}

static META: Meta = Meta {
    id: "B014",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds exceptions that a handler names twice.",
    docs: DuplicateHandlerException::MANUAL,
};

impl Rule for DuplicateHandlerException {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["except_clause"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(types) = node.child_by_field_name("value").map(handled) else { return };
        if types.kind() != "tuple" {
            return;
        }
        let mut seen = BTreeSet::new();
        let mut duplicates = BTreeSet::new();
        let mut kept = Vec::new();
        for element in code_children(types).map(without_parentheses) {
            match dotted_name(file, element) {
                Some(name) if seen.contains(&name) => {
                    duplicates.insert(name);
                }
                Some(name) => {
                    seen.insert(name);
                    kept.push(element);
                }
                None => kept.push(element),
            }
        }
        if !duplicates.is_empty() {
            let fix = fix(file, types, &kept);
            out.push(Finding::new(&META, types.byte_range(), message(&duplicates)).with_fix(fix));
        }
    }
}

/// What is caught, without `as name` and parentheses.
fn handled(value: Node<'_>) -> Node<'_> {
    let is_named = value.kind() == "as_pattern";
    without_parentheses(is_named.then(|| code_children(value).next()).flatten().unwrap_or(value))
}

/// A name or attributes of a name.
fn dotted_name(file: &ParsedFile<'_>, node: Node<'_>) -> Option<String> {
    let mut attributes = Vec::new();
    let mut root = node;
    while root.kind() == "attribute" {
        attributes.push(file.text(root.child_by_field_name("attribute")?));
        root = without_parentheses(root.child_by_field_name("object")?);
    }
    let name = (root.kind() == "identifier").then(|| file.text(root).into_owned())?;
    Some(attributes.iter().rev().fold(name, |name, attribute| name + "." + attribute))
}

fn message(duplicates: &BTreeSet<String>) -> String {
    let names: Vec<String> = duplicates.iter().map(|name| format!("`{name}`")).collect();
    let noun = if names.len() == 1 { "exception" } else { "exceptions" };
    format!("Exception handler with duplicate {noun}: {}", names.join(", "))
}

fn fix(file: &ParsedFile<'_>, types: Node<'_>, kept: &[Node<'_>]) -> Option<Fix> {
    let range = types.byte_range();
    let texts: Vec<String> = kept.iter().map(|kept| generated(file, *kept)).collect::<Option<_>>()?;
    let text = match texts.as_slice() {
        [only] if kept[0].kind() != "list_splat" => padded(file, &range, only.clone()),
        [only] => format!("({only},)"),
        _ => format!("({})", texts.join(", ")),
    };
    let edits = vec![Edit::replace(range.clone(), text)];
    Some(if has_comment_at(file, &range) { Fix::unsafe_(edits) } else { Fix::safe(edits) })
}
