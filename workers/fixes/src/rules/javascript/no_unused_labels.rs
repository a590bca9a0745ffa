//! `no-unused-labels`: labels that no `break` or `continue` names.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::statement_lists::{FUNCTIONS, block_in, only_statement};
use super::syntax::{first_named_child, identifier_name, named_children, without_parens};
use super::token_lines::{first_token_of, may_continue_line, spells};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds labels that no `break` or `continue` uses.
    ///
    /// ## Why is this bad?
    /// The label is left over, or the code was meant to be something else, as in `() => { a: 1 }`.
    ///
    /// ## Example
    /// ```js
    /// search: for (const item of items) {
    ///   if (item.found) break;
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// for (const item of items) {
    ///   if (item.found) break;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where it would lose a comment, make a directive such as `"use strict"`, or join
    /// the statement to the one before it.
    pub struct NoUnusedLabels;
}

static META: Meta = Meta {
    id: "no-unused-labels",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Disallows labels that nothing uses.",
    docs: NoUnusedLabels::MANUAL,
};

/// The outermost label answers for those within it, as long as no more than this many levels lie between two.
const MAX_GAP: usize = 250;

impl Rule for NoUnusedLabels {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["labeled_statement", "expression_statement"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if node.kind() == "expression_statement" {
            out.extend(labels_in_object(file, node));
            return;
        }
        let is_label = |around: Node<'t>| around.kind() == "labeled_statement" && !around.has_error();
        if !file.ancestors(node).take(MAX_GAP).any(is_label) {
            report_unused(file, node, out);
        }
    }
}

/// A labelled statement that the walk is in.
struct Label<'t> {
    node: Node<'t>,
    name: String,
    depth: usize,
    is_used: bool,
    /// Whether the walk that started at the outermost label answers for it.
    is_own: bool,
}

/// Walks through `outermost` once and reports the labels in it that are not used.
fn report_unused<'t>(file: &ParsedFile<'t>, outermost: Node<'t>, out: &mut Vec<Finding>) {
    let mut labels: Vec<Label<'t>> = Vec::new();
    let mut cursor = outermost.walk();
    let mut depth = 0;
    loop {
        let node = cursor.node();
        enter(file, node, depth, &mut labels);
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        loop {
            if labels.last().is_some_and(|label| label.depth == depth) {
                out.extend(labels.pop().and_then(|label| finding(file, &label)));
            }
            if depth == 0 {
                return;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            cursor.goto_parent();
            depth -= 1;
        }
    }
}

/// The labels of `{ a: b }`, which the grammar takes for an object where a statement starts.
fn labels_in_object<'t>(file: &ParsedFile<'t>, statement: Node<'t>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut object = block_in(statement).filter(|block| block.kind() == "object");
    while let Some(pair) = object.and_then(only_statement).filter(|pair| pair.kind() == "pair") {
        let (Some(label), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
        else {
            break;
        };
        if label.kind() != "property_identifier" {
            break;
        }
        let range = pair.start_byte()..value.start_byte();
        let fix = (!file.has_comment_in(range.clone())).then(|| Fix::safe(vec![Edit::delete(range)]));
        found.push(unused(label.byte_range(), &identifier_name(file, label)).with_fix(fix));
        object = Some(value).filter(|value| value.kind() == "object");
    }
    found
}

fn enter<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize, labels: &mut Vec<Label<'t>>) {
    match node.kind() {
        "labeled_statement" => {
            let name = node.child_by_field_name("label").map(|label| identifier_name(file, label));
            let name = name.unwrap_or_default().into_owned();
            let is_own = labels.last().is_none_or(|outer| depth - outer.depth <= MAX_GAP);
            labels.push(Label { node, name, depth, is_used: false, is_own });
        }
        "break_statement" | "continue_statement" => {
            let Some(label) = node.child_by_field_name("label") else { return };
            let name = identifier_name(file, label);
            if let Some(label) = labels.iter_mut().rev().find(|label| label.name == name) {
                label.is_used = true;
            }
        }
        _ => {}
    }
}

fn finding<'t>(file: &ParsedFile<'t>, label: &Label<'t>) -> Option<Finding> {
    if label.is_used || !label.is_own {
        return None;
    }
    let range = label.node.child_by_field_name("label")?.byte_range();
    Some(unused(range, &label.name).with_fix(removal(file, label.node)))
}

fn unused(label: Range<usize>, name: &str) -> Finding {
    Finding::new(&META, label, format!("'{name}:' is defined but never used."))
}

/// Takes the label off the statement.
fn removal<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Fix> {
    let body = node.child_by_field_name("body")?;
    let range = node.start_byte()..body.start_byte();
    let joins_line_before = || {
        let before = file.token_before(node.start_byte());
        before.is_some_and(|token| ![":", ";", "{"].iter().any(|safe| spells(file, token, safe)))
            && first_token_of(file, body).is_some_and(|token| may_continue_line(file, token))
    };
    let loses = file.has_comment_in(range.clone())
        || (looks_like_directive(body) && is_at_top_of_body(file, node))
        || joins_line_before();
    (!loses).then(|| Fix::safe(vec![Edit::delete(range)]))
}

/// Whether `statement` is nothing but a string.
fn looks_like_directive(statement: Node<'_>) -> bool {
    let text =
        Some(statement).filter(|node| node.kind() == "expression_statement").and_then(first_named_child);
    text.map(without_parens).is_some_and(|text| match text.kind() {
        "string" => true,
        "template_string" => !named_children(text).any(|child| child.kind() == "template_substitution"),
        _ => false,
    })
}

/// Whether only labels stand between `node` and the file or the function around it.
fn is_at_top_of_body<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let mut around = file.ancestors(node).take(MAX_GAP).skip_while(|node| node.kind() == "labeled_statement");
    around.next().is_some_and(|list| match list.kind() {
        "program" => true,
        "statement_block" => around.next().is_some_and(|owner| FUNCTIONS.contains(&owner.kind())),
        _ => false,
    })
}
