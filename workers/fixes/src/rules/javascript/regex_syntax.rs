//! What rules ask of regular expressions: where their classes lie and which characters they escape.
//!
//! Read by `oxc_regular_expression`; nothing of oxc shows here.

use std::ops::Range;

use oxc_allocator::Allocator;
use oxc_regular_expression::ast::{Character, CharacterClassContentsKind};
use oxc_regular_expression::visit::{RegExpAstKind, Visit};
use oxc_regular_expression::{LiteralParser, Options};

/// The parser recurses, so deeper nesting than anyone writes is not read.
const MAX_DEPTH: usize = 100;

/// How a pattern is read, by the flags of its expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Plain,
    /// The flag `u`.
    Unicode,
    /// The flag `v`.
    UnicodeSets,
}

impl Mode {
    /// The mode by the flags; `None` if they exclude each other.
    pub(crate) fn of(flags: &str) -> Option<Self> {
        match (flags.contains('u'), flags.contains('v')) {
            (false, false) => Some(Self::Plain),
            (true, false) => Some(Self::Unicode),
            (false, true) => Some(Self::UnicodeSets),
            (true, true) => None,
        }
    }

    fn flags(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Unicode => "u",
            Self::UnicodeSets => "v",
        }
    }
}

/// `[…]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// Its bytes in the pattern, brackets included.
    pub(crate) range: Range<usize>,
    /// `[^…]`
    pub(crate) is_negated: bool,
    /// `[a--b]` and `[a&&b]`
    pub(crate) is_calculation: bool,
}

/// A backslash before a character that it leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    /// The bytes of backslash and character in the pattern.
    pub(crate) range: Range<usize>,
    pub(crate) character: char,
    /// The innermost class around it, by its index in [`Pattern::classes`].
    pub(crate) class: Option<usize>,
}

/// What is known of a pattern.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    /// In the order in which they open.
    pub(crate) classes: Vec<Class>,
    pub(crate) escapes: Vec<Escape>,
}

impl Pattern {
    /// Reads what stands between the slashes; `None` if it is no pattern, or nested too deep.
    pub(crate) fn read(text: &str, mode: Mode) -> Option<Self> {
        if depth(text) > MAX_DEPTH || u32::try_from(text.len()).is_err() {
            return None;
        }
        let allocator = Allocator::default();
        let parser = LiteralParser::new(&allocator, text, Some(mode.flags()), Options::default());
        let parsed = parser.parse().ok()?;
        let mut reader = Reader { text, open: Vec::new(), pattern: Self::default() };
        reader.visit_pattern(&parsed);
        Some(reader.pattern)
    }
}

/// At most how deep groups and classes nest.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

struct Reader<'p> {
    text: &'p str,
    /// The indices of the classes around the place where the visit stands.
    open: Vec<usize>,
    pattern: Pattern,
}

impl<'a> Visit<'a> for Reader<'_> {
    fn enter_node(&mut self, kind: RegExpAstKind<'a>) {
        match kind {
            RegExpAstKind::CharacterClass(class) => {
                self.open.push(self.pattern.classes.len());
                self.pattern.classes.push(Class {
                    range: class.span.start as usize..class.span.end as usize,
                    is_negated: class.negative,
                    is_calculation: class.kind != CharacterClassContentsKind::Union,
                });
            }
            RegExpAstKind::Character(character) => self.add_character(character),
            _ => {}
        }
    }

    fn leave_node(&mut self, kind: RegExpAstKind<'a>) {
        if matches!(kind, RegExpAstKind::CharacterClass(_)) {
            self.open.pop();
        }
    }
}

impl Reader<'_> {
    fn add_character(&mut self, character: &Character) {
        let range = character.span.start as usize..character.span.end as usize;
        let Some(escaped) = self.text.get(range.clone()).and_then(|raw| raw.strip_prefix('\\')) else {
            return;
        };
        let mut chars = escaped.chars();
        let (Some(first), None) = (chars.next(), chars.next()) else { return };
        if u32::from(first) == character.value {
            let class = self.open.last().copied();
            self.pattern.escapes.push(Escape { range, character: first, class });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_escapes_are_found_by_their_bytes() {
        let pattern = Pattern::read(r"é\/[^\.a[b]]", Mode::UnicodeSets).expect("it is a pattern");
        assert_eq!(pattern.classes.len(), 2);
        assert!(pattern.classes[0].is_negated && pattern.classes[0].range == (4..13));
        let escapes: Vec<_> = pattern.escapes.iter().map(|escape| (escape.character, escape.class)).collect();
        assert_eq!(escapes, [('/', None), ('.', Some(0))]);
        assert!(Pattern::read(r"\x41\n\d\cA", Mode::Plain).is_some_and(|pattern| pattern.escapes.is_empty()));
    }

    #[test]
    fn what_is_no_pattern_or_too_deep_is_not_read() {
        assert!(Pattern::read("[", Mode::Plain).is_none());
        assert!(Pattern::read(&"(".repeat(100_000), Mode::Plain).is_none());
        assert_eq!(Mode::of("guv"), None);
    }
}
