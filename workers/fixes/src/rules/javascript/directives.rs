//! Comments that configure linters: `/* global a, b: off */`, `/* exported c */`.

use std::ops::Range;

use crate::source::ParsedFile;

/// A block comment that starts with a word.
#[derive(Clone, Debug)]
pub(super) struct Directive<'t> {
    /// The first word: `global`, `exported`.
    pub(super) label: &'t str,
    /// What follows it, without a justification (` -- why`).
    value: &'t str,
    /// The text between `/*` and `*/`.
    text: &'t str,
    /// Where that text starts in the file.
    start: usize,
}

/// `name` or `name: value` in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

/// All directives of a file, in order.
pub(super) fn directives<'f, 't>(file: &'f ParsedFile<'t>) -> impl Iterator<Item = Directive<'t>> + 'f {
    file.comments().iter().filter_map(|range| {
        let text = std::str::from_utf8(file.bytes_of(range.clone())).ok()?;
        Directive::of(text.strip_prefix("/*")?.strip_suffix("*/")?, range.start + 2)
    })
}

impl<'t> Directive<'t> {
    fn of(text: &'t str, start: usize) -> Option<Self> {
        let directive = without_justification(text).trim();
        let end = directive.find(char::is_whitespace).unwrap_or(directive.len());
        let (label, value) = directive.split_at(end);
        let is_word =
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        is_word.then_some(Self { label, value: value.trim(), text, start })
    }

    /// Whether it declares globals.
    pub(super) fn is_globals(&self) -> bool {
        matches!(self.label, "global" | "globals")
    }

    /// The list of a `global`, in order.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut spaced = String::with_capacity(self.value.len());
        for part in self.value.split_inclusive([':', ',']) {
            // White space around a colon or comma means nothing.
            let (part, mark) = match part.strip_suffix([':', ',']) {
                Some(inner) => (inner, &part[inner.len()..]),
                None => (part, ""),
            };
            spaced.push_str(part.trim());
            spaced.push_str(mark);
        }
        let words = spaced.split(|char: char| char.is_whitespace() || char == ',');
        words
            .filter(|word| !word.is_empty())
            .map(|word| {
                let mut parts = word.split(':');
                let name = parts.next().unwrap_or_default().to_owned();
                Entry { name, value: parts.next().map(str::to_owned) }
            })
            .collect()
    }

    /// The names of an `exported`.
    pub(super) fn names(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.value.split(',').map(|name| {
            let name = name.trim();
            let unquoted = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
            unquoted('"').or_else(|| unquoted('\'')).unwrap_or(name)
        })
    }

    /// Where the list of a `global` holds `name`.
    pub(super) fn place_of(&self, name: &str) -> Range<usize> {
        let ends = |char: char| char.is_whitespace() || matches!(char, ',' | ':');
        let begins = |char: char| char.is_whitespace() || char == ',';
        let list = self.text.find("global").map_or(0, |at| at + "global".len());
        let found = self.text[list..].match_indices(name).map(|(at, _)| list + at).find(|&at| {
            self.text[list..at].ends_with(begins)
                && self.text[at + name.len()..].chars().next().is_none_or(ends)
        });
        match found {
            Some(at) => self.start + at..self.start + at + name.len(),
            None => self.start..self.start + 1,
        }
    }
}

/// Cuts ` -- why` off.
fn without_justification(text: &str) -> &str {
    let mut from = 0;
    while let Some(at) = text[from..].find("--").map(|at| from + at) {
        let behind = text[at..].trim_start_matches('-');
        if text[..at].ends_with(char::is_whitespace) && behind.starts_with(char::is_whitespace) {
            return &text[..at];
        }
        from = text.len() - behind.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, Option<String>)> {
        let directive = Directive::of(text, 0).expect("a directive");
        directive.entries().into_iter().map(|entry| (entry.name, entry.value)).collect()
    }

    #[test]
    fn lists_of_globals_are_read_as_eslint_reads_them() {
        let wanted = [("a", None), ("b", Some("off")), ("c", Some("writable"))];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(entries(" global a, b : off c:writable -- d, why "), wanted);
        assert!(Directive::of(" Global a", 0).is_none() && Directive::of("", 0).is_none());
        let directive = Directive::of("globals\nab,a", 10).expect("a directive");
        assert_eq!((directive.place_of("a"), directive.place_of("x")), (21..22, 10..11));
        let exported = Directive::of(" exported a, 'b'", 0).expect("a directive");
        assert_eq!(exported.names().collect::<Vec<_>>(), ["a", "b"]);
    }
}
