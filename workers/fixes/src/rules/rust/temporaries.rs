//! Which temporaries an expression may leave alive until the end of the statement that it stands in.
//!
//! A guard (`x.lock()`, `x.borrow()`) in the last expression of a function is dropped after the local variables,
//! which the compiler forbids before edition 2024 if it borrows from one. Types are not known here, so names tell.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{MAX_DEPTH, named_children, without_parens};

/// What is known of the temporaries of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Temporaries {
    /// None that matters when it is dropped.
    Harmless,
    /// A call on a local variable makes a value, and another call borrows that: it may be a guard.
    Unknown,
    /// A method that is known to give a guard.
    Guarding,
}

/// Methods of the standard library and of well-known crates whose value borrows and acts when it is dropped.
const GUARDING: &[&str] = &[
    "borrow",
    "borrow_mut",
    "try_borrow",
    "try_borrow_mut",
    "lock",
    "try_lock",
    "read",
    "write",
    "try_read",
    "try_write",
    "peek_mut",
    "drain",
];

/// Methods whose value can be dropped at any time, or is moved into the next call of the chain.
const HARMLESS: &[&str] = &[
    "as_bytes",
    "as_deref",
    "as_mut",
    "as_ref",
    "as_slice",
    "as_str",
    "bytes",
    "chain",
    "char_indices",
    "chars",
    "clone",
    "cloned",
    "collect",
    "contains",
    "copied",
    "display",
    "ends_with",
    "enumerate",
    "expect",
    "file_name",
    "filter",
    "filter_map",
    "find",
    "first",
    "flat_map",
    "flatten",
    "fold",
    "get",
    "get_mut",
    "into",
    "into_iter",
    "into_owned",
    "is_empty",
    "is_none",
    "is_some",
    "iter",
    "iter_mut",
    "join",
    "keys",
    "last",
    "len",
    "lines",
    "map",
    "map_err",
    "max",
    "min",
    "next",
    "ok",
    "ok_or",
    "ok_or_else",
    "parse",
    "path",
    "peekable",
    "position",
    "rev",
    "skip",
    "split",
    "split_whitespace",
    "splitn",
    "starts_with",
    "sum",
    "take",
    "to_lowercase",
    "to_owned",
    "to_path_buf",
    "to_str",
    "to_string",
    "to_string_lossy",
    "to_uppercase",
    "to_vec",
    "trim",
    "trim_end",
    "trim_start",
    "unwrap",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "values",
    "windows",
    "zip",
];

/// What is known of the temporaries of `value`.
pub(super) fn temporaries<'t>(file: &ParsedFile<'t>, value: Node<'t>) -> Temporaries {
    let mut worst = Temporaries::Harmless;
    let mut open = vec![value];
    let mut n_seen = 0;
    while let Some(node) = open.pop() {
        n_seen += 1;
        if n_seen > 64 * MAX_DEPTH {
            return Temporaries::Unknown;
        }
        worst = worst.max(borrowed_receiver(file, node));
        // What stands in a block or a closure is dropped there, its tail aside.
        if matches!(node.kind(), "closure_expression" | "async_block" | "macro_invocation") {
            continue;
        }
        open.extend(lasting_parts(node));
    }
    worst
}

/// The parts of an expression whose temporaries last as long as its own: of a block, the last alone.
pub(super) fn lasting_parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut parts = named_children(node);
    if node.kind() == "block" {
        parts.drain(..parts.len().saturating_sub(1));
    }
    parts
}

/// Looks at the value that a method call, a field access, an index or a dereference borrows.
fn borrowed_receiver<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Temporaries {
    let receiver = match node.kind() {
        "field_expression" => node.child_by_field_name("value"),
        "index_expression" | "unary_expression" => node.named_child(0),
        "reference_expression" => node.child_by_field_name("value"),
        _ => None,
    };
    let Some(receiver) = receiver.map(without_parens) else { return Temporaries::Harmless };
    let Some(method) = method_name(receiver) else { return Temporaries::Harmless };
    let name = file.text(method);
    if GUARDING.contains(&&*name) {
        Temporaries::Guarding
    } else if HARMLESS.contains(&&*name) || !starts_at_local(file, receiver) {
        Temporaries::Harmless
    } else {
        Temporaries::Unknown
    }
}

/// The name of the method that a call calls.
fn method_name(call: Node<'_>) -> Option<Node<'_>> {
    let callee = call.child_by_field_name("function").filter(|_| call.kind() == "call_expression")?;
    (callee.kind() == "field_expression").then(|| callee.child_by_field_name("field")).flatten()
}

/// Whether a chain of calls and fields starts at a local variable that is no parameter: parameters are dropped last.
fn starts_at_local<'t>(file: &ParsedFile<'t>, chain: Node<'t>) -> bool {
    let mut node = chain;
    loop {
        let next = match node.kind() {
            "call_expression" => node.child_by_field_name("function"),
            "field_expression" => node.child_by_field_name("value"),
            "parenthesized_expression" | "try_expression" | "index_expression" | "await_expression" => {
                node.named_child(0)
            }
            "identifier" => {
                let local = file.rust_names().local(node.start_byte());
                return local.is_some_and(|local| !local.is_parameter);
            }
            _ => return false,
        };
        let Some(next) = next else { return false };
        node = next;
    }
}
