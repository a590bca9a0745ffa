//! `eqeqeq`: `==` and `!=` convert their operands.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{named_children, operator, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `==` and `!=`.
    ///
    /// ## Why is this bad?
    /// They convert their operands before they compare them, by rules that few remember:
    /// `[] == false`, `"" == 0` and `null == undefined` are all true.
    ///
    /// ## Example
    /// ```js
    /// if (typeof value == "string") {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (typeof value === "string") {}
    /// ```
    ///
    /// ## Fix safety
    /// There is a fix only where one operand is a `typeof` expression or both are literals of one type.
    /// It is safe if the types of both operands are known, since then nothing is converted. It is unsafe
    /// for `typeof a == b`, where `b` could be an object that converts to the same string.
    pub struct Eqeqeq;
}

static META: Meta = Meta {
    id: "eqeqeq",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Requires `===` and `!==` instead of `==` and `!=`.",
    docs: Eqeqeq::MANUAL,
};

impl Rule for Eqeqeq {
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
        let actual = operator(node);
        let expected = match actual {
            "==" => "===",
            "!=" => "!==",
            _ => return,
        };
        let (Some(left), Some(token), Some(right)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("operator"),
            node.child_by_field_name("right"),
        ) else {
            return;
        };
        let range = token.byte_range();
        let edits = || vec![Edit::replace(range.clone(), expected)];
        let fix = match (Operand::of(file, left), Operand::of(file, right)) {
            (Operand::Typeof, Operand::Other) | (Operand::Other, Operand::Typeof) => {
                Some(Fix::unsafe_(edits()))
            }
            (Operand::Typeof, _) | (_, Operand::Typeof) => Some(Fix::safe(edits())),
            (Operand::Other, _) => None,
            (left, right) if left == right => Some(Fix::safe(edits())),
            _ => None,
        };
        let message = format!("Expected '{expected}' and instead saw '{actual}'.");
        out.push(Finding { rule: META.id, range, message, fix });
    }
}

/// What is known of an operand's type without running the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    /// `typeof …`: one of a few strings.
    Typeof,
    String,
    Number,
    BigInt,
    Boolean,
    /// `null` or a regular expression, whose `typeof` is the same.
    Object,
    Other,
}

impl Operand {
    fn of(file: &ParsedFile<'_>, node: Node<'_>) -> Self {
        let operand = without_parens(node);
        match operand.kind() {
            "unary_expression" if operator(operand) == "typeof" => Self::Typeof,
            "string" => Self::String,
            "template_string" if !has_substitution(operand) => Self::String,
            "number" if file.bytes_of(operand.byte_range()).ends_with(b"n") => Self::BigInt,
            "number" => Self::Number,
            "true" | "false" => Self::Boolean,
            "null" | "regex" => Self::Object,
            _ => Self::Other,
        }
    }
}

fn has_substitution(template: Node<'_>) -> bool {
    named_children(template).any(|child| child.kind() == "template_substitution")
}
