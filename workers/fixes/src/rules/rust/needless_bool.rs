//! `needless_bool`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::replacement::Replacement;
use super::syntax::{
    If, Statement, bool_literal, can_copy, content, is_block_like, only_child, peel_blocks,
    peel_blocks_with_statement, with_parens, without_parens,
};

rule_type! {
    /// ## What it does
    /// Finds `if c { true } else { false }` and its kin, with `return` or without, and
    /// `if c { return Ok(true); } Ok(false)` at the end of a block.
    ///
    /// ## Why is this bad?
    /// The condition is the value.
    ///
    /// ## Example
    /// ```rust
    /// let is_small = if x < 10 { true } else { false };
    /// ```
    /// Use instead:
    /// ```rust
    /// let is_small = x < 10;
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Nothing is said where a comment stands in the expression, and there is no fix where both branches
    /// give the same value.
    pub struct NeedlessBool;
}

static META: Meta = Meta {
    id: "needless_bool",
    origin: "clippy",
    category: Category::Redundancy,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `if` expressions whose value is their condition.",
    docs: NeedlessBool::MANUAL,
};

impl Rule for NeedlessBool {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["let_and_return"]
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["if_expression", "block"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let finding = match node.kind() {
            "block" => check_guard(file, node),
            _ => check_branches(file, node),
        };
        out.extend(finding.filter(|_| !is_silenced(file, node, META.id, "complexity")));
    }
}

/// What a branch gives: a literal, or the `return` of one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Branch {
    is_returned: bool,
    value: bool,
}

fn branch_value<'t>(file: &ParsedFile<'t>, branch: Node<'t>) -> Option<Branch> {
    let inner = peel_blocks_with_statement(file, branch);
    if inner.kind() == "return_expression" {
        let value = bool_literal(file, only_child(inner)?)?;
        return Some(Branch { is_returned: true, value });
    }
    Some(Branch { is_returned: false, value: bool_literal(file, branch)? })
}

/// `if c { true } else { false }`
fn check_branches<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let branches = If::of(node).filter(|branches| !branches.has_let() && can_copy(branches.condition))?;
    let then = branch_value(file, branches.then)?;
    let otherwise = branch_value(file, branches.otherwise?)?;
    let whole = with_parens(file, node);
    if then.is_returned != otherwise.is_returned || file.has_comment_in(whole.byte_range()) {
        return None;
    }
    if then == otherwise {
        let value = then.value;
        let message = format!("this if-then-else expression will always return {value}");
        return Some(Finding::new(&META, whole.byte_range(), message));
    }
    let mut text = Replacement::of(file, branches.condition);
    if !then.value {
        text = text.negated();
    }
    if then.is_returned {
        text = Replacement::Closed(format!("return {text}"));
    }
    let parent = file.parent(whole)?;
    if parent.kind() == "else_clause" {
        text = Replacement::Closed(format!("{{ {text} }}"));
    }
    let starts_statement = starts_with_block(branches.condition) && is_statement(file, whole, parent);
    let is_operand = matches!(
        parent.kind(),
        "type_cast_expression" | "binary_expression" | "unary_expression" | "field_expression"
    );
    if starts_statement || is_operand {
        text = text.in_parens();
    }
    let fix = Fix::safe(vec![Edit::replace(whole.byte_range(), text.to_string())]);
    let message = "this if-then-else expression returns a bool literal";
    Some(Finding::new(&META, whole.byte_range(), message).with_fix(fix))
}

/// Whether a condition begins with a block, which a statement must not.
fn starts_with_block(condition: Node<'_>) -> bool {
    let mut node = without_parens(condition);
    loop {
        let left = match node.kind() {
            "binary_expression" => node.child_by_field_name("left"),
            "call_expression" => node.child_by_field_name("function"),
            "type_cast_expression" => node.child_by_field_name("value"),
            "index_expression" => node.named_child(0),
            _ => None,
        };
        let Some(left) = left.map(without_parens) else { return false };
        if is_block_like(left) {
            return true;
        }
        node = left;
    }
}

/// Whether `node` is a statement, or all that a block holds.
fn is_statement<'t>(file: &ParsedFile<'t>, node: Node<'t>, parent: Node<'t>) -> bool {
    let block = match parent.kind() {
        "expression_statement" if parent.byte_range() != node.byte_range() => return true,
        "expression_statement" => file.parent(parent),
        "block" => Some(parent),
        _ => return false,
    };
    block.filter(|block| block.kind() == "block").is_some_and(|block| {
        let content = content(file, block);
        let is_tail = content.tail.and_then(|tail| tail.expression) == Some(node);
        !is_tail || content.statements.is_empty()
    })
}

/// `if c { return Ok(true); } Ok(false)`
fn check_guard<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> Option<Finding> {
    let content = content(file, block);
    let tail = content.tail.filter(|tail| !tail.has_cfg)?;
    let (guard, before) = content.statements.split_last()?;
    let (outer, branches, returned) = returning_if(file, guard).filter(|(outer, ..)| can_copy(*outer))?;
    let (then_wrapper, then) = wrapped_bool(file, returned)?;
    let (wrapper, otherwise) = wrapped_bool(file, tail.expression?)?;
    let is_same_wrapper = match (then_wrapper, wrapper) {
        (None, None) => true,
        (Some(one), Some(other)) => is_constructor(file, one) && file.text(one) == file.text(other),
        _ => false,
    };
    let follows_another = before.last().is_some_and(|before| returning_if(file, before).is_some());
    let range = outer.start_byte()..tail.expression?.end_byte();
    if then == otherwise || !is_same_wrapper || follows_another || file.has_comment_in(range.clone()) {
        return None;
    }
    let mut condition = Replacement::of(file, branches.condition);
    if !then {
        condition = condition.negated();
    }
    let text = match wrapper {
        Some(wrapper) => format!("{}({condition})", file.text(wrapper)),
        None => condition.to_string(),
    };
    let fix = Fix::safe(vec![Edit::replace(range.clone(), text)]);
    let message = "this `if` guard returns a bool literal and is followed by another";
    Some(Finding::new(&META, range, message).with_fix(fix))
}

/// An `if` without `else` and without `let` that does nothing but return a value: the value.
fn returning_if<'t>(
    file: &ParsedFile<'t>,
    statement: &Statement<'t>,
) -> Option<(Node<'t>, If<'t>, Node<'t>)> {
    let outer = statement.expression.filter(|_| !statement.has_cfg)?;
    let branches =
        If::of(without_parens(outer)).filter(|guard| guard.otherwise.is_none() && !guard.has_let())?;
    let inner = peel_blocks_with_statement(file, branches.then);
    let value = only_child(inner).filter(|_| inner.kind() == "return_expression")?;
    Some((outer, branches, value))
}

/// `true`, or `Ok(true)` with its `Ok`.
fn wrapped_bool<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<(Option<Node<'t>>, bool)> {
    let node = peel_blocks(file, node);
    if let Some(value) = bool_literal(file, node) {
        return Some((None, value));
    }
    let callee = node.child_by_field_name("function").filter(|_| node.kind() == "call_expression")?;
    let argument = only_child(node.child_by_field_name("arguments")?)?;
    Some((Some(callee), bool_literal(file, argument)?))
}

/// Whether a path names a tuple struct or variant, as far as its spelling tells.
fn is_constructor(file: &ParsedFile<'_>, path: Node<'_>) -> bool {
    let text = file.text(path);
    let last = text.rsplit("::").next().unwrap_or_default();
    matches!(path.kind(), "identifier" | "scoped_identifier") && last.starts_with(char::is_uppercase)
}
