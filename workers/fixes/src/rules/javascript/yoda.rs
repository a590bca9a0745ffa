//! `yoda`: `"red" === color` instead of `color === "red"`, or the other way round.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::misread::{holds_too_much, is_cut_short};
use super::same_reference::{Keys, is_same_reference};
use super::static_value::{Value, is_literal, is_static_template, literal_value, static_template_text};
use super::surroundings::{copied, glues_before, glues_behind, is_parenthesised, place_in};
use super::syntax::{Token, operator, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds comparisons with the literal on the left: `"red" === color`. With the option `"always"` it finds
    /// those with the literal on the right.
    ///
    /// ## Why is this bad?
    /// People say "the colour is red" and read comparisons in that order, too.
    ///
    /// ## Example
    /// ```js
    /// if ("red" === color) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (color === "red") {}
    /// ```
    ///
    /// ## Options
    /// The first is `"never"` (the default) or `"always"`. The second is an object:
    /// - `exceptRange` (`false`): allows `0 <= x && x < 1` and `x < 0 || 1 <= x` in parentheses.
    /// - `onlyEquality` (`false`): looks at `==` and `===` only.
    ///
    /// ## Fix safety
    /// Safe: a literal is evaluated without effects, so the order of the operands does not matter.
    pub struct Yoda {
        mode: Mode,
        options: Options,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Never,
    Always,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    except_range: bool,
    only_equality: bool,
}

static META: Meta = Meta {
    id: "yoda",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires literals on the right of comparisons.",
    docs: Yoda::MANUAL,
};

impl Yoda {
    /// Without options.
    pub const DEFAULT: Self =
        Self { mode: Mode::Never, options: Options { except_range: false, only_equality: false } };
}

impl Rule for Yoda {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Json]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { mode: option(options, 0)?, options: option(options, 1)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(flipped) = flipped(operator(node)) else { return };
        let Some((left, right)) = operands(node) else { return };
        let (wanted, other, side) = match self.mode {
            Mode::Always => (left, right, "left"),
            Mode::Never => (right, left, "right"),
        };
        let is_equality = matches!(operator(node), "==" | "===");
        if !looks_like_literal(other)
            || looks_like_literal(wanted)
            || (self.options.only_equality && !is_equality)
            || is_cut_short(file, node)
            || holds_too_much(left)
            || (self.options.except_range && is_in_range_test(file, node))
        {
            return;
        }
        let message = format!("Expected literal to be on the {side} side of {}.", operator(node));
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(flip(file, node, flipped)));
    }
}

/// The operator that compares the other way round; `None` if it does not compare.
fn flipped(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "===" => "===",
        "!==" => "!==",
        "==" => "==",
        "!=" => "!=",
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        _ => return None,
    })
}

fn operands<'t>(node: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
    Some((without_parens(left), without_parens(right)))
}

fn looks_like_literal(node: Node<'_>) -> bool {
    is_literal(node) || is_static_template(node) || negative_number(node).is_some()
}

/// The number behind a `-`.
fn negative_number(node: Node<'_>) -> Option<Node<'_>> {
    if node.kind() != "unary_expression" || operator(node) != "-" {
        return None;
    }
    node.child_by_field_name("argument").map(without_parens).filter(|number| number.kind() == "number")
}

/// The value of what looks like a literal.
fn value_of(file: &ParsedFile<'_>, node: Node<'_>) -> Option<Value> {
    if let Some(number) = negative_number(node) {
        return literal_value(file, number)?.negated();
    }
    if is_static_template(node) {
        return static_template_text(file, node).map(|text| Value::Text(text.into_owned()));
    }
    literal_value(file, node)
}

/// Whether `comparison` is half of `(0 <= x && x < 1)` or `(x < 0 || 1 <= x)`.
fn is_in_range_test<'t>(file: &ParsedFile<'t>, comparison: Node<'t>) -> bool {
    let Some(test) = place_in(file, comparison).map(|place| place.parent) else { return false };
    if test.kind() != "binary_expression" {
        return false;
    }
    let is_between = match operator(test) {
        "&&" => true,
        "||" => false,
        _ => return false,
    };
    let Some((first, second)) = operands(test) else { return false };
    let is_range_operator =
        |node: Node<'_>| node.kind() == "binary_expression" && matches!(operator(node), "<" | "<=");
    if !is_range_operator(first) || !is_range_operator(second) {
        return false;
    }
    let (Some((a, b)), Some((c, d))) = (operands(first), operands(second)) else { return false };
    let (low, left, right, high) = if is_between { (a, b, c, d) } else { (b, a, d, c) };
    is_same_reference(file, left, right, Keys::ByName)
        && is_ordered(file, low, high)
        && is_parenthesised(file, &test.byte_range())
}

/// Whether `low` and `high` may be the ends of a range: one of them is a literal, and not the greater of two.
fn is_ordered(file: &ParsedFile<'_>, low: Node<'_>, high: Node<'_>) -> bool {
    match (looks_like_literal(low), looks_like_literal(high)) {
        (false, false) => false,
        (true, true) => match (value_of(file, low), value_of(file, high)) {
            (Some(low), Some(high)) => low.is_at_most(&high),
            _ => false,
        },
        _ => true,
    }
}

fn flip<'t>(file: &ParsedFile<'t>, node: Node<'t>, flipped: &str) -> Option<Fix> {
    let range = node.byte_range();
    let operator = node.child_by_field_name("operator")?.byte_range();
    let last_left = file.token_before(operator.start)?;
    let first_right = file.token_after(operator.end)?;
    let left = copied(file, range.start..last_left.end_byte())?;
    let before_operator = copied(file, last_left.end_byte()..operator.start)?;
    let behind_operator = copied(file, operator.end..first_right.start_byte())?;
    let right = copied(file, first_right.start_byte()..range.end)?;
    let before = if glues_before(file, range.start, Token::of(file, first_right)) { " " } else { "" };
    let behind = if glues_behind(file, range.end, Token::of(file, last_left)) { " " } else { "" };
    let text = format!("{before}{right}{before_operator}{flipped}{behind_operator}{left}{behind}");
    Some(Fix::safe(vec![Edit::replace(range, text)]))
}
