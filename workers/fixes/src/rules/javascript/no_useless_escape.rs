//! `no-useless-escape`: `"\#"`.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::member_access::is_tagged_template;
use super::regex_syntax::{Class, Escape, Mode, Pattern};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds backslashes in strings, templates and regular expressions before characters that mean the same
    /// without one.
    ///
    /// ## Why is this bad?
    /// Whoever reads it has to work out that the backslash does nothing, and whether another one was meant:
    /// `"\d"` is just `"d"`.
    ///
    /// ## Example
    /// ```js
    /// const quote = "\'";
    /// const digits = /[\.\d]\:/;
    /// ```
    /// Use instead:
    /// ```js
    /// const quote = "'";
    /// const digits = /[.\d]:/;
    /// ```
    ///
    /// ## Options
    /// `allowRegexCharacters` (`[]`): characters that may be escaped in regular expressions all the same.
    ///
    /// ## Fix safety
    /// Always a suggestion, to take the backslash away: it may have been meant to be doubled.
    pub struct NoUselessEscape { options: Options }
}

/// What ESLint's configuration can say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    allow_regex_characters: Vec<String>,
}

impl NoUselessEscape {
    /// The rule without options.
    pub const DEFAULT: Self = Self { options: Options { allow_regex_characters: Vec::new() } };
}

static META: Meta = Meta {
    id: "no-useless-escape",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows backslashes before characters that mean the same without one.",
    docs: NoUselessEscape::MANUAL,
};

/// Escapes that mean something everywhere in a regular expression.
const REGEX: &str = "\\bcdDfnpPrsStvwWxu0123456789]";
/// Escapes that mean something outside of classes, too.
const REGEX_OUTSIDE: &str = "^/.$*+?[{}|()Bk";
/// Escapes that mean something in classes of the flag `v`, too.
const REGEX_SETS: &str = "q/[{}|()-";
/// Characters that must not be doubled in classes of the flag `v`.
const REGEX_DOUBLED: &str = "!#$%&*+,.:;<=>?@^`~";

impl Rule for NoUselessEscape {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["string", "template_string", "template_literal_type", "regex"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        // `string` is also the keyword of the type.
        if !node.is_named() || !file.bytes_of(node.byte_range()).contains(&b'\\') {
            return;
        }
        match node.kind() {
            "string" => check_string(file, node, out),
            "regex" => self.check_regex(file, node, out),
            _ => check_template(file, node, out),
        }
    }
}

fn report(at: usize, character: char, out: &mut Vec<Finding>) {
    let message = format!("Unnecessary escape character: \\{character}.");
    let fix = Fix::suggestion(vec![Edit::delete(at..at + 1)]);
    out.push(Finding::new(&META, at..at + 1, message).with_fix(fix));
}

/// The backslashes in `range` and the characters behind them; digits are left out.
fn escapes(file: &ParsedFile<'_>, range: Range<usize>) -> Vec<(usize, char)> {
    let text = file.text_in(range.clone());
    let mut found = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, character)) = chars.next() {
        if character == '\\'
            && let Some((_, escaped)) = chars.next()
            && !escaped.is_ascii_digit()
        {
            found.push((range.start + at, escaped));
        }
    }
    found
}

fn means_something(escaped: char) -> bool {
    matches!(
        escaped,
        '\\' | 'n' | 'r' | 'v' | 't' | 'b' | 'f' | 'u' | 'x' | '\n' | '\r' | '\u{2028}' | '\u{2029}'
    )
}

fn check_string<'t>(file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
    // JSX attributes have no escapes.
    if file.parent(node).is_some_and(|parent| parent.kind() == "jsx_attribute") {
        return;
    }
    let quote = char::from(file.bytes_of(node.byte_range()).first().copied().unwrap_or_default());
    for (at, escaped) in escapes(file, node.byte_range()) {
        if !means_something(escaped) && escaped != quote {
            report(at, escaped, out);
        }
    }
}

fn check_template<'t>(file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
    // A tag sees the backslashes.
    let is_quoted = |call: Node<'_>| call.child_by_field_name("arguments") == Some(node);
    if file.parent(node).is_some_and(|parent| is_tagged_template(parent) && is_quoted(parent)) {
        return;
    }
    let mut cursor = node.walk();
    let mut start = node.start_byte();
    let holes = node
        .children(&mut cursor)
        .filter(|child| matches!(child.kind(), "template_substitution" | "template_type"));
    let mut ranges = Vec::new();
    for hole in holes {
        ranges.push(start..hole.start_byte());
        start = hole.end_byte();
    }
    ranges.push(start..node.end_byte());
    let byte = |at: usize| file.bytes.get(at).copied();
    for (at, escaped) in ranges.into_iter().flat_map(|range| escapes(file, range)) {
        let is_useless = match escaped {
            '`' => false,
            '$' => byte(at + 2) != Some(b'{'),
            '{' => at.checked_sub(1).and_then(byte) != Some(b'$'),
            _ => !means_something(escaped),
        };
        if is_useless {
            report(at, escaped, out);
        }
    }
}

impl NoUselessEscape {
    fn check_regex(&self, file: &ParsedFile<'_>, node: Node<'_>, out: &mut Vec<Finding>) {
        let Ok(text) = std::str::from_utf8(file.bytes_of(node.byte_range())) else { return };
        let parts = text.strip_prefix('/').and_then(|text| text.rsplit_once('/'));
        let Some((text, flags)) = parts else { return };
        let Some(mode) = Mode::of(flags) else { return };
        let Some(pattern) = Pattern::read(text, mode) else { return };
        let is_allowed = |escape: &Escape| {
            let allowed = &self.options.allow_regex_characters;
            allowed.iter().any(|allowed| allowed.chars().eq([escape.character]))
        };
        for escape in &pattern.escapes {
            let class = escape.class.and_then(|at| pattern.classes.get(at));
            if !is_allowed(escape) && is_useless(text, escape, class, mode) {
                report(node.start_byte() + 1 + escape.range.start, escape.character, out);
            }
        }
    }
}

/// Whether the pattern means the same without the backslash.
fn is_useless(pattern: &str, escape: &Escape, class: Option<&Class>, mode: Mode) -> bool {
    let character = escape.character;
    let Some(class) = class else {
        return !REGEX.contains(character) && !REGEX_OUTSIDE.contains(character);
    };
    let is_sets = mode == Mode::UnicodeSets;
    let is_first = class.range.start + 1 == escape.range.start;
    if REGEX.contains(character)
        || (is_sets && REGEX_SETS.contains(character))
        || (character == '^' && is_first)
    {
        return false;
    }
    if !is_sets {
        // A hyphen at either edge of a class is no range.
        return character != '-' || is_first || escape.range.end + 1 == class.range.end;
    }
    !(REGEX_DOUBLED.contains(character) && is_doubled(pattern, escape, class))
}

/// Whether the character would stand beside its like, which the flag `v` forbids in classes.
fn is_doubled(pattern: &str, escape: &Escape, class: &Class) -> bool {
    let is_like = |at: Option<usize>| {
        at.and_then(|at| pattern.as_bytes().get(at)).is_some_and(|byte| char::from(*byte) == escape.character)
    };
    let before = escape.range.start.checked_sub(1);
    if is_like(Some(escape.range.end)) {
        return true;
    }
    // The caret that negates the class is not one of its characters.
    let is_negation =
        escape.character == '^' && class.is_negated && before.is_some_and(|at| at <= class.range.start + 1);
    is_like(before) && !is_negation
}
