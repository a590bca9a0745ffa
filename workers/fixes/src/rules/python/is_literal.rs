//! `F632`: `is` with a literal.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::comparison::{Comparison, KINDS, for_each_comparison, is_constant};

rule_type! {
    /// ## What it does
    /// Finds `is` and `is not` between an expression and a literal: a number, a string, a list, a set, a
    /// dictionary (ruff's `is-literal`).
    ///
    /// ## Why is this bad?
    /// `is` asks whether two objects are one. A literal makes its own object, or shares one by an accident of
    /// the interpreter, so the answer is no more than luck; Python warns of it since 3.8.
    ///
    /// ## Example
    /// ```python
    /// if status is 200:
    ///     accept()
    /// ```
    /// becomes
    /// ```python
    /// if status == 200:
    ///     accept()
    /// ```
    ///
    /// ## Fix safety
    /// Safe: comparing values is what such code means. There is no fix where it would delete a comment.
    pub struct IsLiteral;
}

static META: Meta = Meta {
    id: "F632",
    origin: "ruff",
    category: Category::Bug,
    languages: &[Language::Python],
    level: Level::Error,
    summary: "Finds `is` and `is not` with a literal.",
    docs: IsLiteral::MANUAL,
};

impl Rule for IsLiteral {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        for_each_comparison(file, node, out, check);
    }
}

fn check(file: &ParsedFile<'_>, comparison: &Comparison<'_>, out: &mut Vec<Finding>) {
    for (index, operator) in comparison.operators.iter().enumerate() {
        let by_value = match operator.kind() {
            "is" => "==",
            "is not" => "!=",
            _ => continue,
        };
        let is_literal = |operand| is_constant(file, operand) || makes_collection(operand);
        if is_literal(comparison.operand(index)) || is_literal(comparison.operand(index + 1)) {
            let range = operator.byte_range();
            let fix = (!file.has_comment_in(range.clone()))
                .then(|| Fix::safe(vec![Edit::replace(range, by_value)]));
            out.push(Finding {
                rule: META.id,
                range: comparison.node.byte_range(),
                message: format!("Use `{by_value}` to compare constant literals"),
                fix,
            });
        }
    }
}

fn makes_collection(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "list"
            | "set"
            | "dictionary"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
    )
}
