//! Moving the statements of a block to another indentation.

use std::ops::Range;

use crate::source::ParsedFile;

use super::lines::{indentation, is_blank, line_start, next_line};
use super::syntax::{StringLiteral, utf8};

/// The lines of `range`, which are all of a block, with the indentation `wanted` in the place of the block's own.
/// `first` is where the first statement starts.
///
/// Text within strings stays as it is. So does a continuation line that is indented less than the statement,
/// if the block has strings of several lines or with fields, or indents by tabs and spaces.
#[must_use]
pub(super) fn reindented(
    file: &ParsedFile<'_>,
    range: Range<usize>,
    first: usize,
    wanted: &[u8],
) -> Option<String> {
    let wanted = std::str::from_utf8(wanted).ok()?.trim_start_matches('\x0c');
    let text = utf8(file, range.clone())?;
    if !has_delicate_strings(file, range.clone())
        && !mixes_indentation(text)
        && let Some(dedented) = dedented(text, wanted)
    {
        return Some(dedented);
    }
    let own = std::str::from_utf8(indentation(file.bytes, first)?).ok()?;
    let starts_with_backslash =
        text.trim_start_matches(|letter: char| letter.is_ascii_whitespace()).starts_with('\\');
    (!starts_with_backslash).then(|| LineMover { file, own, wanted }.moved(range))?
}

/// Whether a string with three quotes or with fields lies in `range`.
fn has_delicate_strings(file: &ParsedFile<'_>, range: Range<usize>) -> bool {
    file.tokens_in(range).iter().filter(|token| token.kind() == "string").any(|string| {
        StringLiteral::of(file, *string)
            .is_none_or(|literal| literal.quote.len() == 3 || literal.is_interpolated())
    })
}

fn mixes_indentation(text: &str) -> bool {
    text.split(['\n', '\r']).any(|line| {
        let content = line.trim_start_matches([' ', '\t', '\x0c']);
        let indentation = &line[..line.len() - content.len()];
        !content.is_empty() && indentation.contains('\t') && indentation.contains(' ')
    })
}

/// Lines with their line breaks.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let end = next_line(text.as_bytes(), at);
        let line = text.get(at..end).filter(|line| !line.is_empty())?;
        at = end;
        Some(line)
    })
}

/// A line taken apart: form feeds, indentation, content, line break.
fn parts(line: &str) -> (&str, &str, &str, &str) {
    let ended = line.trim_end_matches(['\r', '\n']);
    let unfed = ended.trim_start_matches('\x0c');
    let content = unfed.trim_start_matches([' ', '\t', '\x0c']);
    let (feeds, indentation) = (ended.len() - unfed.len(), unfed.len() - content.len());
    (&line[..feeds], &unfed[..indentation], content, &line[ended.len()..])
}

/// Takes from each line what the first statement has more than `wanted`; lines that are indented less than that
/// statement stay. `None` if the first statement is indented less than wanted.
fn dedented(text: &str, wanted: &str) -> Option<String> {
    let mut of_first_comment = None;
    let own = lines(text).find_map(|line| {
        let (_, indentation, content, _) = parts(line);
        if content.starts_with('#') && of_first_comment.is_none() {
            of_first_comment = Some(indentation.len());
            return None;
        }
        (!content.is_empty()).then_some(indentation.len())
    });
    let own = own.or(of_first_comment).unwrap_or_default();
    let surplus = own.checked_sub(wanted.len())?;
    let mut moved = String::with_capacity(text.len());
    for line in lines(text) {
        let (feeds, indentation, content, line_break) = parts(line);
        if content.is_empty() {
            moved.push_str(line_break);
        } else if indentation.len() < own {
            moved.push_str(line);
        } else {
            moved.extend([feeds, indentation.get(surplus..)?, content, line_break]);
        }
    }
    Some(moved)
}

/// Moves line by line, as a parser that keeps all white space does.
struct LineMover<'f, 't> {
    file: &'f ParsedFile<'t>,
    /// The indentation of the block.
    own: &'f str,
    wanted: &'f str,
}

impl LineMover<'_, '_> {
    fn moved(&self, range: Range<usize>) -> Option<String> {
        let mut moved = String::with_capacity(range.len());
        let mut tokens = self.file.tokens_in(range.clone()).iter().peekable();
        let mut n_open = 0_usize;
        let mut statement_indentation = self.own;
        let mut string_end = 0;
        let mut next = range.start;
        for line in lines(utf8(self.file, range)?) {
            let at = next;
            next += line.len();
            while let Some(token) = tokens.next_if(|token| token.start_byte() < at) {
                match token.kind() {
                    "(" | "[" | "{" => n_open += 1,
                    ")" | "]" | "}" => n_open = n_open.saturating_sub(1),
                    "string" => string_end = token.end_byte(),
                    _ => {}
                }
            }
            let indentation = &line[..line.bytes().take_while(|&byte| is_blank(byte)).count()];
            let is_continued = self.continues_a_line(at);
            let has_code =
                tokens.peek().is_some_and(|token| line_start(self.file.bytes, token.start_byte()) == at);
            if n_open == 0 && !is_continued && at >= string_end && has_code {
                statement_indentation = indentation;
            }
            let least = if n_open == 0 { self.own } else { statement_indentation };
            match line.strip_prefix(self.own) {
                Some(rest) if line.starts_with(least) && !is_continued && at >= string_end => {
                    moved.extend([self.wanted, rest]);
                }
                _ => moved.push_str(line),
            }
        }
        Some(moved)
    }

    /// Whether a backslash ends the line before the one at `at`.
    fn continues_a_line(&self, at: usize) -> bool {
        let before = self.file.bytes.get(..at).unwrap_or_default();
        let line = before.strip_suffix(b"\r\n").or_else(|| before.strip_suffix(b"\n")).unwrap_or(before);
        line.ends_with(b"\\") && !self.file.has_comment_in(line.len() - 1..line.len())
    }
}
