//! Places where only the truth of a value counts.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::arguments::Arguments;
use super::names::is_builtin;
use super::syntax::code_children;

/// Whether `expression`, a boolean operation, stands where only its truth counts: as a condition, under `not`,
/// as the argument of `bool`, or within a boolean operation at such a place.
#[must_use]
pub(super) fn is_boolean_test<'t>(file: &ParsedFile<'t>, expression: Node<'t>) -> bool {
    let mut child = expression;
    for around in file.ancestors(expression) {
        match around.kind() {
            "parenthesized_expression" | "boolean_operator" => child = around,
            "argument_list" => {
                let Some(call) = file.parent(around) else { return false };
                return is_argument_of_bool(file, call, child);
            }
            _ => return is_condition_of(around, child),
        }
    }
    false
}

fn is_condition_of(around: Node<'_>, child: Node<'_>) -> bool {
    let is_child = |node: Option<Node<'_>>| node.is_some_and(|node| node.id() == child.id());
    match around.kind() {
        "not_operator" => true,
        "if_statement" | "elif_clause" | "while_statement" => {
            is_child(around.child_by_field_name("condition"))
        }
        "conditional_expression" => is_child(code_children(around).nth(1)),
        "assert_statement" | "if_clause" => is_child(code_children(around).next()),
        _ => false,
    }
}

fn is_argument_of_bool<'t>(file: &ParsedFile<'t>, call: Node<'t>, child: Node<'t>) -> bool {
    let first = Arguments::of(call).and_then(|arguments| arguments.positional.first().copied());
    first.is_some_and(|first| first.id() == child.id())
        && call.child_by_field_name("function").is_some_and(|function| is_builtin(file, function, "bool"))
}
