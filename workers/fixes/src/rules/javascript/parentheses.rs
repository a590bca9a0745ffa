//! Parentheses around an expression, where one step outwards is enough.

use tree_sitter::Node;

use super::syntax::{Place, first_named_child, without_parens};
use crate::source::ParsedFile;

/// More parentheses around an expression than anyone writes.
const MAX_PARENS: usize = 250;

/// Where `node` stands, the parentheses around it left out; `None` at the root.
pub(crate) fn place_around<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Place<'t>> {
    let mut child = node;
    for parent in file.ancestors(node).take(MAX_PARENS) {
        if parent.kind() != "parenthesized_expression" {
            return Some(Place { parent, child });
        }
        child = parent;
    }
    None
}

/// `node`, or the outermost parentheses around it that do not belong to a statement.
pub(crate) fn with_parens<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Node<'t> {
    let Some(Place { parent, child }) = place_around(file, node) else { return node };
    let owns_parens = matches!(
        parent.kind(),
        "if_statement" | "while_statement" | "do_statement" | "switch_statement" | "with_statement"
    );
    if !owns_parens || child == node {
        return child;
    }
    // The statement's own are the outermost.
    first_named_child(child).unwrap_or(node)
}

/// Whether a bare parenthesis stands on both sides of `node`, those of a statement or an argument list included.
pub(crate) fn is_between_parens<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let before = file.token_before(node.start_byte()).map(|token| token.kind());
    let after = file.token_after(node.end_byte()).map(|token| token.kind());
    before == Some("(") && after == Some(")")
}

/// The nodes of the parentheses around the expression in `outer`, outermost first.
pub(crate) fn parens_of<'t>(outer: Node<'t>) -> Vec<Node<'t>> {
    let inner = without_parens(outer);
    let mut parens = Vec::new();
    let mut at = outer;
    while at != inner && at.kind() == "parenthesized_expression" {
        parens.push(at);
        match first_named_child(at) {
            Some(child) => at = child,
            None => break,
        }
    }
    parens
}
