//! Lines of a file as Python sees them: where they start, what stands before a statement, and how a statement
//! is deleted with its line.

use std::ops::Range;

use tree_sitter::Node;

use crate::rule::Edit;
use crate::source::ParsedFile;

/// How a UTF-8 file may begin; not a part of the first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Space, tab and form feed.
#[must_use]
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c')
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The first byte of the line of `at`.
#[must_use]
pub(crate) fn line_start(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or(bytes);
    match before.iter().rposition(|&byte| is_line_end(byte)) {
        Some(end) => end + 1,
        None if before.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len(),
        None => 0,
    }
}

/// Where the line of `at` ends, its line break left out.
#[must_use]
pub(crate) fn line_end(bytes: &[u8], at: usize) -> usize {
    let behind = bytes.get(at..).unwrap_or_default();
    at + behind.iter().position(|&byte| is_line_end(byte)).unwrap_or(behind.len())
}

/// Where the next line starts.
#[must_use]
pub(crate) fn next_line(bytes: &[u8], at: usize) -> usize {
    let end = line_end(bytes, at);
    match bytes.get(end..) {
        Some([b'\r', b'\n', ..]) => end + 2,
        Some([_, ..]) => end + 1,
        _ => end,
    }
}

/// The lines that `range` touches, the last line break included.
#[must_use]
pub(crate) fn full_lines(bytes: &[u8], range: &Range<usize>) -> Range<usize> {
    line_start(bytes, range.start)..next_line(bytes, range.end)
}

/// Whether the text goes over several lines.
#[must_use]
pub(crate) fn has_line_break(bytes: &[u8]) -> bool {
    bytes.iter().copied().any(is_line_end)
}

/// The white space before `at`, if its line has nothing else there. Does not look further than that.
#[must_use]
pub(crate) fn indentation(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let before = bytes.get(..at)?;
    let start = at - before.iter().rev().take_while(|byte| is_blank(**byte)).count();
    let starts_line = match before[..start].last() {
        None => true,
        Some(byte) => is_line_end(*byte) || before[..start] == *BYTE_ORDER_MARK,
    };
    starts_line.then_some(&before[start..])
}

/// Where the first of the backslashes stands that carry the logical line over to the line of `statement`.
///
/// Backslashes at the very start of a logical line count only if the line is not indented more than the one
/// before, which is so unless the statement `is_first_in_block`.
#[must_use]
pub(super) fn continuation_before(bytes: &[u8], statement: usize, is_first_in_block: bool) -> Option<usize> {
    indentation(bytes, statement)?;
    let mut found = None;
    let mut start = line_start(bytes, statement);
    while let Some(backslash) = backslash_before(bytes, start) {
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
    if let Some(backslash) = continuation_before(bytes, start, is_first_in_block) {
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

/// Where the comment begins that follows `statement` on its line.
#[must_use]
pub(super) fn comment_behind(bytes: &[u8], statement_end: usize) -> Option<usize> {
    let rest = bytes.get(statement_end..)?;
    let n_blanks = rest.iter().take_while(|&&byte| is_blank(byte)).count();
    (rest.get(n_blanks) == Some(&b'#')).then_some(statement_end + n_blanks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    /// The text without its first `pass`.
    fn deleted(text: &str) -> String {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let mut range = None;
        crate::engine::walk(&tree, |node, _| {
            if node.kind() == "pass_statement" && range.is_none() {
                range = Some(deletion(&file, node, false).range);
            }
            true
        });
        let mut text = text.to_owned();
        text.replace_range(range.unwrap(), "");
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
        assert_eq!(continuation_before(b"a \\\n \\\n b", 8, true), Some(2));
        assert_eq!(continuation_before(b"a:\n\\\n b", 6, true), None);
        assert_eq!(continuation_before(b"a\n\\\nb", 4, false), Some(2));
        assert_eq!(continuation_before(b"a b", 2, false), None);
    }

    #[test]
    fn all_kinds_of_line_breaks_end_a_line() {
        let text = b"\xEF\xBB\xBFa\nbc\r\nd\re";
        let line_at = |at| (line_start(text, at), line_end(text, at), next_line(text, at));
        assert_eq!(line_at(3), (3, 4, 5));
        assert_eq!(line_at(6), (5, 7, 9));
        assert_eq!(line_at(9), (9, 10, 11));
        assert_eq!(line_at(11), (11, 12, 12));
        assert_eq!(full_lines(text, &(6..10)), 5..11);
    }

    #[test]
    fn only_white_space_indents() {
        assert_eq!(indentation(b"a\n \tb c", 4), Some(&b" \t"[..]));
        assert_eq!(indentation(b"a\n \tb c", 6), None);
        assert_eq!(indentation(b"\xEF\xBB\xBF b", 4), Some(&b" "[..]));
        assert_eq!(indentation(b"", 0), Some(&b""[..]));
    }
}
