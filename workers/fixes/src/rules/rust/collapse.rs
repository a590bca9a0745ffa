//! What `collapsible_if` and `collapsible_else_if` share: an `if` alone in a block.

use std::ops::Range;

use serde::Deserialize;
use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{Content, Statement, content, named_children, with_leading_whitespace, without_parens};

/// clippy's settings of both rules.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Options {
    /// Whether a comment before the inner `if` keeps it from being collapsed (`false`) or not.
    pub(super) lint_commented_code: bool,
}

/// The only expression of a block, a `;` behind it or not, with its parentheses.
pub(super) fn only_expression<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> Option<Statement<'t>> {
    if block.kind() != "block" || named_children(block).first().is_some_and(|first| first.kind() == "label") {
        return None;
    }
    match content(file, block) {
        Content { statements, tail: Some(tail) } if statements.is_empty() => Some(tail),
        Content { statements, tail: None } => match statements[..] {
            [only] if only.semicolon.is_some() => Some(only),
            _ => None,
        },
        Content { .. } => None,
    }
}

/// Whether nothing that matters stands between the brace of `block` and its only expression.
pub(super) fn stands_alone(
    file: &ParsedFile<'_>,
    block: Node<'_>,
    only: &Statement<'_>,
    lint_commented_code: bool,
) -> bool {
    !only.has_attributes
        && only.expression.is_some_and(|inner| {
            lint_commented_code || !file.has_comment_in(block.start_byte() + 1..inner.start_byte())
        })
}

/// Whether a condition is `let` alone.
pub(super) fn is_let(condition: Node<'_>) -> bool {
    condition.kind() == "let_condition"
}

/// The brace that opens the block, with the whitespace before it.
pub(super) fn opening(file: &ParsedFile<'_>, block: Node<'_>) -> Range<usize> {
    with_leading_whitespace(file, block.start_byte()..block.start_byte() + 1)
}

/// The brace that closes the block, with the whitespace before it.
pub(super) fn closing(file: &ParsedFile<'_>, block: Node<'_>) -> Range<usize> {
    with_leading_whitespace(file, block.end_byte() - 1..block.end_byte())
}

/// The parentheses before and behind an expression.
pub(super) fn parens(outer: Node<'_>) -> (Range<usize>, Range<usize>) {
    let inner = without_parens(outer);
    (outer.start_byte()..inner.start_byte(), inner.end_byte()..outer.end_byte())
}
