//! Tokens as Python has them: f-strings are taken apart, plain strings are not.

use tree_sitter::Node;

/// The tokens of `node` in order, comments left out. Text between the fields of an f-string is no token.
#[must_use]
pub(super) fn tokens_within<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut tokens = Vec::new();
    let mut cursor = node.walk();
    loop {
        let at = cursor.node();
        let is_whole = at.kind() == "string" && !has_field(at);
        let is_text = matches!(at.kind(), "comment" | "string_content" | "line_continuation");
        if !is_whole && !is_text && cursor.goto_first_child() {
            continue;
        }
        if !is_text && !at.byte_range().is_empty() {
            tokens.push(at);
        }
        while !cursor.goto_next_sibling() {
            // The cursor does not leave `node`.
            if !cursor.goto_parent() {
                return tokens;
            }
        }
    }
}

/// Whether `string` is an f-string (or a template string) with a field.
#[must_use]
pub(super) fn has_field(string: Node<'_>) -> bool {
    let mut cursor = string.walk();
    string.named_children(&mut cursor).any(|child| child.kind() == "interpolation")
}
