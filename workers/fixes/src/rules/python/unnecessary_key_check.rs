//! `RUF019`: `key in dct and dct[key]`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::boolean_test::is_boolean_test;
use super::comparison::Comparison;
use super::generator::canonical;
use super::side_effect::SideEffect;
use super::syntax::{has_comment_at, utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds conditions that look whether a dictionary has a key and then whether its value is truthy (ruff's
    /// `unnecessary-key-check`).
    ///
    /// ## Why is this bad?
    /// `dict.get` does both at once: a missing key gives `None`, which is falsy.
    ///
    /// ## Example
    /// ```python
    /// if "port" in options and options["port"]:
    ///     connect()
    /// ```
    /// Use instead:
    /// ```python
    /// if options.get("port"):
    ///     connect()
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment, and for keys whose text is made by `__format__`.
    pub struct UnnecessaryKeyCheck;
}

static META: Meta = Meta {
    id: "RUF019",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds checks for a key before its value is tested.",
    docs: UnnecessaryKeyCheck::MANUAL,
};

impl Rule for UnnecessaryKeyCheck {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["boolean_operator"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some((left, right)) = operands_of_and(file, node) else { return };
        let Some(comparison) = Comparison::of(left) else { return };
        let ([operator], [key, dict]) = (&*comparison.operators, &*comparison.operands) else { return };
        let (Some(value), Some(index)) = (right.child_by_field_name("value"), subscript(right)) else {
            return;
        };
        let is_same = |one: Node<'t>, other: Node<'t>| {
            canonical(file, one).is_some_and(|text| canonical(file, other) == Some(text))
        };
        if operator.kind() != "in"
            || !is_boolean_test(file, node)
            || !is_same(*dict, value)
            || !is_same(*key, index)
        {
            return;
        }
        let effect = SideEffect::of(file, *dict).max(SideEffect::of(file, *key));
        if effect < SideEffect::Present {
            let fix = fix(file, node, value, index, effect);
            let message = "Unnecessary key check before dictionary access";
            out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
        }
    }
}

/// The operands of `a and b`, parentheses gone; `None` for parts of `a and b and c`.
fn operands_of_and<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let is_and = |node: Node<'t>| {
        node.kind() == "boolean_operator"
            && node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "and")
    };
    let left = node.child_by_field_name("left")?;
    let right = without_parentheses(node.child_by_field_name("right")?);
    let is_whole = is_and(node) && right.kind() == "subscript" && !file.parent(node).is_some_and(is_and);
    let left = (is_whole && !is_and(left)).then(|| without_parentheses(left))?;
    (left.kind() == "comparison_operator").then_some((left, right))
}

/// The key in `dct[key]`; `None` for several.
fn subscript(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let mut keys = node.children_by_field_name("subscript", &mut cursor);
    let key = keys.next()?;
    (keys.next().is_none() && key.kind() != "slice").then_some(key)
}

fn fix(
    file: &ParsedFile<'_>,
    node: Node<'_>,
    dict: Node<'_>,
    key: Node<'_>,
    effect: SideEffect,
) -> Option<Fix> {
    let text = format!("{}.get({})", utf8(file, dict.byte_range())?, utf8(file, key.byte_range())?);
    let edits = vec![Edit::replace(node.byte_range(), text)];
    let is_safe = effect == SideEffect::Absent && !has_comment_at(file, &node.byte_range());
    Some(if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) })
}
