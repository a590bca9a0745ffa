//! What gofmt does to the comments at the ends of lines: those of neighbouring lines begin in one column. A fix
//! that makes a line shorter moves its comment, and that of the lines beside it, as gofmt would.

use std::ops::Range;

use tree_sitter::Node;

use crate::rule::Edit;
use crate::source::ParsedFile;

/// Longer runs of lines are left as they are.
const MAX_LINES: usize = 50;

/// A line with a comment at its end.
struct Line {
    /// From the first to the last byte.
    bytes: Range<usize>,
    /// Where the code starts and ends.
    code: Range<usize>,
    /// Where the comment starts.
    comment: usize,
    /// The edits that the rule makes in the code.
    edits: Vec<Edit>,
}

/// The edits that keep the comments aligned once the rule has made all its edits in the lines around `changed`:
/// those of the line of `changed`, and of the lines behind it in which the rule changes nothing. `edits_at` tells
/// what the rule does at a token.
pub(super) fn realign(
    file: &ParsedFile<'_>,
    changed: Range<usize>,
    edits_at: &dyn Fn(Node<'_>) -> Vec<Edit>,
) -> Vec<Edit> {
    let Some((lines, own)) = section(file, changed) else { return Vec::new() };
    let mut lines = lines;
    for line in &mut lines {
        let tokens = file.tokens_in(line.code.clone());
        line.edits = tokens.iter().flat_map(|token| edits_at(*token)).collect();
    }
    let column = |line: &Line| width(file, line.bytes.start..line.comment);
    let widths: Vec<usize> = lines.iter().map(|line| width(file, line.bytes.start..line.code.end)).collect();
    let widest = widths.iter().copied().max().unwrap_or(0);
    if lines.iter().any(|line| column(line) != widest + 1) {
        return Vec::new();
    }
    let new_widths: Vec<usize> =
        lines.iter().zip(&widths).map(|(line, width)| changed_width(file, line, *width)).collect();
    let new_column = new_widths.iter().copied().max().unwrap_or(0) + 1;
    let is_first = lines.iter().position(|line| !line.edits.is_empty()) == Some(own);
    let cared_for = lines.iter().enumerate().filter(|(index, line)| {
        // A line of its own, or one that no fix before it cares for.
        let next = lines.iter().skip(own + 1).position(|line| !line.edits.is_empty());
        let behind = *index > own && next.is_none_or(|next| *index <= own + next);
        *index == own || line.edits.is_empty() && (behind || is_first && *index < own)
    });
    let moved = cared_for.filter_map(|(index, line)| {
        let blanks = " ".repeat(new_column.saturating_sub(*new_widths.get(index)?));
        let range = line.code.end..line.comment;
        (file.bytes_of(range.clone()) != blanks.as_bytes()).then(|| Edit::replace(range, blanks))
    });
    moved.collect()
}

/// The lines around `changed` that end in comments and are indented alike, and which of them it is in.
fn section(file: &ParsedFile<'_>, changed: Range<usize>) -> Option<(Vec<Line>, usize)> {
    let own = line_at(file, changed.start).filter(|line| changed.end <= line.code.end)?;
    let indent = own.code.start - own.bytes.start;
    let is_alike = |line: &Line| line.code.start - line.bytes.start == indent;
    let mut before = Vec::new();
    let mut start = own.bytes.start;
    while let Some(line) = start.checked_sub(1).and_then(|at| line_at(file, at)).filter(is_alike) {
        start = line.bytes.start;
        before.push(line);
        if before.len() > MAX_LINES {
            return None;
        }
    }
    before.reverse();
    let (mut lines, at) = (before, own.bytes.end);
    let index = lines.len();
    lines.push(own);
    let mut end = at;
    while let Some(line) = line_at(file, end + 1).filter(|line| line.bytes.start > end && is_alike(line)) {
        end = line.bytes.end;
        lines.push(line);
        if lines.len() > 2 * MAX_LINES {
            return None;
        }
    }
    Some((lines, index))
}

/// The line of byte `at`, if it is code with a comment behind.
fn line_at(file: &ParsedFile<'_>, at: usize) -> Option<Line> {
    let before = file.bytes.get(..at)?;
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let rest = file.bytes.get(start..)?;
    let end = start + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let comments = file.comments();
    let comment = comments.get(comments.partition_point(|comment| comment.start < start))?;
    let is_at_end = comment.start < end && comment.end >= end.saturating_sub(1) && comment.end <= end;
    let code = file.tokens_in(start..comment.start);
    let code =
        code.iter().filter(|token| !file.bytes_of(token.byte_range()).iter().all(u8::is_ascii_whitespace));
    let (first, last) = (code.clone().next()?, code.last()?);
    let line = Line {
        bytes: start..end,
        code: first.start_byte()..last.end_byte(),
        comment: comment.start,
        edits: Vec::new(),
    };
    is_at_end.then_some(line)
}

fn changed_width(file: &ParsedFile<'_>, line: &Line, old: usize) -> usize {
    let lost: usize = line.edits.iter().map(|edit| width(file, edit.range.clone())).sum();
    let gained: usize = line.edits.iter().map(|edit| edit.text.chars().count()).sum();
    (old + gained).saturating_sub(lost)
}

/// How many characters; gofmt counts those.
fn width(file: &ParsedFile<'_>, range: Range<usize>) -> usize {
    String::from_utf8_lossy(file.bytes_of(range)).chars().count()
}
