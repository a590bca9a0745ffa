//! How a statement is deleted: with its line, or out of the line that it shares.

use std::ops::Range;

use tree_sitter::Node;

use crate::rule::Edit;
use crate::source::ParsedFile;

use super::lines::{full_lines, indentation, is_blank, line_start, next_line};
use super::syntax::code_children;

/// The edit that deletes `statement`. The only statement of a block becomes `pass`.
#[must_use]
pub(super) fn delete_statement(file: &ParsedFile<'_>, statement: Node<'_>, block: Option<Node<'_>>) -> Edit {
    let range = statement.byte_range();
    if block.is_some_and(|block| code_children(block).nth(1).is_none()) {
        return Edit::replace(range, "pass");
    }
    if let Some(semicolon) = semicolon_behind(file.bytes, range.end) {
        return Edit::delete(range.start..next_statement(file.bytes, semicolon + 1));
    }
    if indentation(file.bytes, range.start).is_none() {
        return Edit::delete(range);
    }
    match first_continuation(file.bytes, range.start) {
        Some(start) => Edit::delete(start..range.end),
        None => Edit::delete(full_lines(file.bytes, &range)),
    }
}

/// The semicolon behind the statement that ends at `end`, on its line or one that continues it.
fn semicolon_behind(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    loop {
        let start = behind_blanks(bytes, at);
        match bytes.get(start) {
            Some(b';') => return Some(start),
            Some(b'\\') => at = next_line(bytes, start),
            _ => return None,
        }
    }
}

/// Where the statement behind a semicolon starts; the end of the semicolon if none does on its line.
fn next_statement(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let first = behind_blanks(bytes, at);
        match bytes.get(first) {
            Some(b'\\') => at = next_line(bytes, first),
            None | Some(b'\r' | b'\n') => return at,
            Some(_) => return first,
        }
    }
}

fn behind_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().skip(at).take_while(|byte| is_blank(**byte)).count()
}

/// The first of the backslashes that end the lines before the line of `at`.
fn first_continuation(bytes: &[u8], at: usize) -> Option<usize> {
    let mut found = None;
    let mut line = line_start(bytes, at);
    loop {
        let before = &bytes[..line];
        let Some(before) = before.strip_suffix(b"\n").or_else(|| before.strip_suffix(b"\r")) else { break };
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        if before.last() != Some(&b'\\') {
            break;
        }
        let backslash = before.len() - 1;
        found = Some(backslash);
        line = line_start(bytes, backslash);
        if !bytes[line..backslash].iter().copied().all(is_blank) {
            break;
        }
    }
    found
}

/// An import of several names without some of them, comments where they are.
#[derive(Debug)]
pub(super) struct NameList<'t> {
    statement: Node<'t>,
    /// What is imported, with its `as`.
    items: Vec<Node<'t>>,
}

impl<'t> NameList<'t> {
    /// Reads an import statement.
    #[must_use]
    pub(super) fn of(statement: Node<'t>) -> Self {
        let items = statement.children_by_field_name("name", &mut statement.walk()).collect();
        Self { statement, items }
    }

    /// The text of the statement without the items at the indices that `goes` names; `None` if none is left, or
    /// if the text cannot be copied.
    #[must_use]
    pub(super) fn without(&self, file: &ParsedFile<'_>, goes: impl Fn(usize) -> bool) -> Option<String> {
        let kept: Vec<usize> = (0..self.items.len()).filter(|index| !goes(*index)).collect();
        let (last_kept, first) = (*kept.last()?, self.items.first()?);
        let last = self.items.last()?;
        let mut text = self.copy(file, self.statement.start_byte()..first.start_byte())?.to_owned();
        for &index in &kept {
            let item = self.items[index];
            text.push_str(self.copy(file, item.byte_range())?);
            let comma = self.comma_behind(file, index);
            let own = self.copy(file, comma.clone())?;
            // A comment behind the comma belongs to the name; else the name takes over how the list ends.
            let has_comment = own.split(['\n', '\r']).next().is_some_and(|line| line.contains('#'));
            if index != last_kept || has_comment {
                text.push_str(own);
            } else {
                text.push_str(self.copy(file, self.comma_behind(file, self.items.len() - 1))?);
            }
        }
        let end = self.comma_behind(file, self.items.len() - 1).end.max(last.end_byte());
        text.push_str(self.copy(file, end..self.statement.end_byte())?);
        Some(text)
    }

    /// The comma behind an item with the white space and comments around it; empty if there is no comma.
    fn comma_behind(&self, file: &ParsedFile<'_>, index: usize) -> Range<usize> {
        let start = self.items[index].end_byte();
        if let Some(next) = self.items.get(index + 1) {
            return start..next.start_byte();
        }
        let mut cursor = self.statement.walk();
        let mut behind = self.statement.children(&mut cursor).filter(|child| child.start_byte() >= start);
        let has_comma = behind.any(|child| child.kind() == ",");
        let close = behind.find(|child| child.kind() == ")");
        match close.filter(|_| has_comma) {
            Some(close) => start..close.start_byte(),
            None => start..start.min(file.bytes.len()),
        }
    }

    fn copy<'f>(&self, file: &ParsedFile<'f>, range: Range<usize>) -> Option<&'f str> {
        super::syntax::utf8(file, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{parse, walk};
    use crate::language::Language;

    fn with_imports<T>(text: &str, mut look: impl for<'a> FnMut(&ParsedFile<'a>, Node<'a>) -> T) -> Vec<T> {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let mut found = Vec::new();
        walk(&tree, |node, _| {
            if node.kind().contains("import") && node.kind().ends_with("_statement") {
                found.push(look(&file, node));
            }
            true
        });
        found
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
            let edit = with_imports(before, |file, node| {
                let block = file.parent(node).filter(|around| around.kind() == "block");
                delete_statement(file, node, block)
            })
            .remove(0);
            let mut text = before.to_owned();
            text.replace_range(edit.range, &edit.text);
            assert_eq!(text, after, "{before}");
        }
    }

    #[test]
    fn names_go_with_their_commas() {
        for (before, goes, after) in [
            ("from a import b, c, d", 0, "from a import c, d"),
            ("from a import b, c, d", 2, "from a import b, c"),
            ("from a import (b, c,)", 1, "from a import (b,)"),
            ("from a import (\n  b,\n  c\n)", 1, "from a import (\n  b\n)"),
            ("from a import (\n  b,\n  c,\n)", 1, "from a import (\n  b,\n)"),
            ("from a import (\n  b,  # e\n  c\n)", 1, "from a import (\n  b,  # e\n  \n)"),
            ("import b as x, c", 1, "import b as x"),
        ] {
            let text =
                with_imports(before, |file, node| NameList::of(node).without(file, |index| index == goes));
            assert_eq!(text, [Some(after.to_owned())], "{before}");
        }
        assert_eq!(with_imports("import a", |file, node| NameList::of(node).without(file, |_| true)), [None]);
    }
}
