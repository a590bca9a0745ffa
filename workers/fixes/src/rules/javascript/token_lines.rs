//! Tokens of a JavaScript file as ESLint's rules ask for them: what a token says, on which line it stands, and
//! whether it would go on with the code before it.

use std::ops::Range;

use tree_sitter::Node;

use crate::source::ParsedFile;

/// Farther than this apart, only `\n` is taken for a line break; nobody writes such lines by hand.
const MAX_LINE_SCAN: usize = 4096;

/// Whether `token` spells `text`.
pub(super) fn spells(file: &ParsedFile<'_>, token: Node<'_>, text: &str) -> bool {
    file.bytes_of(token.byte_range()) == text.as_bytes()
}

/// The first token of `node`.
pub(super) fn first_token_of<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Option<Node<'t>> {
    file.token_after(node.start_byte()).filter(|token| token.end_byte() <= node.end_byte())
}

/// The last token of `node`.
pub(super) fn last_token_of<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Option<Node<'t>> {
    file.token_before(node.end_byte()).filter(|token| token.start_byte() >= node.start_byte())
}

/// Whether `token`, at the start of a line, goes on with a line before it that has no semicolon.
pub(super) fn may_continue_line(file: &ParsedFile<'_>, token: Node<'_>) -> bool {
    file.bytes_of(token.byte_range())
        .first()
        .is_some_and(|byte| matches!(byte, b'(' | b'[' | b'/' | b'+' | b'`' | b'-'))
}

/// Whether the tokens next to `node` are the parentheses of a pair.
pub(super) fn is_parenthesised(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    file.token_before(node.start_byte()).is_some_and(|token| spells(file, token, "("))
        && file.token_after(node.end_byte()).is_some_and(|token| spells(file, token, ")"))
}

/// Whether `first` ends on the line on which `second`, which stands behind it, starts.
pub(super) fn touch_on_line(file: &ParsedFile<'_>, first: Node<'_>, second: Node<'_>) -> bool {
    first.end_position().row == second.start_position().row
        && !breaks_line(file, first.end_byte()..second.start_byte())
}

/// Whether `first` starts on the line on which `last`, which stands behind it or is the same, ends.
pub(super) fn share_line(file: &ParsedFile<'_>, first: Node<'_>, last: Node<'_>) -> bool {
    first.start_position().row == last.end_position().row
        && !breaks_line(file, first.start_byte()..last.end_byte())
}

/// Whether `range`, which holds no `\n`, holds another of the line breaks of JavaScript.
fn breaks_line(file: &ParsedFile<'_>, range: Range<usize>) -> bool {
    if range.start >= range.end || range.len() > MAX_LINE_SCAN {
        return false;
    }
    let bytes = file.bytes_of(range);
    bytes.contains(&b'\r')
        || bytes.windows(3).any(|window| window == "\u{2028}".as_bytes() || window == "\u{2029}".as_bytes())
}
