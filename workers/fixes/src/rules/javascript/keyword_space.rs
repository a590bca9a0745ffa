//! Keywords that touch an expression: `throw(a)`, `return+a`, `(a)in b`.

use tree_sitter::Node;

use super::parentheses::with_parens;
use crate::rule::Edit;
use crate::source::ParsedFile;

/// Reserved words of JavaScript, and those that act like one before an expression.
const KEYWORDS: &[&str] = &[
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "of",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Insertions of a space where a keyword touches the expression `node`, or the parentheses around it.
pub(crate) fn part_from_keywords<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Vec<Edit> {
    let outer = with_parens(file, node);
    let (start, end) = (outer.start_byte(), outer.end_byte());
    let is_keyword = |token: &Node<'t>| KEYWORDS.contains(&&*file.text(*token));
    let before = file.token_before(start).filter(|token| token.end_byte() == start).filter(is_keyword);
    let after = file.token_after(end).filter(|token| token.start_byte() == end).filter(is_keyword);
    let mut edits = Vec::new();
    edits.extend(before.map(|_| Edit::insert(start, " ")));
    edits.extend(after.map(|_| Edit::insert(end, " ")));
    edits
}
