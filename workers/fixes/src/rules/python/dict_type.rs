//! Whether an expression is a dictionary, as far as one file tells.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::names::{binding_of, is_builtin, is_from_typing};
use super::syntax::{code_children, without_parentheses};

/// Whether `expression` is a dictionary display or a name of a dictionary.
#[must_use]
pub(super) fn is_dict<'t>(file: &ParsedFile<'t>, expression: Node<'t>) -> bool {
    match expression.kind() {
        "dictionary" | "dictionary_comprehension" => true,
        "identifier" => {
            let name = file.text(expression);
            binding_of(file, expression).is_some_and(|binding| binds_dict(file, binding, &name))
        }
        _ => false,
    }
}

/// Whether `binding` makes `name` a dictionary.
fn binds_dict<'t>(file: &ParsedFile<'t>, binding: Node<'t>, name: &str) -> bool {
    let field = |field| binding.child_by_field_name(field);
    match binding.kind() {
        "assignment" => match (field("type"), field("left"), assigned_value(binding)) {
            (Some(annotation), ..) => is_dict_annotation(file, annotation),
            (None, Some(target), Some(value)) => {
                matching_value(file, target, value, name).is_some_and(|value| makes_dict(file, value))
            }
            _ => false,
        },
        "named_expression" => field("value").is_some_and(|value| makes_dict(file, value)),
        // `with dict() as name`; the other patterns with `as` do not begin with such an expression.
        "as_pattern" => {
            is_with_item(file, binding)
                && code_children(binding).next().is_some_and(|value| makes_dict(file, value))
        }
        "parameters" => code_children(binding).any(|parameter| is_dict_parameter(file, parameter, name)),
        "function_definition" => {
            field("return_type").is_some_and(|annotation| is_dict_annotation(file, annotation))
        }
        _ => false,
    }
}

/// The value at the end of `a = b = value`.
fn assigned_value(assignment: Node<'_>) -> Option<Node<'_>> {
    let mut value = assignment.child_by_field_name("right")?;
    while value.kind() == "assignment" {
        value = value.child_by_field_name("right")?;
    }
    Some(value)
}

/// The part of `value` that `target` gives to `name`: `(a, name) = (1, {})`.
fn matching_value<'t>(
    file: &ParsedFile<'_>,
    target: Node<'t>,
    value: Node<'t>,
    name: &str,
) -> Option<Node<'t>> {
    let mut open = vec![(target, value)];
    while let Some((target, value)) = open.pop() {
        let value = without_parentheses(value);
        let holds_values =
            matches!(value.kind(), "tuple" | "list" | "set" | "expression_list" | "pattern_list");
        match target.kind() {
            "identifier" if file.text(target) == name => return Some(value),
            "pattern_list" | "tuple_pattern" | "list_pattern" if holds_values => {
                open.extend(code_children(target).zip(code_children(value)));
            }
            _ => {}
        }
    }
    None
}

/// Whether the value of `expression` is a dictionary, whichever way a condition goes.
fn makes_dict<'t>(file: &ParsedFile<'t>, expression: Node<'t>) -> bool {
    let expression = without_parentheses(expression);
    let is_constructor = expression.kind() == "call"
        && expression
            .child_by_field_name("function")
            .is_some_and(|function| is_builtin(file, function, "dict"));
    is_constructor || is_display(expression)
}

fn is_display(expression: Node<'_>) -> bool {
    let mut open = vec![expression];
    while let Some(node) = open.pop() {
        let node = without_parentheses(node);
        match node.kind() {
            "dictionary" | "dictionary_comprehension" => {}
            "named_expression" => open.extend(node.child_by_field_name("value")),
            "boolean_operator" => open.extend(code_children(node)),
            "conditional_expression" => {
                open.extend(
                    code_children(node).enumerate().filter(|(index, _)| *index != 1).map(|(_, part)| part),
                );
            }
            _ => return false,
        }
    }
    true
}

fn is_with_item<'t>(file: &ParsedFile<'t>, pattern: Node<'t>) -> bool {
    file.parent(pattern).is_some_and(|around| around.kind() == "with_item")
}

fn is_dict_parameter<'t>(file: &ParsedFile<'t>, parameter: Node<'t>, name: &str) -> bool {
    let annotation = parameter.child_by_field_name("type");
    let is_named = |node: Node<'t>| node.kind() == "identifier" && file.text(node) == name;
    match parameter.kind() {
        "dictionary_splat_pattern" => code_children(parameter).any(is_named),
        "typed_parameter" => code_children(parameter).next().is_some_and(|target| match target.kind() {
            "dictionary_splat_pattern" => code_children(target).any(is_named),
            _ => {
                is_named(target) && annotation.is_some_and(|annotation| is_dict_annotation(file, annotation))
            }
        }),
        "typed_default_parameter" => {
            parameter.child_by_field_name("name").is_some_and(is_named)
                && annotation.is_some_and(|annotation| is_dict_annotation(file, annotation))
        }
        _ => false,
    }
}

/// `dict`, `Dict`, and both with types in brackets.
fn is_dict_annotation<'t>(file: &ParsedFile<'t>, annotation: Node<'t>) -> bool {
    let inside = code_children(annotation).next().map(without_parentheses);
    let unsubscripted = inside.and_then(|node| match node.kind() {
        "generic_type" => code_children(node).next(),
        "subscript" => node.child_by_field_name("value"),
        _ => Some(node),
    });
    unsubscripted.is_some_and(|node| is_builtin(file, node, "dict") || is_from_typing(file, node, "Dict"))
}
