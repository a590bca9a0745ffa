//! `B033`: a set with an element twice.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use std::collections::HashMap;

use super::generator::{canonical, generated};
use super::number::Number;
use super::string_value::is_constant_string;
use super::syntax::{code_children, has_comment_at, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds literals that stand more than once in a set display (ruff's `duplicate-value`). `1`, `1.0` and
    /// `True` are one and the same element.
    ///
    /// ## Why is this bad?
    /// A set keeps one of equal elements; perhaps another value was meant.
    ///
    /// ## Example
    /// ```python
    /// vowels = {"a", "e", "i", "o", "a"}
    /// ```
    /// Use instead:
    /// ```python
    /// vowels = {"a", "e", "i", "o"}
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment.
    pub struct DuplicateValue;
}

static META: Meta = Meta {
    id: "B033",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds elements that stand in a set display twice.",
    docs: DuplicateValue::MANUAL,
};

impl Rule for DuplicateValue {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["set"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let elements: Vec<Node<'t>> = code_children(node).collect();
        let mut seen = HashMap::new();
        for (index, element) in elements.iter().enumerate() {
            let literal = without_parentheses(*element);
            let Some(key) = key_of(file, literal) else { continue };
            let Some(existing) = seen.insert(key, literal) else { continue };
            let message = message(&spelled(file, literal), &spelled(file, existing));
            let fix = fix(file, node, &elements, index);
            out.push(Finding::new(&META, literal.byte_range(), message).with_fix(fix));
        }
    }
}

/// A text that equal literals share; `None` for what is no literal.
fn key_of(file: &ParsedFile<'_>, literal: Node<'_>) -> Option<String> {
    match literal.kind() {
        "true" => Some("1".to_owned()),
        "false" => Some("0".to_owned()),
        "none" | "ellipsis" => Some(file.text(literal).into_owned()),
        "integer" | "float" => Number::parse(&file.text(literal)).map(|number| number.key()),
        _ if is_constant_string(file, literal) => {
            Some(canonical(file, literal).unwrap_or_else(|| file.text(literal).into_owned()))
        }
        _ => None,
    }
}

fn spelled(file: &ParsedFile<'_>, literal: Node<'_>) -> String {
    generated(file, literal).unwrap_or_else(|| file.text(literal).into_owned())
}

fn message(value: &str, existing: &str) -> String {
    if value == existing {
        format!("Sets should not contain duplicate item `{value}`")
    } else {
        format!("Sets should not contain duplicate items, but `{existing}` and `{value}` has the same value")
    }
}

/// Removes the element with the comma behind it, or the one before it if it is the last.
fn fix(file: &ParsedFile<'_>, set: Node<'_>, elements: &[Node<'_>], index: usize) -> Option<Fix> {
    let element = elements[index];
    let comma_after =
        |at: usize| file.tokens_in(at..set.end_byte()).first().filter(|comma| comma.kind() == ",");
    let range = if index + 1 < elements.len() {
        let comma = comma_after(element.end_byte())?.end_byte();
        let rest = &file.bytes[comma..set.end_byte()];
        let n_blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c' | b'\r' | b'\n'));
        element.start_byte()..comma + n_blanks.count()
    } else {
        comma_after(elements.get(index.checked_sub(1)?)?.end_byte())?.start_byte()..element.end_byte()
    };
    let edits = vec![Edit::delete(range.clone())];
    Some(if has_comment_at(file, &range) { Fix::unsafe_(edits) } else { Fix::safe(edits) })
}
