//! `unused_unit`

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::syntax::{content, named_children, only_child, whitespace_before, without_parens};

rule_type! {
    /// ## What it does
    /// Finds `()` that can go: as the return type of a function, at the end of a block, behind `return` and
    /// `break`.
    ///
    /// ## Why is this bad?
    /// It says nothing, and `return ()` looks like a call.
    ///
    /// ## Example
    /// ```rust
    /// fn log(text: &str) -> () {
    ///     println!("{text}");
    ///     ()
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// fn log(text: &str) {
    ///     println!("{text}");
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Closures keep their `-> ()`, and so does a function that ends in `panic!()` or the like: since
    /// edition 2024 the type is needed there.
    pub struct UnusedUnit;
}

static META: Meta = Meta {
    id: "unused_unit",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `()` that can be left out.",
    docs: UnusedUnit::MANUAL,
};

impl Rule for UnusedUnit {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[
            "function_item",
            "function_type",
            "block",
            "return_expression",
            "break_expression",
            "call_expression",
        ]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let found = match node.kind() {
            "function_item" => unit_return(file, node).filter(|_| !ends_in_never(file, node)),
            "function_type" => unit_return(file, node).filter(|_| is_closure_trait(file, node)),
            "block" => final_unit(file, node),
            _ => left_with_unit(node),
        };
        let Some((range, message)) = found else { return };
        if !is_silenced(file, node, META.id, "style") {
            let fix = Fix::safe(vec![Edit::delete(range.clone())]);
            out.push(Finding::new(&META, range, message).with_fix(fix));
        }
    }
}

type Found = (Range<usize>, &'static str);

/// `-> ()`, with the whitespace before it.
fn unit_return(file: &ParsedFile<'_>, function: Node<'_>) -> Option<Found> {
    let unit = function.child_by_field_name("return_type").filter(|kind| kind.kind() == "unit_type")?;
    let mut cursor = function.walk();
    let arrow = function.children(&mut cursor).find(|child| child.kind() == "->")?;
    let start = whitespace_before(file, arrow.start_byte(), |byte| byte.is_ascii_whitespace());
    Some((start..unit.end_byte(), "unneeded unit return type"))
}

/// Whether a function ends in an expression that has no value.
fn ends_in_never<'t>(file: &ParsedFile<'t>, function: Node<'t>) -> bool {
    let tail = function.child_by_field_name("body").and_then(|body| content(file, body).tail);
    let Some(tail) = tail.and_then(|tail| tail.expression).map(without_parens) else { return false };
    match tail.kind() {
        "return_expression" | "loop_expression" => true,
        "macro_invocation" => {
            let name = tail.child_by_field_name("macro").map(|name| file.text(name));
            let name = name.as_deref().and_then(|name| name.rsplit("::").next());
            matches!(name, Some("panic" | "todo" | "unreachable" | "unimplemented"))
        }
        "call_expression" => {
            let name = tail.child_by_field_name("function").map(|name| file.text(name));
            matches!(name.as_deref(), Some("std::process::exit" | "process::exit" | "std::process::abort"))
        }
        _ => false,
    }
}

/// `Fn`, `FnMut` or `FnOnce`.
fn is_closure_trait(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    let name = node.child_by_field_name("trait").filter(|name| name.kind() == "type_identifier");
    name.is_some_and(|name| matches!(file.bytes_of(name.byte_range()), b"Fn" | b"FnMut" | b"FnOnce"))
}

/// `()` as the value of a block.
fn final_unit<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> Option<Found> {
    let last = named_children(block).last().copied().filter(|last| last.kind() == "unit_expression")?;
    let tail = content(file, block).tail?;
    (!tail.has_attributes).then(|| (last.byte_range(), "unneeded unit expression"))
}

/// `return ()`, `break ()`, and `break()`, which the grammar takes for a call.
fn left_with_unit(node: Node<'_>) -> Option<Found> {
    let value = if node.kind() == "call_expression" {
        let callee = node.child_by_field_name("function")?;
        let arguments = node.child_by_field_name("arguments")?;
        let leaves = matches!(callee.kind(), "break_expression" | "return_expression");
        (leaves && arguments.child_count() == 2).then_some(arguments)?
    } else {
        let children = named_children(node);
        let value = children.into_iter().find(|child| child.kind() != "label")?;
        let inner = without_parens(value);
        let is_unit = inner.kind() == "unit_expression"
            || (inner.kind() == "block" && inner.child_count() == 2)
            || (inner.kind() == "unsafe_block"
                && only_child(inner).is_some_and(|block| block.child_count() == 2));
        is_unit.then_some(value)?
    };
    Some((value.byte_range(), "unneeded `()`"))
}
