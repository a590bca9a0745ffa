//! Keeping a rewritten expression apart from the words around it.

use std::ops::Range;

use crate::source::ParsedFile;

/// Longer expressions are not rewritten where the fix copies what is inside: a hostile file nests them.
pub(super) const MAX_REWRITTEN_LEN: usize = 4096;

/// `text` for the place of `range`, with a space where it would run into a letter: `assert f(a)is b`.
#[must_use]
pub(super) fn padded(file: &ParsedFile<'_>, range: &Range<usize>, mut text: String) -> String {
    let is_letter =
        |at: Option<usize>| at.and_then(|at| file.bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
    if is_letter(Some(range.end)) {
        text.push(' ');
    }
    if is_letter(range.start.checked_sub(1)) {
        text.insert(0, ' ');
    }
    text
}
