//! `SIM208`: `not (not a)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::boolean_test::is_boolean_test;
use super::generator::{call_of, generated};
use super::names::has_builtin;
use super::padding::{MAX_REWRITTEN_LEN, padded};
use super::syntax::{utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds negations of negations (ruff's `double-negation`).
    ///
    /// ## Why is this bad?
    /// Twice `not` is the truth of the value, which `bool` says more clearly, and a condition needs neither.
    ///
    /// ## Example
    /// ```python
    /// if not (not ready):
    ///     start()
    /// ```
    /// Use instead:
    /// ```python
    /// if ready:
    ///     start()
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Within a larger condition the value keeps the parentheses that it needs. Comments within the
    /// negations are lost. There is no fix where `bool` is not the builtin, nor for very long
    /// ones.
    pub struct DoubleNegation;
}

static META: Meta = Meta {
    id: "SIM208",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds negations of negations.",
    docs: DoubleNegation::MANUAL,
};

impl Rule for DoubleNegation {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["not_operator"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let negated = |node: Node<'t>| node.child_by_field_name("argument").map(without_parentheses);
        let Some(inner) = negated(node).filter(|inner| inner.kind() == "not_operator") else { return };
        let Some(value) = negated(inner) else { return };
        let text = quoted(file, value);
        let message = format!("Use `{text}` instead of `not (not {text})`");
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix(file, node, value)));
    }
}

fn fix<'t>(file: &ParsedFile<'t>, negation: Node<'t>, value: Node<'t>) -> Option<Fix> {
    let range = negation.byte_range();
    if range.len() > MAX_REWRITTEN_LEN {
        return None;
    }
    let text = if is_boolean_test(file, negation) {
        let text = utf8(file, value.byte_range())?;
        if needs_parentheses(file, negation, value) { format!("({text})") } else { text.to_owned() }
    } else if has_builtin(file, negation, "bool") {
        call_of(file, "bool", value)?
    } else {
        return None;
    };
    Some(Fix::safe(vec![Edit::replace(range.clone(), padded(file, &range, text))]))
}

/// Whether `value` in the place of `negation` would be read in another way without parentheses.
fn needs_parentheses<'t>(file: &ParsedFile<'t>, negation: Node<'t>, value: Node<'t>) -> bool {
    let Some(around) = file.parent(negation) else { return false };
    let is_enclosed = matches!(around.kind(), "parenthesized_expression" | "argument_list");
    let spans_lines = file.bytes_of(value.byte_range()).iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    let binds_less = match around.kind() {
        "boolean_operator" | "not_operator" => {
            matches!(
                value.kind(),
                "boolean_operator" | "conditional_expression" | "lambda" | "named_expression"
            )
        }
        "conditional_expression" | "if_clause" => {
            matches!(value.kind(), "conditional_expression" | "lambda" | "named_expression")
        }
        _ => value.kind() == "yield",
    };
    binds_less || (spans_lines && !is_enclosed)
}

/// `value` for a message. The messages of nested negations would add up if they quoted all they are about.
fn quoted(file: &ParsedFile<'_>, value: Node<'_>) -> String {
    let as_written =
        || if value.byte_range().len() > MAX_REWRITTEN_LEN { "...".into() } else { file.text(value) };
    generated(file, value).unwrap_or_else(|| as_written().into_owned())
}
