//! Where an expression stands: what it is an operand of, and which f-strings are around it.

use tree_sitter::Node;

use crate::source::ParsedFile;

/// The expression that `node` is an operand of, parentheses and the like not counted. `None` where a statement
/// or a pattern is next.
#[must_use]
pub(super) fn parent_expression<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Node<'t>> {
    file.ancestors(node).find(|around| !is_transparent(around.kind())).filter(|around| is_expression(*around))
}

/// The f-strings and template strings around `node` within its statement, innermost first.
pub(super) fn strings_around<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Vec<Node<'t>> {
    file.ancestors(node)
        .take_while(|around| is_transparent(around.kind()) || is_expression(*around))
        .filter(|around| around.kind() == "string")
        .collect()
}

/// Whether an operand of `parent` must bind tighter than a sign: `-1` of `(-1) ** 2`.
#[must_use]
pub(super) fn binds_tighter_than_sign(file: &ParsedFile<'_>, parent: Node<'_>) -> bool {
    match parent.kind() {
        "binary_operator" => parent
            .child_by_field_name("operator")
            .is_some_and(|operator| file.bytes_of(operator.byte_range()) == b"**"),
        "yield" | "named_expression" | "list_splat" | "lambda" | "conditional_expression" => false,
        "boolean_operator" | "not_operator" | "comparison_operator" | "unary_operator" => false,
        _ => true,
    }
}

/// What the grammar has a node for and Python's syntax tree has not.
fn is_transparent(kind: &str) -> bool {
    matches!(
        kind,
        "parenthesized_expression"
            | "argument_list"
            | "keyword_argument"
            | "pair"
            | "dictionary_splat"
            | "interpolation"
            | "format_specifier"
            | "format_expression"
            | "for_in_clause"
            | "if_clause"
            | "lambda_parameters"
            | "default_parameter"
    )
}

fn is_expression(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "binary_operator"
            | "boolean_operator"
            | "not_operator"
            | "comparison_operator"
            | "unary_operator"
            | "yield"
            | "named_expression"
            | "list_splat"
            | "lambda"
            | "conditional_expression"
            | "await"
            | "attribute"
            | "subscript"
            | "slice"
            | "call"
            | "tuple"
            | "expression_list"
            | "list"
            | "set"
            | "dictionary"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression"
            | "string"
            | "concatenated_string"
    )
}
