//! `W605`: `"\d"`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::literal_types::{has_letter, prefix_of};
use super::padding::pad_start;

rule_type! {
    /// ## What it does
    /// Finds backslashes in strings that escape nothing (ruff's `invalid-escape-sequence`).
    ///
    /// ## Why is this bad?
    /// Python keeps such a backslash, but warns since 3.6 and will refuse it one day. The reader has to know
    /// which escapes exist to know what the string says.
    ///
    /// ## Example
    /// ```python
    /// pattern = re.compile("\d+\.png")
    /// ```
    /// Use instead:
    /// ```python
    /// pattern = re.compile(r"\d+\.png")
    /// ```
    ///
    /// ## Fix safety
    /// Safe: a string without other escapes becomes a raw string, in others the backslash is doubled. The text
    /// stays the same.
    pub struct InvalidEscapeSequence;
}

static META: Meta = Meta {
    id: "W605",
    origin: "ruff",
    category: Category::Bug,
    languages: &[Language::Python],
    level: Level::Warning,
    summary: "Finds backslashes in strings that escape nothing.",
    docs: InvalidEscapeSequence::MANUAL,
};

impl Rule for InvalidEscapeSequence {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["string"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let prefix = prefix_of(file, node);
        if has_letter(prefix, b'r') || !file.bytes_of(node.byte_range()).contains(&b'\\') {
            return;
        }
        let mut escapes = Escapes::default();
        for range in text_ranges(node) {
            escapes.read(file, range);
        }
        for (range, character) in &escapes.invalid {
            let edit = if escapes.has_valid {
                Edit::insert(range.start + 1, "\\")
            } else if has_letter(prefix, b'u') {
                Edit::replace(node.start_byte()..node.start_byte() + 1, "r")
            } else {
                Edit::insert(node.start_byte(), pad_start(file, node.start_byte(), "r".to_owned()))
            };
            let message = format!("Invalid escape sequence: `\\{character}`");
            let finding = Finding::new(&META, range.clone(), message);
            out.push(finding.with_fix(Fix::safe(vec![edit])));
        }
    }
}

/// The text of a string: all of it, or of an f-string what lies between the fields and in their formats.
fn text_ranges(string: Node<'_>) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = string.start_byte();
    let mut cursor = string.walk();
    for field in string.named_children(&mut cursor).filter(|child| child.kind() == "interpolation") {
        ranges.push(from..field.start_byte());
        from = field.end_byte();
        let mut within = field.walk();
        let format = field.named_children(&mut within).find(|child| child.kind() == "format_specifier");
        if let Some(format) = format {
            let mut from = format.start_byte();
            let mut nested = format.walk();
            for field in format.named_children(&mut nested) {
                ranges.push(from..field.start_byte());
                from = field.end_byte();
            }
            ranges.push(from..format.end_byte());
        }
    }
    ranges.push(from..string.end_byte());
    ranges
}

/// The escapes of one string.
#[derive(Default)]
struct Escapes {
    has_valid: bool,
    /// Each backslash with the character behind it.
    invalid: Vec<(Range<usize>, char)>,
}

impl Escapes {
    fn read(&mut self, file: &ParsedFile<'_>, range: Range<usize>) {
        let mut at = range.start;
        while let Some(step) = file.bytes[at..range.end].iter().position(|&byte| byte == b'\\') {
            at += step;
            let Some(character) = character_at(file.bytes, at + 1) else { return };
            if is_escape(character) {
                self.has_valid = true;
            } else {
                self.invalid.push((at..at + 1 + character.len_utf8(), character));
            }
            // A brace opens the field behind, and a second backslash is escaped by the first.
            at = (at + 1 + usize::from(character == '\\')).min(range.end);
        }
    }
}

/// `None` at the end of the file, and for what is not UTF-8.
fn character_at(bytes: &[u8], at: usize) -> Option<char> {
    let text = bytes.get(at..bytes.len().min(at + 4))?;
    let valid = text.utf8_chunks().next()?.valid();
    valid.chars().next()
}

fn is_escape(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\\' | '\'' | '"' | '0'..='7')
        || matches!(character, 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'N' | 'u' | 'U')
}
