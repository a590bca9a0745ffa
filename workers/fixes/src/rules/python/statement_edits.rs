//! Where statements stand, and how to take one away as ruff does.

use std::ops::Range;

use tree_sitter::Node;

use crate::rule::{Edit, Fix};
use crate::source::ParsedFile;

use super::lines::{indentation, is_blank, line_start, next_line};
use super::syntax::code_children;

/// The statement node of that very range, and the module or block that holds it.
pub(super) fn find_statement<'t>(
    file: &ParsedFile<'t>,
    range: &Range<usize>,
) -> Option<(Node<'t>, Node<'t>)> {
    let mut cursor = file.tree.root_node().walk();
    let mut block = file.tree.root_node();
    loop {
        let node = cursor.node();
        if matches!(node.kind(), "module" | "block") {
            block = node;
        }
        cursor.goto_first_child_for_byte(range.start)?;
        // Children without width may stand before the one that is meant.
        while cursor.node().end_byte() < range.end {
            if !cursor.goto_next_sibling() {
                return None;
            }
        }
        let child = cursor.node();
        if child.byte_range() == *range && is_statement(child) {
            return Some((child, block));
        }
        if child.start_byte() > range.start {
            return None;
        }
    }
}

fn is_statement(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_definition" | "class_definition") || node.kind().ends_with("_statement")
}

/// The edit that takes `statement` out of `block`; the last statement of a block becomes `pass`.
#[must_use]
pub(super) fn delete_statement(file: &ParsedFile<'_>, statement: Node<'_>, block: Node<'_>) -> Edit {
    let is_block = block.kind() == "block";
    let mut statements = code_children(block);
    let is_first = is_block && statements.next() == Some(statement);
    if is_first && statements.next().is_none() {
        return Edit::replace(statement.byte_range(), "pass");
    }
    deletion(file, statement, is_first)
}

/// Deletes `statement`: with its lines if it is alone there, and from a line of several without the others.
#[must_use]
pub(super) fn deletion(file: &ParsedFile<'_>, statement: Node<'_>, is_first_in_block: bool) -> Edit {
    let bytes = file.bytes;
    let Range { start, end } = statement.byte_range();
    if let Some(semicolon) = semicolon_after(bytes, end) {
        return Edit::delete(start..statement_break(bytes, semicolon));
    }
    if indentation(bytes, start).is_none() {
        return Edit::delete(start..end);
    }
    if let Some(backslash) = continuation_before(file, start, is_first_in_block) {
        return Edit::delete(backslash..end);
    }
    Edit::delete(line_start(bytes, start)..next_line(bytes, end))
}

/// The semicolon behind a statement, backslashes passed over.
fn semicolon_after(bytes: &[u8], statement_end: usize) -> Option<usize> {
    let mut at = statement_end;
    loop {
        at += bytes.get(at..)?.iter().take_while(|&&byte| is_blank(byte)).count();
        match bytes.get(at)? {
            b';' => return Some(at),
            b'\\' => at = next_line(bytes, at),
            _ => return None,
        }
    }
}

/// Where what follows a semicolon begins; the end of the line if nothing does.
fn statement_break(bytes: &[u8], semicolon: usize) -> usize {
    let mut line = semicolon + 1;
    loop {
        let rest = bytes.get(line..).unwrap_or_default();
        let n_blanks = rest.iter().take_while(|&&byte| is_blank(byte)).count();
        match rest.get(n_blanks) {
            Some(b'\\') => line = next_line(bytes, line),
            None | Some(b'\r' | b'\n') => return line,
            Some(_) => return line + n_blanks,
        }
    }
}

/// Where the first of the backslashes stands that carry the logical line over to the line of `statement`.
///
/// Backslashes at the very start of a logical line count only if the line is not indented more than the one
/// before, which is so unless the statement `is_first_in_block`.
#[must_use]
pub(super) fn continuation_before(
    file: &ParsedFile<'_>,
    statement: usize,
    is_first_in_block: bool,
) -> Option<usize> {
    let bytes = file.bytes;
    indentation(bytes, statement)?;
    let mut found = None;
    let mut start = line_start(bytes, statement);
    while let Some(backslash) =
        backslash_before(bytes, start).filter(|backslash| !file.has_comment_in(*backslash..backslash + 1))
    {
        start = line_start(bytes, backslash);
        let has_content = indentation(bytes, backslash).is_none();
        if has_content {
            return Some(backslash);
        }
        found = Some(backslash);
    }
    found.filter(|_| !is_first_in_block)
}

/// The backslash that ends the line before the one that starts at `start`.
fn backslash_before(bytes: &[u8], start: usize) -> Option<usize> {
    let before = bytes.get(..start)?;
    let line = before
        .strip_suffix(b"\r\n")
        .or_else(|| before.strip_suffix(b"\n"))
        .or_else(|| before.strip_suffix(b"\r"))?;
    line.ends_with(b"\\").then(|| line.len() - 1)
}

/// Keeps ruff's rule that a pass takes at most one statement out of a block, where more could empty it: where
/// all its statements are such as `may_go` says.
pub(super) fn isolated(fix: Fix, block: Node<'_>, may_go: impl Fn(Node<'_>) -> bool) -> Fix {
    let may_become_empty = block.kind() == "block" && code_children(block).all(may_go);
    if may_become_empty { fix.claiming(block.byte_range()) } else { fix }
}

/// Whether `statement` is an `import` of any form.
pub(super) fn is_import(statement: Node<'_>) -> bool {
    matches!(statement.kind(), "import_statement" | "import_from_statement" | "future_import_statement")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    /// What `look` says of the first statement of that kind.
    fn with_statement<T>(text: &str, kind: &str, look: impl Fn(&ParsedFile<'_>, Node<'_>) -> T) -> T {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let mut found = None;
        crate::engine::walk(&tree, |node, _| {
            if node.kind() == kind && found.is_none() {
                found = Some(look(&file, node));
            }
            true
        });
        found.unwrap()
    }

    /// The text without its first `pass`.
    fn deleted(text: &str) -> String {
        let edit = with_statement(text, "pass_statement", |file, node| deletion(file, node, false));
        let mut text = text.to_owned();
        text.replace_range(edit.range, &edit.text);
        text
    }

    #[test]
    fn statements_go_with_their_lines() {
        for (before, after) in [
            ("if a:\n    b\n    pass\nc\n", "if a:\n    b\nc\n"),
            ("if a:\r\n    pass\r\n    b", "if a:\r\n    b"),
            ("pass; a", "a"),
            ("pass ; \\\n  a", "a"),
            ("pass;\na", "\na"),
            ("a; pass\nb", "a; \nb"),
            ("a; \\\n  pass\nb", "a; \nb"),
            ("if a: pass", "if a: "),
            ("\u{feff}pass\na", "\u{feff}a"),
        ] {
            assert_eq!(deleted(before), after, "{before}");
        }
    }

    #[test]
    fn backslashes_are_found() {
        let continuation = |text: &str, at, is_first| {
            with_statement(text, "module", |file, _| continuation_before(file, at, is_first))
        };
        assert_eq!(continuation("# a \\\nb", 6, false), None);
        assert_eq!(continuation("a \\\n \\\n b", 8, true), Some(2));
        assert_eq!(continuation("a:\n\\\n b", 6, true), None);
        assert_eq!(continuation("a\n\\\nb", 4, false), Some(2));
        assert_eq!(continuation("a b", 2, false), None);
    }

    #[test]
    fn statements_go_with_what_only_they_need() {
        for (before, after) in [
            ("a\nimport b\nc\n", "a\nc\n"),
            ("a\n  # d\nimport b  # e\nc\n", "a\n  # d\nc\n"),
            ("a; import b\n", "a; \n"),
            ("import b; c\n", "c\n"),
            ("import b;\n", "\n"),
            ("import b ; \\\n  c\n", "c\n"),
            ("a; \\\nimport b\n", "a; \n"),
            ("if a:\n    import b\n", "if a:\n    pass\n"),
            ("if a:\n    # d\n    import b\nelse: c\n", "if a:\n    # d\n    pass\nelse: c\n"),
            ("if a: import b\n", "if a: pass\n"),
        ] {
            let edit = with_statement(before, "import_statement", |file, statement| {
                let (statement, block) = find_statement(file, &statement.byte_range()).unwrap();
                delete_statement(file, statement, block)
            });
            let mut text = before.to_owned();
            text.replace_range(edit.range, &edit.text);
            assert_eq!(text, after, "{before}");
        }
    }
}
