//! `no-compare-neg-zero`: `a === -0`.

use std::sync::Arc;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::misread::{holds_too_much, is_cut_short};
use super::static_value::{Value, literal_value};
use super::syntax::{operator, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds comparisons with `-0`.
    ///
    /// ## Why is this bad?
    /// `0 === -0` is true, so such a comparison does not tell the two zeros apart, as it seems to.
    ///
    /// ## Example
    /// ```js
    /// if (direction === -0) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (Object.is(direction, -0)) {}
    /// ```
    ///
    /// ## Fix safety
    /// There is a suggestion only: it writes `0`, which keeps what the comparison does now. Whether
    /// `Object.is` was meant, a person has to say.
    pub struct NoCompareNegZero;
}

static META: Meta = Meta {
    id: "no-compare-neg-zero",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Error,
    summary: "Disallows comparisons with `-0`.",
    docs: NoCompareNegZero::MANUAL,
};

impl Rule for NoCompareNegZero {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Json]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let comparison = operator(node);
        if !matches!(comparison, ">" | ">=" | "<" | "<=" | "==" | "===" | "!=" | "!==") {
            return;
        }
        let operand = |field| node.child_by_field_name(field).map(without_parens);
        let zeros: Vec<Edit> = [operand("left"), operand("right")]
            .into_iter()
            .flatten()
            .filter(|operand| is_negative_zero(file, *operand))
            .map(|zero| Edit::replace(zero.byte_range(), "0"))
            .collect();
        if zeros.is_empty() || is_cut_short(file, node) || operand("left").is_some_and(holds_too_much) {
            return;
        }
        let message = format!("Do not use the '{comparison}' operator to compare against -0.");
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(Fix::suggestion(zeros)));
    }
}

fn is_negative_zero(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    node.kind() == "unary_expression"
        && operator(node) == "-"
        && node
            .child_by_field_name("argument")
            .and_then(|zero| literal_value(file, without_parens(zero)))
            .is_some_and(|value| value == Value::Number(0.0))
}
