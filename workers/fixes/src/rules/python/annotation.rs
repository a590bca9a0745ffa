//! Types that are spelled as strings: `x: "None == y"` holds an expression, and ruff looks into it.

use tree_sitter::{Node, Parser, Tree};

use crate::language::{Grammar as _, Language};
use crate::source::ParsedFile;

use super::syntax::StringLiteral;

/// Parses the expression that an annotation quotes, if `node` (of kind `type`) quotes one.
///
/// The places in the tree are places in the file. Literals with a prefix, escapes or several lines are left
/// alone, and so are those that hold none of `hints`, since a parse costs more than a look.
#[must_use]
pub(super) fn parse_quoted(file: &ParsedFile<'_>, node: Node<'_>, hints: &[&str]) -> Option<Tree> {
    let string =
        node.named_child(0).filter(|child| child.kind() == "string" && node.named_child_count() == 1)?;
    let literal = StringLiteral::of(file, string)?;
    let is_plain = literal.prefix.is_empty() && !literal.content.contains(['\\', '\n', '\r']);
    if !is_plain || !hints.iter().any(|hint| literal.content.contains(hint)) {
        return None;
    }
    let content = string.named_children(&mut string.walk()).find(|child| child.kind() == "string_content")?;
    let mut parser = Parser::new();
    parser.set_language(&Language::Python.grammar()).ok()?;
    parser.set_included_ranges(&[content.range()]).ok()?;
    let tree = parser.parse(file.bytes, None)?;
    (!tree.root_node().has_error()).then_some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{parse, walk};

    fn quoted(text: &str) -> Option<String> {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let mut found = None;
        walk(&tree, |node, _| {
            if node.kind() == "type" {
                let tree = parse_quoted(&file, node, &["=="]);
                found = tree.map(|tree| file.text(tree.root_node()).into_owned());
            }
            true
        });
        found
    }

    #[test]
    fn the_quoted_expression_keeps_its_place() {
        assert_eq!(quoted("x: 'a == b'").as_deref(), Some("a == b"));
    }

    #[test]
    fn what_is_not_a_plain_expression_is_left_alone() {
        for text in ["x: 'a'", "x: r'a == b'", "x: 'a =='", "x: '''a ==\nb'''", "x: 'a' '=='", "x = 'a == b'"]
        {
            assert_eq!(quoted(text), None, "{text}");
        }
    }
}
