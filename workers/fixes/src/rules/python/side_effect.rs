//! Whether evaluating an expression may do something beside giving a value.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::names::has_builtin;
use super::string_value::is_constant_string;
use super::syntax::{any_within, code_children, is_display, without_parentheses};

/// What an evaluation may do, in ruff's eyes: attributes, comparisons and the like are taken to be harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SideEffect {
    /// Nothing.
    Absent,
    /// Run code that makes text of a value.
    Possible,
    /// Anything.
    Present,
}

impl SideEffect {
    /// The worst of `expression` and all within.
    #[must_use]
    pub(super) fn of<'t>(file: &ParsedFile<'t>, expression: Node<'t>) -> Self {
        let mut worst = Self::Absent;
        any_within(expression, |node| {
            worst = worst.max(Self::of_one(file, node));
            worst == Self::Present
        });
        worst
    }

    fn of_one<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Self {
        match node.kind() {
            "call" if is_empty_collection(file, node) => Self::Absent,
            "binary_operator" => {
                if code_children(node).all(|operand| is_display(without_parentheses(operand).kind())) {
                    Self::Absent
                } else {
                    Self::Present
                }
            }
            "interpolation" | "format_expression" => {
                let value = node.child_by_field_name("expression").map(without_parentheses);
                if value.is_some_and(|value| is_literal(file, value)) { Self::Absent } else { Self::Possible }
            }
            "call"
            | "named_expression"
            | "await"
            | "yield"
            | "subscript"
            | "generic_type"
            | "generator_expression"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension" => Self::Present,
            _ => Self::Absent,
        }
    }
}

/// `list()` and the like.
fn is_empty_collection<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> bool {
    let (Some(function), Some(arguments)) =
        (call.child_by_field_name("function"), call.child_by_field_name("arguments"))
    else {
        return false;
    };
    let function = without_parentheses(function);
    let name = file.text(function);
    function.kind() == "identifier"
        && matches!(&*name, "list" | "tuple" | "set" | "dict" | "frozenset")
        && arguments.kind() == "argument_list"
        && code_children(arguments).next().is_none()
        && has_builtin(file, call, &name)
}

fn is_literal(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    matches!(node.kind(), "integer" | "float" | "true" | "false" | "none" | "ellipsis")
        || is_constant_string(file, node)
}
