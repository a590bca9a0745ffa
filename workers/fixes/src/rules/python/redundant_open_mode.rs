//! `UP015`: `open(path, "r")`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::code_style::preferred_quote;
use super::leaf_tokens::tokens_within;
use super::names::{Meaning, resolve};
use super::quoted_expressions::check_quoted_too;
use super::string_value::text_of;
use super::syntax::{code_children, is_sound_python3, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds modes of `open` that say what is the case anyway: `r`, `t` and the old `U`
    /// (ruff's `redundant-open-modes`).
    ///
    /// ## Why is this bad?
    /// Reading text is what `open` does without a mode, so the mode is noise. `U` has no effect since Python 3
    /// and is an error since 3.11.
    ///
    /// ## Example
    /// ```python
    /// with open(path, "rt") as lines:
    ///     count(lines)
    /// ```
    /// Use instead:
    /// ```python
    /// with open(path) as lines:
    ///     count(lines)
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where the mode cannot be cut out, as where it stands in parentheses of its own.
    pub struct RedundantOpenMode;
}

static META: Meta = Meta {
    id: "UP015",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds modes of `open` that say what is the case anyway.",
    docs: RedundantOpenMode::MANUAL,
};

impl Rule for RedundantOpenMode {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call", "type"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        check_quoted_too(file, node, &["call"], &["open"], out, |file, call, out| {
            out.extend(check_call(file, call));
        });
    }
}

fn check_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let function = call.child_by_field_name("function")?;
    let arguments = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list")?;
    let mode = without_parentheses(mode_argument(file, arguments)?);
    let written = Mode::parse(&text_of(file, mode)?)?;
    let reduced = written.reduced();
    if written == reduced || !is_open(file, function) || !is_sound_python3(file) {
        return None;
    }
    let letters = reduced.letters();
    if letters.is_empty() {
        let fix = removed_range(call, arguments, mode).map(|range| Fix::safe(vec![Edit::delete(range)]));
        return Some(Finding::new(&META, mode.byte_range(), "Unnecessary mode argument").with_fix(fix));
    }
    let quote = preferred_quote(file);
    let fix = Fix::safe(vec![Edit::replace(mode.byte_range(), format!("{quote}{letters}{quote}"))]);
    let message = format!("Unnecessary modes, use `{letters}`");
    Some(Finding::new(&META, mode.byte_range(), message).with_fix(fix))
}

fn is_open<'t>(file: &ParsedFile<'t>, function: Node<'t>) -> bool {
    match without_parentheses(function).kind() {
        "identifier" | "attribute" => {}
        _ => return false,
    }
    match resolve(file, function) {
        Meaning::Builtin(name) => name == "open",
        Meaning::Imported(path) => matches!(path.as_str(), "builtins.open" | "aiofiles.open"),
        Meaning::Other => false,
    }
}

/// The argument called `mode`, else the second one.
fn mode_argument<'t>(file: &ParsedFile<'t>, arguments: Node<'t>) -> Option<Node<'t>> {
    let by_name = code_children(arguments).find_map(|argument| {
        let name = argument.child_by_field_name("name").filter(|_| argument.kind() == "keyword_argument")?;
        (file.bytes_of(name.byte_range()) == b"mode").then(|| argument.child_by_field_name("value"))?
    });
    let is_named = |argument: &Node<'_>| matches!(argument.kind(), "keyword_argument" | "dictionary_splat");
    let mut positional = code_children(arguments)
        .filter(|argument| !is_named(argument))
        .take_while(|argument| argument.kind() != "list_splat");
    by_name.or_else(|| positional.nth(1))
}

/// What to delete to get rid of the argument `mode`: with the comma before it, or, if it comes first, up to the
/// name of the next one.
fn removed_range(call: Node<'_>, arguments: Node<'_>, mode: Node<'_>) -> Option<Range<usize>> {
    let (mut start, mut is_first) = (None, false);
    let mut tokens = tokens_within(call).into_iter();
    for token in tokens.by_ref() {
        if token.start_byte() == mode.start_byte() {
            break;
        }
        match token.kind() {
            "(" => (start, is_first) = (Some(token.end_byte()), true),
            "," => (start, is_first) = (Some(token.start_byte()), false),
            _ => {}
        }
    }
    if !is_first {
        return Some(start?..mode.end_byte());
    }
    // Parentheses around the mode would stay open.
    let start = start.filter(|start| *start == arguments.start_byte() + 1)?;
    let next = tokens.find(|token| matches!(token.kind(), "identifier" | "*" | "**"))?;
    // The stars of an argument that is unpacked must not go with the mode.
    (next.kind() == "identifier").then_some(start..next.start_byte())
}

/// A set of the letters that `open` knows.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mode(u8);

/// In the order in which a mode is spelled; the index is the bit.
const LETTERS: &[u8] = b"rwaxUbt+";
const READ: u8 = 1;
const WRITE: u8 = 1 << 1;
const APPEND: u8 = 1 << 2;
const CREATE: u8 = 1 << 3;
const UNIVERSAL: u8 = 1 << 4;
const BINARY: u8 = 1 << 5;
const TEXT: u8 = 1 << 6;
const PLUS: u8 = 1 << 7;

impl Mode {
    /// `None` if `open` would refuse it.
    fn parse(text: &str) -> Option<Self> {
        let mut flags = 0;
        for letter in text.bytes() {
            let flag = 1 << LETTERS.iter().position(|known| *known == letter)?;
            if flags & flag != 0 {
                return None;
            }
            flags |= flag;
        }
        let has = |wanted: u8| flags & wanted != 0;
        let is_both = has(TEXT) && has(BINARY);
        let n_ways = [READ | UNIVERSAL, WRITE, CREATE, APPEND].into_iter().filter(|way| has(*way)).count();
        (!is_both && n_ways == 1).then_some(Self(flags))
    }

    fn reduced(self) -> Self {
        let flags = self.0 & !(TEXT | UNIVERSAL);
        if flags & (BINARY | PLUS) == 0 {
            Self(flags & !READ)
        } else if flags & (WRITE | CREATE | APPEND) == 0 {
            Self(flags | READ)
        } else {
            Self(flags)
        }
    }

    fn letters(self) -> String {
        let is_set = |(index, _): &(usize, &u8)| self.0 & (1 << index) != 0;
        LETTERS.iter().enumerate().filter(is_set).map(|(_, letter)| char::from(*letter)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_reduced() {
        for (before, after) in [
            ("r", ""),
            ("rt", ""),
            ("U", ""),
            ("Ur", ""),
            ("Ub", "rb"),
            ("rUb", "rb"),
            ("wt", "w"),
            ("tw", "w"),
            ("r+", "r+"),
            ("r+t", "r+"),
            ("ab", "ab"),
            ("x", "x"),
            ("Ut+", "r+"),
        ] {
            assert_eq!(Mode::parse(before).unwrap().reduced().letters(), after, "{before}");
        }
        for refused in ["", "rr", "rw", "tb", "b", "Uw", "z", "é"] {
            assert!(Mode::parse(refused).is_none(), "{refused}");
        }
    }
}
