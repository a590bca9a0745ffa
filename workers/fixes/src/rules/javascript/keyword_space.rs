//! Keywords that touch an expression: `throw(a)`, `return+a`, `(a)in b`.

use tree_sitter::Node;

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

/// `node`, or the outermost parentheses around it that do not belong to a statement.
fn with_parens<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Node<'t> {
    let mut outer = node;
    for around in file.ancestors(node) {
        if around.kind() != "parenthesized_expression" {
            break;
        }
        let owns_parens = |statement: Node<'t>| {
            matches!(
                statement.kind(),
                "if_statement" | "while_statement" | "do_statement" | "switch_statement" | "with_statement"
            )
        };
        if file.parent(around).is_some_and(owns_parens) {
            break;
        }
        outer = around;
    }
    outer
}
