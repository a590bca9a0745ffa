//! `no-new-buffer`: `new Buffer(10)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::member_access::{arguments, callee, is_name};
use super::syntax::without_parens;
use super::touching::merge_touching;
use super::value_kind::{Kind, is_number, known_value};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `new Buffer()`.
    ///
    /// ## Why is this bad?
    /// What it makes depends on the type of its argument: of a number that someone else chose, it makes as many
    /// bytes of memory, which older versions of Node.js do not even clear. Node.js deprecates it.
    ///
    /// ## Example
    /// ```js
    /// const greeting = new Buffer("hello");
    /// const block = new Buffer(1024);
    /// ```
    /// Use instead:
    /// ```js
    /// const greeting = Buffer.from("hello");
    /// const block = Buffer.alloc(1024);
    /// ```
    ///
    /// ## Fix safety
    /// Safe where the argument tells which of the two is meant: a string, an array, a number, or several
    /// arguments. Otherwise `Buffer.from` is suggested.
    pub struct NoNewBuffer;
}

static META: Meta = Meta {
    id: "no-new-buffer",
    origin: "unicorn",
    category: Category::Security,
    languages: ECMASCRIPT,
    level: Level::Error,
    summary: "Disallows `new Buffer()`, which may expose memory.",
    docs: NoNewBuffer::MANUAL,
};

impl Rule for NoNewBuffer {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["new_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(callee) = callee(node).filter(|callee| is_name(file, *callee, "Buffer")) else { return };
        let method = method(file, node);
        let message = match method {
            Some(method) => format!("`new Buffer()` is deprecated, use `Buffer.{method}()` instead."),
            None => {
                "`new Buffer()` is deprecated, use `Buffer.alloc()` or `Buffer.from()` instead.".to_owned()
            }
        };
        let fix = edits(file, node, callee, method.unwrap_or("from")).map(|edits| match method {
            Some(_) => Fix::safe(edits),
            None => Fix::suggestion(edits),
        });
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

/// The method that does what the construction does, if its arguments tell.
fn method<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<&'static str> {
    let mut arguments = arguments(node);
    let (Some(first), None) = (arguments.next(), arguments.next()) else { return Some("from") };
    let first = without_parens(first);
    match first.kind() {
        "spread_element" => None,
        "array" | "template_string" => Some("from"),
        _ if is_number(file, first) => Some("alloc"),
        _ => known_value(file, first)
            .is_some_and(|value| matches!(value.kind, Kind::Text | Kind::Array))
            .then_some("from"),
    }
}

/// Turns the construction into a call of `method`.
fn edits<'t>(file: &ParsedFile<'t>, node: Node<'t>, callee: Node<'t>, method: &str) -> Option<Vec<Edit>> {
    let new = node.child(0).filter(|new| new.kind() == "new")?;
    let behind = file.bytes.get(new.end_byte()..callee.start_byte())?;
    let behind = String::from_utf8_lossy(behind);
    let n_spaces = behind.len() - behind.trim_start().len();
    let mut edits = vec![
        Edit::delete(new.start_byte()..new.end_byte() + n_spaces),
        Edit::insert(callee.end_byte(), format!(".{method}")),
    ];
    if node.child_by_field_name("arguments").is_none() {
        edits.push(Edit::insert(node.end_byte(), "()"));
    }
    if new.start_position().row != callee.start_position().row {
        edits.extend(parens_behind_keyword(file, node).into_iter().flatten());
    }
    Some(merge_touching(edits))
}

/// What is left of a `return` or `throw` must not begin on the next line.
fn parens_behind_keyword<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<[Edit; 2]> {
    let statement = file.parent(node)?;
    if !matches!(statement.kind(), "return_statement" | "throw_statement") {
        return None;
    }
    let semicolon = file.token_before(statement.end_byte()).filter(|token| token.kind() == ";");
    let end = semicolon.map_or(statement.end_byte(), |semicolon| semicolon.start_byte());
    Some([Edit::insert(statement.child(0)?.end_byte(), " ("), Edit::insert(end, ")")])
}
