//! `throw-new-error`: `throw Error()`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::keyword_space::part_from_keywords;
use super::member_access::{
    callee, is_member_access, is_name, is_optional, is_tagged_template, object_of, plain_member_name, untyped,
};
use super::parentheses::place_around;
use super::syntax::{identifier_name, without_parens};
use super::touching::merge_touching;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds errors that are made by a call without `new`: calls of names that end with `Error` and are written
    /// like a class.
    ///
    /// ## Why is this bad?
    /// The errors of the language can be made either way, but other classes cannot be called, and `new` shows
    /// that something is made.
    ///
    /// ## Example
    /// ```js
    /// throw TypeError("no name");
    /// ```
    /// Use instead:
    /// ```js
    /// throw new TypeError("no name");
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the errors of the language are the same with `new`, and a class cannot be called without it.
    pub struct ThrowNewError;
}

static META: Meta = Meta {
    id: "throw-new-error",
    origin: "unicorn",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Requires `new` where an error is made.",
    docs: ThrowNewError::MANUAL,
};

impl Rule for ThrowNewError {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(callee) = callee(node) else { return };
        let name = match callee.kind() {
            "identifier" => Some(identifier_name(file, callee)),
            "member_expression" => plain_member_name(file, callee),
            _ => None,
        };
        if name.is_none_or(|name| !names_error(&name)) || is_tagged_error_of_effect(file, callee) {
            return;
        }
        let is_decorator = place_around(file, node).is_some_and(|place| place.parent.kind() == "decorator");
        if is_decorator || is_optional(node) || holds_optional(callee) {
            return;
        }
        let message = "Use `new` when creating an error.";
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix(file, node, callee)));
    }
}

/// More links of a chain than anyone writes.
const MAX_LINKS: usize = 100;

/// Whether the name is written like a class and ends with `Error`.
fn names_error(name: &str) -> bool {
    let Some(prefix) = name.strip_suffix("Error") else { return false };
    let is_class = prefix.is_empty() || prefix.starts_with(|first: char| first.is_ascii_uppercase());
    is_class && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `Data.TaggedError("A")` makes a class.
fn is_tagged_error_of_effect<'t>(file: &ParsedFile<'t>, callee: Node<'t>) -> bool {
    plain_member_name(file, callee).is_some_and(|name| name == "TaggedError")
        && !is_optional(callee)
        && object_of(callee).is_some_and(|object| is_name(file, object, "Data"))
}

/// Whether a `?.` stands anywhere in the chain: it cannot be constructed. A chain too long to tell counts as one.
fn holds_optional(callee: Node<'_>) -> bool {
    let mut at = Some(callee);
    for _ in 0..MAX_LINKS {
        let Some(node) = at else { return false };
        if let Some(inner) = untyped(node) {
            at = Some(inner);
            continue;
        }
        if is_optional(node) {
            return true;
        }
        at = match node.kind() {
            "call_expression" if !is_tagged_template(node) => {
                node.child_by_field_name("function").map(without_parens)
            }
            _ => object_of(node),
        };
    }
    true
}

fn fix<'t>(file: &ParsedFile<'t>, call: Node<'t>, callee: Node<'t>) -> Fix {
    let mut edits = part_from_keywords(file, call);
    edits.push(Edit::insert(call.start_byte(), "new "));
    let is_bare = call.child_by_field_name("function") == Some(callee);
    if is_bare && is_member_of_call(callee) {
        edits.push(Edit::insert(callee.start_byte(), "("));
        edits.push(Edit::insert(callee.end_byte(), ")"));
    }
    Fix::safe(merge_touching(edits))
}

/// `a().b.C`: the call would be taken for the construction's own.
fn is_member_of_call(callee: Node<'_>) -> bool {
    let mut object = object_of(callee);
    while let Some(node) = object {
        if !is_member_access(node) {
            return node.kind() == "call_expression" && !is_tagged_template(node);
        }
        object = object_of(node);
    }
    false
}
