//! `no-array-constructor`: `Array(a, b)` for `[a, b]`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::is_global;
use super::member_access::{arguments, callee, is_optional};
use super::statement_start::{needs_preceding_semicolon, starts_expression_statement};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds arrays that are made of their elements by `Array(…)` or `new Array(…)`. A call with one argument
    /// is left alone, since that is how an array of a given length is made.
    ///
    /// ## Why is this bad?
    /// The literal is shorter and cannot be taken for the form that sets a length.
    ///
    /// ## Example
    /// ```js
    /// const pair = new Array(first, second);
    /// const none = Array();
    /// ```
    /// Use instead:
    /// ```js
    /// const pair = [first, second];
    /// const none = [];
    /// ```
    ///
    /// ## Fix safety
    /// Safe where at least two arguments are no spreads, or there are none at all. It is a suggestion where a
    /// spread decides how many arguments there are, since `Array(...[3])` has three elements; after `?.`; and
    /// where it would lose a comment.
    pub struct NoArrayConstructor;
}

static META: Meta = Meta {
    id: "no-array-constructor",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows `Array` constructors where a literal says the same.",
    docs: NoArrayConstructor::MANUAL,
};

impl Rule for NoArrayConstructor {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression", "new_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(callee) = callee(node).filter(|callee| callee.kind() == "identifier") else { return };
        let is_spread: Vec<bool> =
            arguments(node).map(|argument| argument.kind() == "spread_element").collect();
        let is_typed = node.child_by_field_name("type_arguments").is_some();
        if is_typed || is_spread == [false] || !is_global(file, callee, "Array") {
            return;
        }
        let n_plain = is_spread.iter().filter(|is_spread| !**is_spread).count();
        let is_certain = !is_optional(node)
            && (is_spread.is_empty() || n_plain >= 2)
            && !file.has_comment_in(node.start_byte()..list_start(node));
        let edits = edits(file, node);
        let fix = if is_certain { Fix::safe(edits) } else { Fix::suggestion(edits) };
        let message = "The array literal notation [] is preferable.";
        let fix = fix.claiming(node.byte_range());
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

/// Where the list of arguments opens; the end of the node if there is none.
fn list_start(node: Node<'_>) -> usize {
    node.child_by_field_name("arguments").map_or(node.end_byte(), |list| list.start_byte())
}

fn edits<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Vec<Edit> {
    let needs_semicolon =
        starts_expression_statement(file, node) && needs_preceding_semicolon(file, node.start_byte());
    let semicolon = if needs_semicolon { ";" } else { "" };
    match node.child_by_field_name("arguments") {
        Some(list) => vec![
            Edit::replace(node.start_byte()..list.start_byte() + 1, format!("{semicolon}[")),
            Edit::replace(list.end_byte() - 1..list.end_byte(), "]"),
        ],
        None => vec![Edit::replace(node.byte_range(), format!("{semicolon}[]"))],
    }
}
