//! `UP012`: `"text".encode("utf-8")`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::literal_types::{LiteralType, has_letter, prefix_of, string_parts};
use super::padding::padded;
use super::quoted_expressions::check_quoted_too;
use super::string_value::text_of;
use super::syntax::{StringLiteral, code_children, is_sound_python3, utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds calls of `encode` on a string literal that ask for UTF-8 (ruff's `unnecessary-encode-utf8`).
    ///
    /// ## Why is this bad?
    /// For ASCII text there is a literal of `bytes`, which costs nothing at run time. For other text UTF-8 is
    /// what `encode` uses anyway.
    ///
    /// ## Example
    /// ```python
    /// magic = "PNG".encode("utf-8")
    /// ```
    /// Use instead:
    /// ```python
    /// magic = b"PNG"
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Comments among the literals are kept; where the fix would delete one among the arguments, it does
    /// as ruff does, and the checks of this engine then hold it back.
    pub struct UnnecessaryEncode;
}

static META: Meta = Meta {
    id: "UP012",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds calls of `encode` that a `bytes` literal replaces, or that name UTF-8 without need.",
    docs: UnnecessaryEncode::MANUAL,
};

/// Names of UTF-8, in lower case.
const UTF8: &[&str] = &["utf-8", "utf8", "utf_8", "u8", "utf", "cp65001"];

impl Rule for UnnecessaryEncode {
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
        check_quoted_too(file, node, &["call"], &[".encode"], out, |file, call, out| {
            out.extend(check_call(file, call));
        });
    }
}

fn check_call(file: &ParsedFile<'_>, call: Node<'_>) -> Option<Finding> {
    let function = call.child_by_field_name("function").filter(|function| function.kind() == "attribute")?;
    let method = function.child_by_field_name("attribute")?;
    if file.bytes_of(method.byte_range()) != b"encode" {
        return None;
    }
    let object = without_parentheses(function.child_by_field_name("object")?);
    let arguments = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list")?;
    let is_text = LiteralType::of(file, object) == Some(LiteralType::Str);
    if !is_text && !is_f_string(file, object) {
        return None;
    }
    let names_encoding = names_utf8(file, arguments)?;
    if is_text {
        if has_text_only_escape(file, object) {
            return None;
        }
        if text_of(file, object)?.is_ascii() {
            let fix = is_sound_python3(file).then(|| bytes_literal(file, call, function, object))?;
            let finding = Finding::new(&META, call.byte_range(), "Unnecessary call to `encode` as UTF-8");
            return Some(finding.with_fix(fix));
        }
    }
    if !names_encoding || !is_sound_python3(file) {
        return None;
    }
    let fix = Fix::safe(vec![Edit::replace(arguments.byte_range(), "()")]);
    let message = "Unnecessary UTF-8 `encoding` argument to `encode`";
    Some(Finding::new(&META, call.byte_range(), message).with_fix(fix))
}

fn is_f_string(file: &ParsedFile<'_>, object: Node<'_>) -> bool {
    matches!(object.kind(), "string" | "concatenated_string")
        && string_parts(object).any(|part| has_letter(prefix_of(file, part), b'f'))
        && !string_parts(object).any(|part| has_letter(prefix_of(file, part), b't'))
}

/// Whether the arguments name UTF-8: `Some(false)` if there are none, `None` if they say something else.
fn names_utf8(file: &ParsedFile<'_>, arguments: Node<'_>) -> Option<bool> {
    let mut arguments = code_children(arguments);
    let Some(argument) = arguments.next() else { return Some(false) };
    if arguments.next().is_some() {
        return None;
    }
    let value = if argument.kind() == "keyword_argument" {
        let name = argument.child_by_field_name("name")?;
        (file.bytes_of(name.byte_range()) == b"encoding").then(|| argument.child_by_field_name("value"))??
    } else {
        argument
    };
    let encoding = text_of(file, value)?.to_lowercase();
    UTF8.contains(&encoding.as_str()).then_some(true)
}

/// Whether a literal has an escape that `bytes` does not know.
fn has_text_only_escape(file: &ParsedFile<'_>, string: Node<'_>) -> bool {
    string_parts(string)
        .filter_map(|part| StringLiteral::of(file, part))
        .any(|literal| !literal.is_raw() && has_text_only_escape_in(literal.content))
}

fn has_text_only_escape_in(content: &str) -> bool {
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at + 1..];
        let len = match rest.bytes().next() {
            Some(b'N' | b'u' | b'U') => return true,
            Some(b'0'..=b'7') => {
                let len = rest.bytes().take(3).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
                if u8::from_str_radix(&rest[..len], 8).is_err() {
                    return true;
                }
                len
            }
            _ => rest.chars().next().map_or(0, char::len_utf8),
        };
        rest = &rest[len..];
    }
    false
}

/// The literals as `bytes`, with all that stands around them before the dot.
fn bytes_literal(file: &ParsedFile<'_>, call: Node<'_>, function: Node<'_>, object: Node<'_>) -> Option<Fix> {
    let dot = function.children(&mut function.walk()).find(|child| child.kind() == ".")?.start_byte();
    let mut text = String::new();
    let mut copied_to = call.start_byte();
    for part in string_parts(object) {
        text.push_str(utf8(file, copied_to..part.start_byte())?);
        text.push('b');
        let literal = utf8(file, part.byte_range())?;
        text.push_str(literal.trim_start_matches('u').trim_start_matches('U'));
        copied_to = part.end_byte();
    }
    let end = function.child_by_field_name("object")?.end_byte();
    text.push_str(utf8(file, copied_to..end)?);
    let gap = utf8(file, end..dot)?;
    text.push_str(&gap[..kept_len(gap.as_bytes())]);
    let range = call.byte_range();
    let text = padded(file, &range, text);
    Some(Fix::safe(vec![Edit::replace(range, text)]))
}

/// How much of the white space before a dot is kept: up to the last comment or line break. A line break behind
/// a backslash is none.
fn kept_len(gap: &[u8]) -> usize {
    let (mut kept, mut at) = (0, 0);
    while let Some(byte) = gap.get(at) {
        match byte {
            b'\\' => at += if gap[at + 1..].starts_with(b"\r\n") { 3 } else { 2 },
            b'#' => {
                at += gap[at..].iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
                kept = at;
            }
            b'\r' | b'\n' => {
                at += 1;
                kept = at;
            }
            _ => at += 1,
        }
    }
    kept
}
