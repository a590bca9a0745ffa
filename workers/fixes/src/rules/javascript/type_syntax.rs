//! Questions of syntax about TypeScript's types.

use tree_sitter::Node;

use super::syntax::first_named_child;

/// A type without the parentheses around it.
pub(crate) fn without_type_parens(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    while inner.kind() == "parenthesized_type" {
        match first_named_child(inner) {
            Some(child) => inner = child,
            None => break,
        }
    }
    inner
}

/// The type of `: T`, without parentheses.
pub(crate) fn annotated_type(annotation: Node<'_>) -> Option<Node<'_>> {
    let is_plain = annotation.kind() == "type_annotation";
    is_plain.then(|| first_named_child(annotation)).flatten().map(without_type_parens)
}

/// Whether a token or node of that kind is a direct child of `node`.
pub(crate) fn has_child(node: Node<'_>, kind: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| child.kind() == kind)
}
