//! Lines of a file as Python sees them: where they start and end, and what else stands on them.

use std::ops::Range;

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

/// Where the comment begins that follows `statement` on its line.
#[must_use]
pub(super) fn comment_behind(bytes: &[u8], statement_end: usize) -> Option<usize> {
    let rest = bytes.get(statement_end..)?;
    let n_blanks = rest.iter().take_while(|&&byte| is_blank(byte)).count();
    (rest.get(n_blanks) == Some(&b'#')).then_some(statement_end + n_blanks)
}

/// Whether code stands behind byte `at` on its line.
#[must_use]
pub(super) fn has_trailing_content(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..line_end(bytes, at)).unwrap_or_default().trim_ascii_start();
    !rest.is_empty() && !rest.starts_with(b"#")
}

/// How the file ends its lines: as its first line does.
#[must_use]
pub(super) fn line_ending(bytes: &[u8]) -> &'static str {
    match bytes.get(line_end(bytes, 0)..) {
        Some([b'\r', b'\n', ..]) => "\r\n",
        Some([b'\r', ..]) => "\r",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
