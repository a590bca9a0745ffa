//! Lines as Python counts them: `\n`, `\r\n` and a lone `\r` end one.

use std::ops::Range;

/// Where the line of the byte at `at` starts; behind the byte order mark in the first line.
#[must_use]
pub(super) fn line_start(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    match before.iter().rposition(|&byte| is_line_break(byte)) {
        Some(line_break) => line_break + 1,
        None if bytes.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len().min(at),
        None => 0,
    }
}

/// Where the line of the byte at `at` ends, before its line break.
#[must_use]
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    let behind = bytes.get(at..).unwrap_or_default();
    behind.iter().position(|&byte| is_line_break(byte)).map_or(bytes.len(), |len| at + len)
}

/// Where the line of the byte at `at` ends, behind its line break.
#[must_use]
pub(super) fn full_line_end(bytes: &[u8], at: usize) -> usize {
    let end = line_end(bytes, at);
    match bytes.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => end + 2,
        [] => end,
        _ => end + 1,
    }
}

/// The lines that `range` touches, the last line break included.
#[must_use]
pub(super) fn full_lines(bytes: &[u8], range: &Range<usize>) -> Range<usize> {
    line_start(bytes, range.start)..full_line_end(bytes, range.end)
}

/// The white space before `at`, if its line has nothing else there. Does not look further than that.
#[must_use]
pub(super) fn indentation(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let before = bytes.get(..at)?;
    let start = at - before.iter().rev().take_while(|byte| is_blank(**byte)).count();
    let starts_line = match before[..start].last() {
        None => true,
        Some(byte) => is_line_break(*byte) || before[..start] == *BYTE_ORDER_MARK,
    };
    starts_line.then_some(&before[start..])
}

/// Whether the text goes over several lines.
#[must_use]
pub(super) fn has_line_break(bytes: &[u8]) -> bool {
    bytes.iter().copied().any(is_line_break)
}

/// White space within a line.
#[must_use]
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c')
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// UTF-8 files may start with it.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_line_breaks_end_a_line() {
        let text = b"\xEF\xBB\xBFa\nbc\r\nd\re";
        let line_at = |at| (line_start(text, at), line_end(text, at), full_line_end(text, at));
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
