//! `bool_comparison`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::booleans::{Booleans, Truth};
use super::replacement::Replacement;
use super::syntax::{bool_literal, can_copy, operator, without_parens};

rule_type! {
    /// ## What it does
    /// Finds comparisons with `true` and `false`, and `<` and `>` between two `bool`s.
    ///
    /// ## Why is this bad?
    /// A `bool` says it itself.
    ///
    /// ## Example
    /// ```rust
    /// if ready == true && failed == false {}
    /// ```
    /// Use instead:
    /// ```rust
    /// if ready && !failed {}
    /// ```
    ///
    /// ## Fix safety
    /// Safe where the other side is seen to be a `bool`; only suggested where its type is not known, since a type
    /// can be comparable to `bool` without being one. Nothing is said of `cfg!(…)`.
    pub struct BoolComparison;
}

static META: Meta = Meta {
    id: "bool_comparison",
    origin: "clippy",
    category: Category::Redundancy,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds comparisons with `true` and `false`.",
    docs: BoolComparison::MANUAL,
};

impl Rule for BoolComparison {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if matches!(operator(node), "==" | "!=" | "<" | ">") && can_copy(node) {
            out.extend(finding(file, node));
        }
    }
}

fn finding<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let left = node.child_by_field_name("left")?;
    let right = node.child_by_field_name("right")?;
    if is_cfg(file, left) || is_cfg(file, right) {
        return None;
    }
    let kind = operator(node);
    let (text, message, truth) = match (bool_literal(file, left), bool_literal(file, right)) {
        (Some(_), Some(_)) => return None,
        (Some(literal), None) => {
            // `true > x` asks what `x < true` asks.
            let mirrored = match kind {
                "<" => ">",
                ">" => "<",
                other => other,
            };
            against_literal(file, right, mirrored, literal)?
        }
        (None, Some(literal)) => against_literal(file, left, kind, literal)?,
        (None, None) => between(file, left, right, kind)?,
    };
    if truth == Truth::Not || is_silenced(file, node, META.id, "complexity") {
        return None;
    }
    let applicability = if truth == Truth::Bool { Applicability::Safe } else { Applicability::Suggestion };
    let range = left.start_byte()..right.end_byte();
    let fix = Fix::new(applicability, vec![Edit::replace(range.clone(), text)]);
    Some(Finding::new(&META, range, message).with_fix(fix))
}

/// `other ⋄ literal`
fn against_literal<'t>(
    file: &ParsedFile<'t>,
    other: Node<'t>,
    kind: &str,
    literal: bool,
) -> Option<(String, &'static str, Truth)> {
    let (is_negated, message) = match (kind, literal) {
        ("==", true) => (false, "equality checks against true are unnecessary"),
        ("==", false) => (true, "equality checks against false can be replaced by a negation"),
        ("!=", true) => (true, "inequality checks against true can be replaced by a negation"),
        ("!=", false) => (false, "inequality checks against false are unnecessary"),
        ("<", true) => (true, "less than comparison against true can be replaced by a negation"),
        (">", false) => (false, "greater than checks against false are unnecessary"),
        _ => return None,
    };
    let truth = Booleans::of(file).truth(other);
    let kept = Replacement::of(file, other);
    let text = if is_negated { kept.negated() } else { kept };
    Some((text.to_string(), message, truth))
}

/// `left < right` of two `bool`s.
fn between<'t>(
    file: &ParsedFile<'t>,
    left: Node<'t>,
    right: Node<'t>,
    kind: &str,
) -> Option<(String, &'static str, Truth)> {
    if !matches!(kind, "<" | ">") {
        return None;
    }
    let booleans = Booleans::of(file);
    // A `bool` has an order with another `bool` only, but for a crate that says otherwise of a type of its own.
    let could_be = |node| booleans.truth(node) != Truth::Not;
    let is_known = booleans.truth(left) == Truth::Bool || booleans.truth(right) == Truth::Bool;
    if !is_known || !could_be(left) || !could_be(right) {
        return None;
    }
    let (left, right) = (Replacement::of(file, left), Replacement::of(file, right));
    let text = if kind == "<" { left.negated().and_bits(right) } else { left.and_bits(right.negated()) };
    Some((text.to_string(), "order comparisons between booleans can be simplified", Truth::Bool))
}

fn is_cfg(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    let node = without_parens(node);
    let name = node.child_by_field_name("macro").filter(|_| node.kind() == "macro_invocation");
    name.is_some_and(|name| file.bytes_of(name.byte_range()) == b"cfg")
}
