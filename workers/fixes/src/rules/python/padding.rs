//! White space that keeps words apart where a fix puts a word beside another.

use std::ops::Range;

use crate::source::ParsedFile;

/// Longer expressions are not rewritten where the fix copies what is inside: a hostile file nests them.
pub(super) const MAX_REWRITTEN_LEN: usize = 4096;

/// `text`, with a space before it if it would touch the letter before `at`.
#[must_use]
pub(super) fn pad_start(file: &ParsedFile<'_>, at: usize, text: String) -> String {
    let before = at.checked_sub(1).and_then(|before| file.bytes.get(before));
    if before.is_some_and(u8::is_ascii_alphabetic) { format!(" {text}") } else { text }
}

/// `text`, with a space behind it if it would touch the letter at `at`.
#[must_use]
pub(super) fn pad_end(file: &ParsedFile<'_>, at: usize, mut text: String) -> String {
    if file.bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
        text.push(' ');
    }
    text
}

/// `text`, with spaces where it would touch the letters around `range`: `assert f(a)is b`.
#[must_use]
pub(super) fn padded(file: &ParsedFile<'_>, range: &Range<usize>, text: String) -> String {
    pad_start(file, range.start, pad_end(file, range.end, text))
}
