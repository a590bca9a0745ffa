//! What stands around an expression: its parentheses, and the tokens that it would touch.

use std::ops::Range;

use tree_sitter::Node;

use super::syntax::{Place, Token};
use crate::source::ParsedFile;

/// Where `node` stands, the parentheses around it left out; `None` at the root.
pub(super) fn place_in<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Place<'t>> {
    let mut child = node;
    loop {
        let parent = file.parent(child)?;
        if parent.kind() != "parenthesized_expression" {
            return Some(Place { parent, child });
        }
        child = parent;
    }
}

/// Whether `range` has a `(` before it and a `)` behind it, whatever they belong to: those of a call or of an `if`
/// count as well.
pub(super) fn is_parenthesised(file: &ParsedFile<'_>, range: &Range<usize>) -> bool {
    file.token_before(range.start).is_some_and(|token| token.kind() == "(")
        && file.token_after(range.end).is_some_and(|token| token.kind() == ")")
}

/// Whether the token that ends right at byte `at` and `first` would be read as one, were `first` put there.
pub(super) fn glues_before(file: &ParsedFile<'_>, at: usize, first: Token<'_>) -> bool {
    file.token_before(at)
        .is_some_and(|before| before.end_byte() == at && !Token::of(file, before).can_touch(first))
}

/// Whether `last` and the token that starts right at byte `at` would be read as one, were `last` put there.
pub(super) fn glues_behind(file: &ParsedFile<'_>, at: usize, last: Token<'_>) -> bool {
    file.token_after(at)
        .is_some_and(|behind| behind.start_byte() == at && !last.can_touch(Token::of(file, behind)))
}

/// The first token at or behind byte `at`, as far as it matters for its neighbours.
pub(super) fn token_at<'t>(file: &ParsedFile<'t>, at: usize) -> Option<Token<'t>> {
    file.token_after(at).map(|token| Token::of(file, token))
}

/// The last token that ends at or before byte `at`.
pub(super) fn token_until<'t>(file: &ParsedFile<'t>, at: usize) -> Option<Token<'t>> {
    file.token_before(at).map(|token| Token::of(file, token))
}

/// The text of `range`, to be written elsewhere; `None` if it is not UTF-8.
pub(super) fn copied<'t>(file: &ParsedFile<'t>, range: Range<usize>) -> Option<&'t str> {
    std::str::from_utf8(file.bytes.get(range)?).ok()
}

/// The bytes of a statement up to its last token: where the grammar adds a semicolon, it counts the comments before
/// the next line as part of the statement.
pub(super) fn statement_range(file: &ParsedFile<'_>, statement: Node<'_>) -> Range<usize> {
    let range = statement.byte_range();
    let end = file.token_before(range.end).map_or(range.end, |last| last.end_byte());
    range.start..end.max(range.start)
}
