//! Lines, columns and fingerprints of findings.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::{Node, Tree};

use crate::report::Position;
use crate::rule::Finding;

/// A snippet has at most this many characters.
const MAX_SNIPPET: usize = 200;
/// Of a longer line only this many bytes on either side of a finding identify it, so that the cost of a finding
/// does not grow with a minified file's only line.
const MAX_CONTEXT: usize = 256;

/// Where the lines of a text start.
#[derive(Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Lines that end with `\n`, as editors and reports count them.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { bytes, starts }
    }

    /// Lines as Python counts them, which also end with a lone `\r`.
    #[must_use]
    pub fn python(bytes: &'a [u8]) -> Self {
        let ends_line = |at: &usize| match bytes[*at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends_line).map(|at| at + 1)).collect();
        Self { bytes, starts }
    }

    /// Lines as ECMAScript counts them, which also end with `\r`, U+2028 and U+2029.
    #[must_use]
    pub fn ecmascript(bytes: &'a [u8]) -> Self {
        let mut starts = vec![0];
        for at in 0..bytes.len() {
            match bytes[at..] {
                [b'\n', ..] => starts.push(at + 1),
                [b'\r', next, ..] if next != b'\n' => starts.push(at + 1),
                [0xE2, 0x80, 0xA8 | 0xA9, ..] => starts.push(at + 3),
                _ => {}
            }
        }
        Self { bytes, starts }
    }

    fn index_of(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at) - 1
    }

    pub(crate) fn line_around(&self, at: usize) -> Range<usize> {
        let index = self.index_of(at);
        let end = self.starts.get(index + 1).map_or(self.bytes.len(), |next| next - 1);
        self.starts[index]..end
    }

    /// Line and column of byte `at`.
    #[must_use]
    pub fn position(&self, at: usize) -> Position {
        let index = self.index_of(at);
        let column = 1 + utf16_len(&self.bytes[self.starts[index]..at]);
        Position { line: count(index + 1), column: count(column) }
    }

    /// The line of byte `at`, trimmed and cut to its first 200 characters.
    pub(crate) fn snippet(&self, at: usize) -> String {
        let line = self.line_around(at);
        let head = &self.bytes[line.start..line.end.min(line.start + 4 * MAX_SNIPPET + MAX_CONTEXT)];
        String::from_utf8_lossy(head).trim().chars().take(MAX_SNIPPET).collect()
    }

    /// What identifies a place when lines move: the smallest node around it that begins a line, white space
    /// collapsed.
    fn normalised(&self, tree: &Tree, place: &Range<usize>) -> Vec<u8> {
        let mut around = tree.root_node();
        let mut begins_line = around;
        while let Some(child) = child_around(around, place) {
            if self.begins_line(child.start_byte()) {
                begins_line = child;
            }
            around = child;
        }
        let node = begins_line.byte_range();
        let near = node.start.max(place.start.saturating_sub(MAX_CONTEXT))
            ..node.end.min(place.start + MAX_CONTEXT).max(place.start);
        let words: Vec<&[u8]> =
            self.bytes[near].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        words.join(&b' ')
    }

    fn begins_line(&self, at: usize) -> bool {
        self.bytes[self.line_around(at).start..at].iter().all(u8::is_ascii_whitespace)
    }

    /// The fingerprints of `findings` in the file at `path`, in their order.
    pub(crate) fn fingerprints(&self, path: &str, tree: &Tree, findings: &[Finding]) -> Vec<String> {
        let mut ordinals: HashMap<blake3::Hash, u32> = HashMap::new();
        let fingerprint = |finding: &Finding| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(finding.rule.as_bytes()).update(b"\0").update(path.as_bytes()).update(b"\0");
            hasher.update(&self.normalised(tree, &finding.range)).update(b"\0");
            let ordinal = ordinals.entry(hasher.finalize()).or_default();
            hasher.update(&ordinal.to_le_bytes());
            *ordinal += 1;
            hasher.finalize().to_hex()[..32].to_owned()
        };
        findings.iter().map(fingerprint).collect()
    }
}

/// The child of `node` that holds `place`.
fn child_around<'t>(node: Node<'t>, place: &Range<usize>) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    cursor.goto_first_child_for_byte(place.start)?;
    let child = cursor.node();
    (child.start_byte() <= place.start && place.end <= child.end_byte()).then_some(child)
}

/// The length in UTF-16 units; a byte that is not UTF-8 counts as one.
fn utf16_len(bytes: &[u8]) -> usize {
    let chunk_len = |chunk: std::str::Utf8Chunk<'_>| {
        chunk.valid().chars().map(char::len_utf16).sum::<usize>() + chunk.invalid().len()
    };
    bytes.utf8_chunks().map(chunk_len).sum()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use crate::engine::parse;

    fn finding(at: usize) -> Finding {
        Finding { rule: "r", range: at..at + 1, message: String::new(), fix: None }
    }

    fn fingerprints(text: &[u8], findings: &[Finding]) -> Vec<String> {
        Lines::new(text).fingerprints("a.js", &parse(text, Language::JavaScript), findings)
    }

    #[test]
    fn columns_are_utf16_units() {
        let text = "a\n😀ßx\n".as_bytes();
        let lines = Lines::new(text);
        assert_eq!(lines.position(2), Position { line: 2, column: 1 });
        assert_eq!(lines.position(8), Position { line: 2, column: 4 });
        assert_eq!(lines.position(text.len()), Position { line: 3, column: 1 });
        assert_eq!(Lines::python(b"a\rb\r\nc\nd").position(7), Position { line: 4, column: 1 });
        assert_eq!(Lines::new(b"\xFF\xFEx").position(2), Position { line: 1, column: 3 });
    }

    #[test]
    fn fingerprints_stay_when_lines_above_move() {
        let (before, after) = (b"x == y\n", b"\n\n  x  ==  y\n");
        assert_eq!(fingerprints(before, &[finding(0)]), fingerprints(after, &[finding(4)]));
    }

    #[test]
    fn equal_lines_have_fingerprints_of_their_own() {
        let fingerprints = fingerprints(b"x\nx\n", &[finding(0), finding(2)]);
        assert_ne!(fingerprints[0], fingerprints[1]);
    }

    #[test]
    fn snippets_are_short() {
        let text = format!("  {}  \n", "é".repeat(5_000));
        assert_eq!(Lines::new(text.as_bytes()).snippet(9).chars().count(), MAX_SNIPPET);
    }
}
