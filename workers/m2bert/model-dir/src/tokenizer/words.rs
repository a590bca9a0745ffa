//! Where a byte-level tokenizer cuts a text into words: the regular expression of GPT-2, by hand.
//!
//! ```text
//! 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```
//!
//! In words: an English ending; or one space at most and a run of letters, of numbers, or of
//! anything else visible; or white space, which leaves its last character to the word behind it.

use std::collections::BTreeMap;

use regex_syntax::hir::{Class, HirKind};

/// What a character is to the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Letter,
    Number,
    Other,
}

/// Cuts texts into words.
pub(super) struct Splitter {
    ascii: [Kind; 128],
    /// By its last character, each range of characters that are not [`Kind::Other`]: the first
    /// character and the kind. From the tables of the `regex` crates, so that they cannot disagree.
    ranges: BTreeMap<char, (char, Kind)>,
}

impl Splitter {
    pub(super) fn new() -> Self {
        let classes = [(r"\s", Kind::Space), (r"\p{L}", Kind::Letter), (r"\p{N}", Kind::Number)];
        let mut ranges = BTreeMap::new();
        for (expression, kind) in classes {
            let class = regex_syntax::parse(expression).expect("a class is a valid expression");
            let HirKind::Class(Class::Unicode(class)) = class.into_kind() else {
                unreachable!("`{expression}` is a class of characters")
            };
            ranges.extend(class.iter().map(|range| (range.end(), (range.start(), kind))));
        }
        let mut splitter = Self { ascii: [Kind::Other; 128], ranges };
        splitter.ascii = std::array::from_fn(|byte| splitter.kind_of(byte as u8 as char));
        splitter
    }

    /// End of the word that starts at `start`, which is inside the text.
    pub(super) fn word_end(&self, text: &str, start: usize) -> usize {
        let rest = &text.as_bytes()[start..];
        if let Some(length) = english_ending(rest) {
            return start + length;
        }
        let (kind, length) = self.kind_at(text, start).expect("a word starts inside the text");
        let second = start + length;
        if kind != Kind::Space {
            return self.run_end(text, second, kind);
        }
        if let Some((next, length)) = self.kind_at(text, second)
            && rest[0] == b' '
            && next != Kind::Space
        {
            return self.run_end(text, second + length, next);
        }
        let end = self.run_end(text, second, kind);
        let last = text.floor_char_boundary(end - 1);
        if end == text.len() || last == start { end } else { last }
    }

    fn run_end(&self, text: &str, mut place: usize, kind: Kind) -> usize {
        while let Some((next, length)) = self.kind_at(text, place)
            && next == kind
        {
            place += length;
        }
        place
    }

    /// Kind and length of the character at a place, if the text has one there.
    #[inline]
    fn kind_at(&self, text: &str, place: usize) -> Option<(Kind, usize)> {
        let byte = *text.as_bytes().get(place)?;
        if let Some(kind) = self.ascii.get(usize::from(byte)) {
            return Some((*kind, 1));
        }
        let character = text[place..].chars().next()?;
        Some((self.kind_of(character), character.len_utf8()))
    }

    fn kind_of(&self, character: char) -> Kind {
        match self.ranges.range(character..).next() {
            Some((_, (first, kind))) if *first <= character => *kind,
            _ => Kind::Other,
        }
    }
}

/// Length of `'s`, `'ll` and the like in front of `rest`.
fn english_ending(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\'', b's' | b't' | b'm' | b'd', ..] => Some(2),
        [b'\'', b'r' | b'v', b'e', ..] | [b'\'', b'l', b'l', ..] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let splitter = Splitter::new();
        let (mut words, mut start) = (Vec::new(), 0);
        while start < text.len() {
            let end = splitter.word_end(text, start);
            words.push(&text[start..end]);
            start = end;
        }
        words
    }

    #[test]
    fn a_word_takes_one_space_before_it() {
        assert_eq!(words("let x2 = 10;"), ["let", " x", "2", " =", " 10", ";"]);
        assert_eq!(words("if\n    a\n\tb  "), ["if", "\n   ", " a", "\n", "\t", "b", "  "]);
    }

    #[test]
    fn an_ending_is_a_word_wherever_it_stands() {
        assert_eq!(words("it's 'start' 'S"), ["it", "'s", " '", "start", "'", " '", "S"]);
        assert_eq!(words("''re'v"), ["''", "re", "'", "v"]);
    }

    #[test]
    fn kinds_are_those_of_unicode() {
        assert_eq!(
            words("é\u{301}ª²Ⅷ\u{3000}\u{a0}你"),
            ["é", "\u{301}", "ª", "²Ⅷ", "\u{3000}", "\u{a0}", "你"]
        );
    }
}
