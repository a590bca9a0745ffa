//! `logical-assignment-operators`: `a = a || b` instead of `a ||= b`, or the other way round.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::{is_global, is_undefined};
use super::misread::is_cut_short;
use super::same_reference::{Keys, is_same_reference};
use super::static_value::{holds_optional_link, is_identifier, is_member};
use super::surroundings::{copied, is_parenthesised, place_in, statement_range, token_at};
use super::syntax::{
    Precedence, Token, binary_precedence, identifier_name, named_children, operator, precedence,
    without_parens,
};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds assignments that depend on the value of their target and could be written with `||=`, `&&=` or
    /// `??=`. With the option `"never"` it finds those operators instead.
    ///
    /// ## Why is this bad?
    /// `a ||= b` says once what is changed, and assigns only if it has to.
    ///
    /// ## Example
    /// ```js
    /// name = name || "nobody";
    /// cache && (cache = null);
    /// ```
    /// Use instead:
    /// ```js
    /// name ||= "nobody";
    /// cache &&= null;
    /// ```
    ///
    /// ## Options
    /// `"always"` (the default) or `"never"`. `"always"` takes an object as well:
    /// - `enforceForIfStatements` (`false`): finds `if (!a) a = b`, too.
    ///
    /// ## Fix safety
    /// Safe for variables. Unsafe for properties, since a getter may be called once instead of twice. Where a
    /// setter would no longer be called, or an object be evaluated a different number of times, there is a
    /// suggestion. There is no fix where a comment would be lost.
    pub struct LogicalAssignmentOperators {
        mode: Mode,
        checks_if: bool,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Always,
    Never,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    enforce_for_if_statements: bool,
}

static META: Meta = Meta {
    id: "logical-assignment-operators",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `a ||= b` instead of `a = a || b`.",
    docs: LogicalAssignmentOperators::MANUAL,
};

impl LogicalAssignmentOperators {
    /// Without options.
    pub const DEFAULT: Self = Self { mode: Mode::Always, checks_if: false };
}

impl Rule for LogicalAssignmentOperators {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let mode = option(options, 0)?;
        let more: Options = option(options, 1)?;
        if mode == Mode::Never && options.len() > 1 {
            return Err("\"never\" takes no further options".to_owned());
        }
        Ok(Arc::new(Self { mode, checks_if: more.enforce_for_if_statements }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["assignment_expression", "augmented_assignment_expression", "binary_expression", "if_statement"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let finding = match (self.mode, node.kind()) {
            (Mode::Never, "augmented_assignment_expression") => check_short(file, node),
            (Mode::Always, "assignment_expression") => check_assignment(file, node),
            (Mode::Always, "binary_expression") => check_expression(file, node),
            (Mode::Always, "if_statement") if self.checks_if => check_if(file, node),
            _ => None,
        };
        out.extend(finding);
    }
}

/// Whether a fix may be applied, or only be suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Suggested,
    Fixed(Applicability),
}

fn report(
    range: Range<usize>,
    message: String,
    edits: Option<Vec<Edit>>,
    trust: Trust,
    gates: bool,
) -> Finding {
    let fix = edits.filter(|edits| !edits.is_empty()).map(|edits| {
        let fix = match trust {
            Trust::Suggested => Fix::suggestion(edits),
            Trust::Fixed(applicability) => Fix::new(applicability, edits),
        };
        if gates { fix.needing(Gate::EcmaScript(2021)) } else { fix }
    });
    Finding::new(&META, range, message).with_fix(fix)
}

/// A variable is read and written without effects, unless it may be a property of the object of a `with`.
fn trust_in_variable<'t>(file: &ParsedFile<'t>, target: Node<'t>) -> Trust {
    if is_identifier(target) && !is_inside_with(file, target) {
        Trust::Fixed(Applicability::Safe)
    } else {
        Trust::Suggested
    }
}

/// Like [`trust_in_variable`], but one property of a variable is trusted as well.
fn trust_in_property<'t>(file: &ParsedFile<'t>, target: Node<'t>) -> Trust {
    let trust = trust_in_variable(file, target);
    if trust == Trust::Suggested && accesses_one_property(file, target) {
        Trust::Fixed(Applicability::Unsafe)
    } else {
        trust
    }
}

fn accesses_one_property<'t>(file: &ParsedFile<'t>, target: Node<'t>) -> bool {
    if is_inside_with(file, target) {
        return is_identifier(target);
    }
    if !is_plain_member(target) {
        return false;
    }
    let object = target.child_by_field_name("object").map(without_parens);
    let is_base =
        object.is_some_and(|object| is_identifier(object) || matches!(object.kind(), "super" | "this"));
    is_base
        && target.child_by_field_name("index").is_none_or(|index| {
            let index = without_parens(index);
            !is_member(index) && !holds_optional_link(index)
        })
}

/// More nodes around an assignment than anyone writes.
const MAX_DEPTH: usize = 100;

/// Whether `node` stands in the body of a `with` statement, or may: deeper than [`MAX_DEPTH`] no one looks.
fn is_inside_with<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let mut child = node;
    for (depth, parent) in file.ancestors(node).enumerate() {
        let is_body = parent.kind() == "with_statement" && parent.child_by_field_name("body") == Some(child);
        if is_body || depth > MAX_DEPTH {
            return true;
        }
        child = parent;
    }
    false
}

/// Whether `node` is a member that is not reached through an optional chain.
fn is_plain_member(node: Node<'_>) -> bool {
    is_member(node) && !holds_optional_link(node)
}

/// Whether `node` is a variable or a member.
fn is_reference(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    (is_identifier(node) && identifier_name(file, node) != "undefined") || is_plain_member(node)
}

/// `a ||= b`
fn check_short<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let short = operator(node);
    if !matches!(short, "&&=" | "||=" | "??=") {
        return None;
    }
    let left = without_parens(node.child_by_field_name("left")?);
    let message = format!("Unexpected logical operator assignment ({short}) shorthand.");
    Some(report(
        node.byte_range(),
        message,
        lengthen(file, node, left, short),
        trust_in_variable(file, left),
        false,
    ))
}

fn lengthen(file: &ParsedFile<'_>, node: Node<'_>, left: Node<'_>, short: &str) -> Option<Vec<Edit>> {
    if file.has_comment_in(node.byte_range()) {
        return None;
    }
    let logical = short.strip_suffix('=')?;
    let target = copied(file, left.byte_range())?;
    let token = node.child_by_field_name("operator")?;
    let right = without_parens(node.child_by_field_name("right")?);
    let mut edits = vec![Edit::replace(token.byte_range(), format!("= {target} {logical}"))];
    let is_loose = precedence(right) <= binary_precedence(logical);
    let is_mixed =
        short == "??=" && right.kind() == "binary_expression" && matches!(operator(right), "&&" | "||");
    if (is_loose || is_mixed) && !is_parenthesised(file, &right.byte_range()) {
        edits.push(Edit::insert(right.start_byte(), "("));
        edits.push(Edit::insert(right.end_byte(), ")"));
    }
    Some(edits)
}

fn is_logical(node: Node<'_>) -> bool {
    node.kind() == "binary_expression" && matches!(operator(node), "&&" | "||" | "??")
}

/// `a = a || b`
fn check_assignment<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let right = without_parens(node.child_by_field_name("right")?);
    if !is_logical(right) {
        return None;
    }
    let left = without_parens(node.child_by_field_name("left")?);
    let logical = operator(right);
    // The operation whose left operand is the first of all.
    let mut innermost = right;
    let first = loop {
        let first = innermost.child_by_field_name("left")?;
        if !is_logical(first) || operator(first) != logical {
            break first;
        }
        innermost = first;
    };
    if !is_same_reference(file, left, first, Keys::ByName) {
        return None;
    }
    let edits = || {
        if file.has_comment_in(node.byte_range()) {
            return None;
        }
        let equals = equals_sign(node)?;
        let operation = innermost.child_by_field_name("operator")?;
        let rest = file.token_after(operation.end_byte())?;
        Some(vec![
            Edit::insert(equals.start_byte(), logical),
            Edit::delete(innermost.start_byte()..rest.start_byte()),
        ])
    };
    let message = format!("Assignment (=) can be replaced with operator assignment ({logical}=).");
    Some(report(node.byte_range(), message, edits(), trust_in_variable(file, left), true))
}

/// The `=` of an assignment.
fn equals_sign(assignment: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = assignment.walk();
    assignment.children(&mut cursor).find(|child| child.kind() == "=")
}

/// `a || (a = b)`
fn check_expression<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    if !is_logical(node) || is_cut_short(file, node) {
        return None;
    }
    let assignment = without_parens(node.child_by_field_name("right")?);
    if assignment.kind() != "assignment_expression" {
        return None;
    }
    let left = without_parens(node.child_by_field_name("left")?);
    let target = assignment.child_by_field_name("left")?;
    if !is_reference(file, left) || !is_same_reference(file, left, target, Keys::ByName) {
        return None;
    }
    let logical = operator(node);
    let edits = || {
        if file.has_comment_in(node.byte_range()) {
            return None;
        }
        let (open, close) = if needs_parens(file, node) { ("(", ")") } else { ("", "") };
        Some(vec![
            Edit::replace(node.start_byte()..assignment.start_byte(), open),
            Edit::insert(equals_sign(assignment)?.start_byte(), logical),
            Edit::replace(assignment.end_byte()..node.end_byte(), close),
        ])
    };
    let message = format!("Logical expression can be replaced with an assignment ({logical}=).");
    Some(report(node.byte_range(), message, edits(), trust_in_property(file, left), true))
}

/// Whether an assignment in the place of `node` needs parentheses.
fn needs_parens<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let Some(place) = place_in(file, node) else { return false };
    let is_loose = match place.parent.kind() {
        "expression_statement" => true,
        _ => {
            let around = precedence(place.parent);
            around != Precedence::Unknown && around <= Precedence::Assignment
        }
    };
    !is_loose && !is_parenthesised(file, &node.byte_range())
}

/// `if (a) a = b`
fn check_if<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    if node.child_by_field_name("alternative").is_some() {
        return None;
    }
    let consequence = node.child_by_field_name("consequence")?;
    let has_block = consequence.kind() == "statement_block";
    let body = if has_block { only_child(consequence)? } else { consequence };
    if body.kind() != "expression_statement" {
        return None;
    }
    let assignment = without_parens(named_children(body).next()?);
    if assignment.kind() != "assignment_expression" {
        return None;
    }
    let test = without_parens(node.child_by_field_name("condition")?);
    let (reference, logical) = existence(file, test)?;
    if !is_same_reference(file, reference, assignment.child_by_field_name("left")?, Keys::ByName) {
        return None;
    }
    let trust = if is_logical(test) {
        trust_in_variable(file, reference)
    } else {
        trust_in_property(file, reference)
    };
    let edits = mend_if(file, node, body, assignment, logical);
    let message = format!(
        "'if' statement can be replaced with a logical operator assignment with operator {logical}=."
    );
    Some(report(statement_range(file, node), message, edits, trust, true))
}

fn only_child(block: Node<'_>) -> Option<Node<'_>> {
    let mut children = named_children(block);
    let only = children.next()?;
    children.next().is_none().then_some(only)
}

fn mend_if(
    file: &ParsedFile<'_>,
    node: Node<'_>,
    body: Node<'_>,
    assignment: Node<'_>,
    logical: &str,
) -> Option<Vec<Edit>> {
    let (whole, kept) = (statement_range(file, node), statement_range(file, body));
    if file.has_comment_in(whole.clone()) {
        return None;
    }
    let follows_open_end =
        file.token_before(whole.start).is_some_and(|token| !matches!(token.kind(), ";" | "{"));
    if follows_open_end && token_at(file, kept.start)? != Token::Word {
        return None;
    }
    let has_block = kept.end < whole.end;
    let behind = file.token_after(assignment.end_byte());
    let needs_semicolon = has_block && behind.is_some_and(|token| token.kind() != ";");
    Some(vec![
        Edit::delete(whole.start..kept.start),
        Edit::insert(equals_sign(assignment)?.start_byte(), logical),
        Edit::replace(kept.end..whole.end, if needs_semicolon { ";" } else { "" }),
    ])
}

/// What `test` asks of which variable or member: `&&` whether it is true, `||` whether it is false, `??` whether
/// it is null or undefined.
fn existence<'t>(file: &ParsedFile<'t>, test: Node<'t>) -> Option<(Node<'t>, &'static str)> {
    let negated = negated(test);
    let base = negated.unwrap_or(test);
    let by_truth = if negated.is_some() { "||" } else { "&&" };
    if is_reference(file, base) {
        return Some((base, by_truth));
    }
    if let Some(twice) = self::negated(base).filter(|twice| is_reference(file, *twice)) {
        return Some((twice, "&&"));
    }
    if let Some(cast) = boolean_cast(file, base) {
        return Some((cast, by_truth));
    }
    nullish(file, test).map(|reference| (reference, "??"))
}

/// The operand of `!`.
fn negated(node: Node<'_>) -> Option<Node<'_>> {
    let is_negation = node.kind() == "unary_expression" && operator(node) == "!";
    is_negation.then(|| node.child_by_field_name("argument").map(without_parens)).flatten()
}

/// The variable or member that `Boolean()` casts.
fn boolean_cast<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Node<'t>> {
    if call.kind() != "call_expression" || holds_optional_link(call) {
        return None;
    }
    let arguments = call.child_by_field_name("arguments").filter(|node| node.kind() == "arguments")?;
    let argument = without_parens(only_child(arguments)?);
    let function = without_parens(call.child_by_field_name("function")?);
    (is_reference(file, argument) && is_global(file, function, "Boolean")).then_some(argument)
}

/// The variable or member that is compared to null and undefined.
fn nullish<'t>(file: &ParsedFile<'t>, test: Node<'t>) -> Option<Node<'t>> {
    if test.kind() != "binary_expression" {
        return None;
    }
    match operator(test) {
        "==" => {
            let (reference, value) = reference_and_value(file, test)?;
            let is_nullish = value.kind() == "null" || is_void(file, value);
            (is_reference(file, reference) && is_nullish).then_some(reference)
        }
        "||" => {
            let half = |field| {
                let half = without_parens(test.child_by_field_name(field)?);
                let is_comparison = half.kind() == "binary_expression" && operator(half) == "===";
                is_comparison.then(|| reference_and_value(file, half)).flatten()
            };
            let (first, first_value) = half("left")?;
            let (second, second_value) = half("right")?;
            let is_null = |value: Node<'_>| value.kind() == "null";
            let is_both = (is_null(first_value) && is_void(file, second_value))
                || (is_void(file, first_value) && is_null(second_value));
            (is_both && is_same_reference(file, first, second, Keys::ByName)).then_some(first)
        }
        _ => None,
    }
}

/// The two sides of a comparison, the variable or member first, if there is one.
fn reference_and_value<'t>(file: &ParsedFile<'t>, comparison: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let left = without_parens(comparison.child_by_field_name("left")?);
    let right = without_parens(comparison.child_by_field_name("right")?);
    Some(if is_reference(file, left) { (left, right) } else { (right, left) })
}

/// Whether `node` is `undefined` or `void 0`.
fn is_void<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    if is_identifier(node) {
        return is_undefined(file, node);
    }
    let is_void = node.kind() == "unary_expression" && operator(node) == "void";
    is_void
        && node
            .child_by_field_name("argument")
            .and_then(|zero| super::static_value::literal_value(file, without_parens(zero)))
            .is_some_and(|value| value == super::static_value::Value::Number(0.0))
}
