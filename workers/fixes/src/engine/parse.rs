//! From bytes to a tree, and the questions about a tree that must not recurse.
//!
//! Parsers are kept per thread and language. Nothing here is recursive: a file may nest as deep as it likes.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use tree_sitter::{Node, Parser, Tree};

use crate::language::{Grammar as _, Language};

thread_local! {
    static PARSERS: RefCell<Vec<(Language, Parser)>> = const { RefCell::new(Vec::new()) };
}

/// Parses `bytes` from scratch. Every input has a tree; what does not parse is an `ERROR` or `MISSING` node in it.
#[must_use]
pub fn parse(bytes: &[u8], language: Language) -> Tree {
    PARSERS.with_borrow_mut(|parsers| {
        let at = parsers.iter().position(|(known, _)| *known == language).unwrap_or_else(|| {
            parsers.push((language, new_parser(language)));
            parsers.len() - 1
        });
        let parser = &mut parsers[at].1;
        // A parse that panicked half way must not leak its state into the next file.
        parser.reset();
        let text = with_line_feeds(bytes, language);
        parser.parse(&text, None).expect("a parser with a language and without a time limit returns a tree")
    })
}

/// Python ends lines with a lone `\r` too, its grammar does not. Places stay the same.
fn with_line_feeds(bytes: &[u8], language: Language) -> Cow<'_, [u8]> {
    let is_lone = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    if language != Language::Python || !(0..bytes.len()).any(is_lone) {
        return Cow::Borrowed(bytes);
    }
    let line_feed_for = |(at, byte): (usize, &u8)| if is_lone(at) { b'\n' } else { *byte };
    Cow::Owned(bytes.iter().enumerate().map(line_feed_for).collect())
}

fn new_parser(language: Language) -> Parser {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).expect("the grammars are built for this tree-sitter");
    parser
}

/// Calls `visit` on every node in document order (a parent before its children). Where `visit` returns
/// `false`, the node's children are left out.
pub fn walk<'t>(tree: &'t Tree, mut visit: impl FnMut(Node<'t>, u32) -> bool) {
    let mut cursor = tree.walk();
    // Counted here: asking the cursor for its depth costs the depth.
    let mut depth = 0;
    loop {
        if visit(cursor.node(), depth) && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            depth -= 1;
        }
    }
}

/// The byte ranges of all outermost `ERROR` nodes and of all `MISSING` nodes, in order.
#[must_use]
pub fn error_ranges(tree: &Tree) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if tree.root_node().has_error() {
        walk(tree, |node, _| {
            if node.is_error() || node.is_missing() {
                found.push(node.byte_range());
                return false;
            }
            node.has_error()
        });
    }
    found
}

/// The number of `ERROR` and `MISSING` nodes, nested ones included.
#[must_use]
pub fn count_errors(tree: &Tree) -> usize {
    let mut n_errors = 0;
    if tree.root_node().has_error() {
        walk(tree, |node, _| {
            n_errors += usize::from(node.is_error() || node.is_missing());
            node.has_error()
        });
    }
    n_errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_text_has_no_errors() {
        assert_eq!(count_errors(&parse(b"let a = 1;", Language::JavaScript)), 0);
    }

    #[test]
    fn broken_text_has_an_error_range() {
        let tree = parse(b"let a = 1;\nif (;\n", Language::JavaScript);
        assert!(count_errors(&tree) > 0);
        assert!(error_ranges(&tree).iter().all(|range| range.start >= 11));
    }

    #[test]
    fn a_carriage_return_ends_a_line_of_python() {
        for text in ["a\rb", "a\r\nb", "a\nb", "# a\rb\rc"] {
            let tree = parse(text.as_bytes(), Language::Python);
            assert_eq!(
                (count_errors(&tree), tree.root_node().named_child_count() > 1),
                (0, true),
                "{text:?}"
            );
        }
    }

    #[test]
    fn walking_deep_nesting_does_not_overflow() {
        let text = format!("x = {}1{}", "[".repeat(20_000), "]".repeat(20_000));
        let mut deepest = 0;
        walk(&parse(text.as_bytes(), Language::JavaScript), |_, depth| {
            deepest = deepest.max(depth);
            true
        });
        assert!(deepest >= 20_000);
    }
}
