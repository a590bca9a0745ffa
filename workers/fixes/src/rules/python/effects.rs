//! Whether evaluating an expression can do more than give a value, as ruff sees it.

use tree_sitter::Node;

use crate::scopes::python::PythonScopes;
use crate::source::ParsedFile;

use super::syntax::{any_within, code_children, without_parentheses};

/// Whether `expression` calls something, or could by an operator, a subscript or an iteration.
pub(super) fn has_effect(file: &ParsedFile<'_>, scopes: &PythonScopes, expression: Node<'_>) -> bool {
    any_within(expression, |node| match node.kind() {
        "call" => !is_empty_collection(file, scopes, node),
        "binary_operator" => {
            let operand = |field| node.child_by_field_name(field).map(without_parentheses);
            !(operand("left").is_some_and(is_safe_operand) && operand("right").is_some_and(is_safe_operand))
        }
        "named_expression"
        | "await"
        | "yield"
        | "subscript"
        | "generic_type"
        | "list_comprehension"
        | "set_comprehension"
        | "dictionary_comprehension"
        | "generator_expression" => true,
        _ => false,
    })
}

/// `list()`, `dict()` and the like.
fn is_empty_collection(file: &ParsedFile<'_>, scopes: &PythonScopes, call: Node<'_>) -> bool {
    let (Some(function), Some(arguments)) =
        (call.child_by_field_name("function"), call.child_by_field_name("arguments"))
    else {
        return false;
    };
    let name = file.text(without_parentheses(function));
    arguments.kind() == "argument_list"
        && code_children(arguments).next().is_none()
        && matches!(&*name, "list" | "tuple" | "set" | "dict" | "frozenset")
        && scopes.is_builtin_at(&name, scopes.end())
}

fn is_safe_operand(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "string"
            | "concatenated_string"
            | "integer"
            | "float"
            | "true"
            | "false"
            | "none"
            | "ellipsis"
            | "list"
            | "tuple"
            | "set"
            | "dictionary"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
    )
}
