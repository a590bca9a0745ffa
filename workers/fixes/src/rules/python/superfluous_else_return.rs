//! `RET505`: `else` after `return`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::lines::{comment_behind, indentation, line_start, next_line};
use super::reindent::reindented;
use super::statement_edits::continuation_before;
use super::syntax::{code_children, utf8};

rule_type! {
    /// ## What it does
    /// Finds `elif` and `else` behind a branch with a `return` (ruff's `superfluous-else-return`). Generators
    /// are left alone.
    ///
    /// ## Why is this bad?
    /// What follows the branch runs only if the branch was not taken; without the `else` it nests less.
    ///
    /// ## Example
    /// ```python
    /// def sign(number):
    ///     if number < 0:
    ///         return -1
    ///     else:
    ///         return 1
    /// ```
    /// Use instead:
    /// ```python
    /// def sign(number):
    ///     if number < 0:
    ///         return -1
    ///     return 1
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix for an `else` that does not start its line, nor for very long ones.
    pub struct SuperfluousElseReturn;
}

static META: Meta = Meta {
    id: "RET505",
    origin: "ruff",
    category: Category::Style,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `elif` and `else` behind a branch that returns.",
    docs: SuperfluousElseReturn::MANUAL,
};

impl Rule for SuperfluousElseReturn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["function_definition"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let statements: Vec<Node<'t>> = code_children(body).take(2).collect();
        if let [only] = &*statements
            && only.kind() == "return_statement"
        {
            return;
        }
        for clause in superfluous_clauses(body) {
            let Some(keyword) = clause.child(0) else { continue };
            let message = format!("Unnecessary `{}` after `return` statement", keyword.kind());
            out.push(Finding::new(&META, keyword.byte_range(), message).with_fix(fix(file, clause)));
        }
    }
}

/// Longer blocks are not moved: each fix copies its block, and blocks nest.
const MAX_MOVED_LEN: usize = 1 << 16;

/// The clauses behind branches that return, nested functions and classes left out. None if `body` is that of a
/// generator.
fn superfluous_clauses(body: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut open = vec![body];
    while let Some(node) = open.pop() {
        match node.kind() {
            "yield" => return Vec::new(),
            "class_definition" => continue,
            "function_definition" => {
                let heads = ["parameters", "return_type"].map(|name| node.child_by_field_name(name));
                open.extend(heads.into_iter().flatten());
                continue;
            }
            "if_statement" => found.extend(superfluous_clause(node)),
            _ => {}
        }
        open.extend(code_children(node));
    }
    found.sort_by_key(Node::start_byte);
    found
}

/// The first clause of `statement`, if the branch before it leaves by `return` and not in another way.
fn superfluous_clause(statement: Node<'_>) -> Option<Node<'_>> {
    let clause = statement.child_by_field_name("alternative")?;
    let is_jump = |node: &Node<'_>| {
        matches!(
            node.kind(),
            "return_statement" | "raise_statement" | "break_statement" | "continue_statement"
        )
    };
    let jump = code_children(statement.child_by_field_name("consequence")?).find(is_jump)?;
    (jump.kind() == "return_statement").then_some(clause)
}

fn fix(file: &ParsedFile<'_>, clause: Node<'_>) -> Option<Fix> {
    let start = clause.start_byte();
    if clause.kind() == "elif_clause" {
        return Some(Fix::safe(vec![Edit::delete(start..start + 2)]));
    }
    let body = clause.child_by_field_name("body")?;
    let first = code_children(body).next()?.start_byte();
    let colon = clause.children(&mut clause.walk()).find(|child| child.kind() == ":")?.end_byte();
    let wanted = indentation(file.bytes, start)?;
    let shares_line =
        indentation(file.bytes, first).is_none() || continuation_before(file, first, true).is_some();
    if shares_line {
        return Some(Fix::safe(vec![Edit::delete(start..first)]));
    }
    let range = next_line(file.bytes, colon)..end_of_code(clause);
    if range.len() > MAX_MOVED_LEN {
        return None;
    }
    let mut text = String::new();
    if let Some(comment) = comment_behind(file.bytes, colon) {
        text.push_str(utf8(file, line_start(file.bytes, start)..start)?);
        text.push_str(utf8(file, comment..range.start)?);
    }
    text.push_str(&reindented(file, range.clone(), first, wanted)?);
    Some(Fix::safe(vec![Edit::replace(line_start(file.bytes, start)..range.end, text)]))
}

/// Where the last statement within ends; the grammar counts comments behind it to the block.
fn end_of_code(clause: Node<'_>) -> usize {
    let mut last = clause;
    while is_compound(last)
        && let Some(child) = code_children(last).last()
    {
        last = child;
    }
    last.end_byte()
}

fn is_compound(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind == "block"
        || kind.ends_with("_clause")
        || kind.ends_with("_definition")
        || matches!(
            kind,
            "if_statement"
                | "for_statement"
                | "while_statement"
                | "try_statement"
                | "with_statement"
                | "match_statement"
        )
}
