//! What the grammar of TypeScript misreads: `a + b!` as `(a + b)!`, and so `a < b!.c` as `(a < b)!.c`. Nothing of it
//! may be moved.

use tree_sitter::Node;

use super::static_value::MAX_LINKS;
use super::syntax::first_named_child;
use crate::source::ParsedFile;

/// Whether the last operand of the operation `node` goes on behind it.
pub(super) fn is_cut_short<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    file.parent(node).is_some_and(|parent| parent.kind() == "non_null_expression")
}

/// Whether `operand` starts with an operation that it is only the last operand of. Of a chain of more than
/// [`MAX_LINKS`], it is taken for granted.
pub(super) fn holds_too_much(operand: Node<'_>) -> bool {
    let mut at = operand;
    for _ in 0..MAX_LINKS {
        let next = match at.kind() {
            "member_expression" | "subscript_expression" => at.child_by_field_name("object"),
            "call_expression" => at.child_by_field_name("function"),
            "non_null_expression" => {
                let inner = first_named_child(at);
                if inner.is_some_and(is_operation) {
                    return true;
                }
                inner
            }
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

fn is_operation(node: Node<'_>) -> bool {
    matches!(node.kind(), "binary_expression" | "unary_expression")
}
