//! `eqeqeq`: `==` and `!=` convert their operands.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{named_children, operator, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
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
    /// ## Options
    /// - `"always"` (the default): every `==` and `!=`. A second option says what holds for comparisons with
    ///   `null`: `{ "null": "always" }` (the default) treats them as any other, `"ignore"` leaves them alone,
    ///   and `"never"` wants `==` and `!=` there, which find `undefined` too.
    /// - `"smart"`: not where one operand is a `typeof` expression or `null`, or both are literals of one type.
    /// - `"allow-null"`: not where one operand is `null`.
    ///
    /// ## Fix safety
    /// There is a fix only where one operand is a `typeof` expression or both are literals of one type.
    /// It is safe if the types of both operands are known, since then nothing is converted. It is unsafe
    /// for `typeof a == b`, where `b` could be an object that converts to the same string. Elsewhere the other
    /// operator is only suggested.
    pub struct Eqeqeq {
        mode: Mode,
        null: NullMode,
    }
}

/// Which comparisons may stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Always,
    Smart,
    AllowNull,
}

/// What holds for comparisons with `null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NullMode {
    #[default]
    Always,
    Never,
    Ignore,
}

/// The second option.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    null: NullMode,
}

impl Eqeqeq {
    /// What ESLint does without options.
    pub const DEFAULT: Self = Self { mode: Mode::Always, null: NullMode::Always };
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
        let mode: Mode = option(options, 0)?;
        if mode != Mode::Always && options.len() > 1 {
            return Err("only \"always\" has a second option".to_owned());
        }
        let null = if mode == Mode::Always { option::<Options>(options, 1)?.null } else { NullMode::Ignore };
        Ok(Arc::new(Self { mode, null }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let actual = operator(node);
        let expected = match actual {
            "==" => "===",
            "!=" => "!==",
            "===" if self.null == NullMode::Never => "==",
            "!==" if self.null == NullMode::Never => "!=",
            _ => return,
        };
        let (Some(left), Some(token), Some(right)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("operator"),
            node.child_by_field_name("right"),
        ) else {
            return;
        };
        let (left, right) = (without_parens(left), without_parens(right));
        let is_null = left.kind() == "null" || right.kind() == "null";
        let is_strict = actual.len() == 3;
        let applicability = applicability(Operand::of(file, left), Operand::of(file, right));
        let is_harmless = is_null || applicability != Applicability::Suggestion;
        let is_allowed = is_strict && !is_null
            || !is_strict && is_null && self.null != NullMode::Always
            || self.mode == Mode::Smart && is_harmless;
        if is_allowed {
            return;
        }
        let range = token.byte_range();
        let fix = Fix::new(applicability, vec![Edit::replace(range.clone(), expected)]);
        let message = format!("Expected '{expected}' and instead saw '{actual}'.");
        out.push(Finding::new(&META, range, message).with_fix(fix));
    }
}

/// How far the other operator can be trusted to say the same.
fn applicability(left: Operand, right: Operand) -> Applicability {
    match (left, right) {
        (Operand::Typeof, Operand::Other) | (Operand::Other, Operand::Typeof) => Applicability::Unsafe,
        (Operand::Typeof, _) | (_, Operand::Typeof) => Applicability::Safe,
        (Operand::Other, _) => Applicability::Suggestion,
        (left, right) if left == right => Applicability::Safe,
        _ => Applicability::Suggestion,
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
    /// `operand` has no parentheses around it.
    fn of(file: &ParsedFile<'_>, operand: Node<'_>) -> Self {
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
