//! How types are written: subscripts and unions, as expressions and as the grammar's nodes for types.

use tree_sitter::Node;

use super::syntax::code_children;

/// The expression inside parentheses and inside the node that marks a type.
#[must_use]
pub(super) fn bare(node: Node<'_>) -> Node<'_> {
    crate::scopes::python::bare(node)
}

/// The two sides of `a | b`, also where the grammar takes it for a type.
#[must_use]
pub(super) fn or_operands<'t>(node: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    match node.kind() {
        "binary_operator" => {
            let operator = node.child_by_field_name("operator").filter(|operator| operator.kind() == "|");
            operator
                .and_then(|_| Some((node.child_by_field_name("left")?, node.child_by_field_name("right")?)))
        }
        "union_type" => {
            let mut sides = code_children(node);
            Some((sides.next()?, sides.next()?))
        }
        _ => None,
    }
}

/// What stands between the brackets of a subscript: its elements, and whether they make a tuple.
#[must_use]
pub(super) fn subscript_parts<'t>(node: Node<'t>) -> Option<(Node<'t>, Vec<Node<'t>>, bool)> {
    let (value, list) = match node.kind() {
        "subscript" => (node.child_by_field_name("value")?, node),
        "generic_type" => {
            let mut children = code_children(node);
            (children.next()?, children.next()?)
        }
        _ => return None,
    };
    let elements: Vec<Node<'t>> = match node.kind() {
        "subscript" => {
            node.children_by_field_name("subscript", &mut node.walk()).filter(Node::is_named).collect()
        }
        _ => code_children(list).collect(),
    };
    let is_tuple = list.children(&mut list.walk()).any(|child| child.kind() == ",");
    Some((value, elements, is_tuple))
}
