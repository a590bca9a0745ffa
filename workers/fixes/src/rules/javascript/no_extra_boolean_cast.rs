//! `no-extra-boolean-cast`: `!!a` and `Boolean(a)` where only the truth of `a` is asked for.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::is_global;
use super::syntax::{
    Place, Precedence, Token, can_begin_at, first_token, identifier_name, keep_only, named_children,
    operator, path_to, place_of, precedence, token_before, without_parens,
};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds casts to boolean by `!!` or `Boolean()` where a condition, a negation or another cast does the
    /// same anyway.
    ///
    /// ## Why is this bad?
    /// The cast has no effect and makes the condition longer.
    ///
    /// ## Example
    /// ```js
    /// if (!!user) {}
    /// while (Boolean(next)) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (user) {}
    /// while (next) {}
    /// ```
    ///
    /// ## Options
    /// - `enforceForInnerExpressions`: look through `||`, `&&`, the right side of `??`, both branches of `?:`
    ///   and the last expression of a sequence, too.
    /// - `enforceForLogicalOperands`: look through `||` and `&&` only; deprecated.
    ///
    /// ## Fix safety
    /// Safe: the same value is tested. There is no fix where it would lose a comment, change the arguments
    /// that are evaluated, or turn the statement into another one.
    pub struct NoExtraBooleanCast {
        reach: Reach,
    }
}

/// How far a condition reaches into its expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    /// Not at all.
    #[default]
    Itself,
    /// To the operands of `||` and `&&`.
    LogicalOperands,
    /// To whatever may be its value.
    InnerExpressions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    enforce_for_inner_expressions: Option<bool>,
    enforce_for_logical_operands: Option<bool>,
}

impl NoExtraBooleanCast {
    /// What ESLint does without options.
    pub const DEFAULT: Self = Self { reach: Reach::Itself };
}

static META: Meta = Meta {
    id: "no-extra-boolean-cast",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows casts to boolean where the value is used as one anyway.",
    docs: NoExtraBooleanCast::MANUAL,
};

impl Rule for NoExtraBooleanCast {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let options: Options = option(options, 0)?;
        let reach = match (options.enforce_for_inner_expressions, options.enforce_for_logical_operands) {
            (Some(_), Some(_)) => return Err("only one of the two options can be set".to_owned()),
            (Some(true), _) => Reach::InnerExpressions,
            (_, Some(true)) => Reach::LogicalOperands,
            _ => Reach::Itself,
        };
        Ok(Arc::new(Self { reach }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["unary_expression", "call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let finding = match node.kind() {
            "unary_expression" => self.check_negation(file, node),
            _ => self.check_call(file, node),
        };
        out.extend(finding);
    }
}

impl NoExtraBooleanCast {
    /// `!!a`
    fn check_negation<'t>(&self, file: &ParsedFile<'t>, outer: Node<'t>) -> Option<Finding> {
        let inner = without_parens(negated(outer)?);
        let kept = without_parens(negated(inner)?);
        let path = path_to(file, outer)?;
        let place = place_of(&path)?;
        if !self.expects_boolean(file, &path)? {
            return None;
        }
        let fix = || {
            if needs_parens(outer, place, kept) {
                return uncast(file, &path, kept, "(", ")");
            }
            let before = if must_part(file, outer, Token::of(file, first_token(kept))) { " " } else { "" };
            uncast(file, &path, kept, before, "")
        };
        Some(finding(outer, "Redundant double negation.", fix()))
    }

    /// `Boolean(a)`
    fn check_call<'t>(&self, file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
        let arguments = call.child_by_field_name("arguments").filter(|node| node.kind() == "arguments")?;
        let callee = without_parens(call.child_by_field_name("function")?);
        if callee.kind() != "identifier" || identifier_name(file, callee) != "Boolean" {
            return None;
        }
        let path = path_to(file, call)?;
        let place = place_of(&path)?;
        if !self.expects_boolean(file, &path)? || !is_global(file, callee, "Boolean") {
            return None;
        }
        let mut arguments = named_children(arguments);
        let fix = match (arguments.next(), arguments.next()) {
            (None, _) => constant(file, call, place),
            (Some(argument), None) if argument.kind() != "spread_element" => {
                let kept = without_parens(argument);
                let (before, after) = if needs_parens(call, place, kept) { ("(", ")") } else { ("", "") };
                uncast(file, &path, kept, before, after)
            }
            _ => None,
        };
        Some(finding(call, "Redundant Boolean call.", fix))
    }

    /// Whether only the truth of the value at the end of `path` matters. `None` if it lies too deep to tell.
    fn expects_boolean<'t>(&self, file: &ParsedFile<'t>, path: &[Node<'t>]) -> Option<bool> {
        let mut path = path;
        loop {
            let place = place_of(path)?;
            if !self.hands_on(place) {
                return Some(is_condition(file, place));
            }
            let parent_at = path.iter().rposition(|node| *node == place.parent)?;
            path = &path[..=parent_at];
        }
    }

    /// Whether the value at `place` may be the value of the expression around it.
    fn hands_on(&self, place: Place<'_>) -> bool {
        match (place.parent.kind(), operator(place.parent)) {
            ("binary_expression", "||" | "&&") => self.reach != Reach::Itself,
            ("binary_expression", "??") => self.reach == Reach::InnerExpressions && place.is_field("right"),
            ("ternary_expression", _) => {
                self.reach == Reach::InnerExpressions && !place.is_field("condition")
            }
            ("sequence_expression", _) => {
                self.reach == Reach::InnerExpressions && place.child.end_byte() == place.parent.end_byte()
            }
            _ => false,
        }
    }
}

fn finding(cast: Node<'_>, message: &str, fix: Option<Fix>) -> Finding {
    Finding { rule: META.id, range: cast.byte_range(), message: message.to_owned(), fix }
}

/// The operand of `!`.
fn negated(node: Node<'_>) -> Option<Node<'_>> {
    let is_negation = node.kind() == "unary_expression" && operator(node) == "!";
    is_negation.then(|| node.child_by_field_name("argument")).flatten()
}

/// Whether only the truth of the value at `place` matters: it is a condition, negated, or cast again.
fn is_condition<'t>(file: &ParsedFile<'t>, place: Place<'t>) -> bool {
    match place.parent.kind() {
        "if_statement" | "do_statement" | "while_statement" | "for_statement" | "ternary_expression" => {
            place.is_field("condition")
        }
        "unary_expression" => operator(place.parent) == "!",
        "arguments" => is_first_argument_of_boolean(file, place),
        _ => false,
    }
}

fn is_first_argument_of_boolean<'t>(file: &ParsedFile<'t>, place: Place<'t>) -> bool {
    let Some(call) = file.parent(place.parent) else { return false };
    let callee = match call.kind() {
        "call_expression" => call.child_by_field_name("function"),
        "new_expression" => call.child_by_field_name("constructor"),
        _ => None,
    };
    named_children(place.parent).next() == Some(place.child)
        && callee.is_some_and(|callee| is_global(file, without_parens(callee), "Boolean"))
}

/// Whether `kept` has to be parenthesised to stand in the place of `cast`.
fn needs_parens(cast: Node<'_>, place: Place<'_>, kept: Node<'_>) -> bool {
    if place.child != cast && !is_head(place.parent) {
        return false; // the cast's own parentheses stay
    }
    match place.parent.kind() {
        "arguments" => kept.kind() == "sequence_expression",
        "ternary_expression" if place.is_field("condition") => precedence(kept) <= Precedence::Conditional,
        "ternary_expression" => precedence(kept) < Precedence::Assignment,
        "unary_expression" => precedence(kept) < Precedence::Unary,
        "binary_expression" => {
            mixes_coalescing(kept, place.parent)
                || precedence(kept) < precedence(place.parent)
                || !place.is_field("left") && precedence(kept) == precedence(place.parent)
        }
        _ => false,
    }
}

/// Whether one is `??` and the other `||` or `&&`, which JavaScript does not allow side by side.
fn mixes_coalescing(one: Node<'_>, other: Node<'_>) -> bool {
    matches!((operator(one), operator(other)), ("??", "||" | "&&") | ("||" | "&&", "??"))
        && one.kind() == "binary_expression"
}

/// Whether the parentheses around the condition belong to the statement.
fn is_head(node: Node<'_>) -> bool {
    matches!(node.kind(), "if_statement" | "do_statement" | "while_statement")
}

/// `Boolean()` is `false`, `!Boolean()` is `true`.
fn constant(file: &ParsedFile<'_>, call: Node<'_>, place: Place<'_>) -> Option<Fix> {
    let is_optional = call.child_by_field_name("optional_chain").is_some();
    let (whole, value) =
        if operator(place.parent) == "!" && !is_optional { (place.parent, "true") } else { (call, "false") };
    if file.has_comment_in(whole.byte_range()) {
        return None;
    }
    let parted = value == "true" && must_part(file, whole, Token::Word);
    let text = if parted { format!(" {value}") } else { value.to_owned() };
    Some(Fix::safe(vec![Edit::replace(whole.byte_range(), text)]))
}

/// Leaves `before`, `kept` and `after` of the cast at the end of `path`, if that keeps all comments and the kind
/// of the statement.
fn uncast(
    file: &ParsedFile<'_>,
    path: &[Node<'_>],
    kept: Node<'_>,
    before: &str,
    after: &str,
) -> Option<Fix> {
    let whole: Range<usize> = path.last()?.byte_range();
    let changes_meaning = !can_begin_at(file, path, kept, before == "(")
        || (before != "(" && holds_in_operator(kept) && is_in_loop_initializer(path));
    if file.has_comment_in(whole.clone()) || changes_meaning {
        return None;
    }
    Some(Fix::safe(keep_only(whole.clone(), kept.byte_range(), before, after)).claiming(whole))
}

/// Whether the token before `cast` and the token `first` need a space between them.
fn must_part(file: &ParsedFile<'_>, cast: Node<'_>, first: Token<'_>) -> bool {
    token_before(cast).is_some_and(|before| {
        before.end_byte() == cast.start_byte() && !Token::of(file, before).can_touch(first)
    })
}

/// Whether the end of `path` lies in the first part of a `for (;;)`, where a bare `in` would make another loop
/// of it.
fn is_in_loop_initializer(path: &[Node<'_>]) -> bool {
    let mut is_within = false;
    for (parent, child) in path.iter().zip(&path[1..]) {
        is_within = match parent.kind() {
            "for_statement" => parent.child_by_field_name("initializer") == Some(*child),
            "statement_block" => false,
            _ => is_within,
        };
    }
    is_within
}

fn holds_in_operator(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    loop {
        if cursor.node().kind() == "in" {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}
