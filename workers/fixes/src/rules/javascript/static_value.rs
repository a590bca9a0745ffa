//! The values of literals, and what JavaScript makes of them: as text, as property names, in comparisons.

use std::borrow::Cow;
use std::cmp::Ordering;

use tree_sitter::Node;

use super::syntax::{first_named_child, identifier_name, string_value, unescape, without_parens};
use crate::source::ParsedFile;

/// The value of a literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Number(f64),
    /// Its digits in decimal with a sign, or as they are written where they are too many.
    BigInt(String),
    Text(String),
    /// As it is written.
    Regex(String),
}

/// The value of the literal `node`; `None` for anything else, a template included.
pub(super) fn literal_value(file: &ParsedFile<'_>, node: Node<'_>) -> Option<Value> {
    Some(match node.kind() {
        "null" => Value::Null,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        "string" => Value::Text(string_value(file, node)?.into_owned()),
        "regex" => Value::Regex(file.text(node).into_owned()),
        "number" => numeric_value(&file.text(node)),
        _ => return None,
    })
}

/// Whether `node` is what ESTree calls a literal.
pub(super) fn is_literal(node: Node<'_>) -> bool {
    matches!(node.kind(), "null" | "true" | "false" | "string" | "regex" | "number")
}

/// Whether `node` is a template without `${}`.
pub(super) fn is_static_template(node: Node<'_>) -> bool {
    if node.kind() != "template_string" {
        return false;
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).all(|child| child.kind() != "template_substitution")
}

/// The text of a template without `${}`, its escapes resolved.
pub(super) fn static_template_text<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Option<Cow<'t, str>> {
    let range = node.byte_range();
    if range.len() < 2 || !is_static_template(node) {
        return None;
    }
    let text = std::str::from_utf8(file.bytes.get(range.start + 1..range.end - 1)?).ok()?;
    let text = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if text.contains('\\') { unescape(&text).map(Cow::Owned) } else { Some(text) }
}

/// What a literal or a template without `${}` is as text: `"1"` for `1.0`.
pub(super) fn static_text<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Option<Cow<'t, str>> {
    match node.kind() {
        "string" => string_value(file, node),
        "template_string" => static_template_text(file, node),
        _ => literal_value(file, node).map(|value| Cow::Owned(value.to_text())),
    }
}

/// The name of the property that `member` (`a.b` or `a["b"]`) means, if it is written out.
pub(super) fn property_name<'t>(file: &ParsedFile<'t>, member: Node<'_>) -> Option<Cow<'t, str>> {
    match member.kind() {
        "member_expression" => {
            let property = member.child_by_field_name("property")?;
            (property.kind() == "property_identifier").then(|| identifier_name(file, property))
        }
        "subscript_expression" => static_text(file, without_parens(member.child_by_field_name("index")?)),
        _ => None,
    }
}

/// Whether `node` is `a.b` or `a["b"]`.
pub(super) fn is_member(node: Node<'_>) -> bool {
    matches!(node.kind(), "member_expression" | "subscript_expression")
}

/// Whether `node` is a name in the place of an expression.
pub(super) fn is_identifier(node: Node<'_>) -> bool {
    matches!(node.kind(), "identifier" | "undefined")
}

/// Longer chains of accesses and calls are not looked through: each link of one may ask about all before it.
pub(super) const MAX_LINKS: usize = 100;

/// Whether a link of the chain of accesses and calls that ends with `node` is optional: `a?.b.c`. Parentheses
/// start a chain of their own. Of more than [`MAX_LINKS`], it is taken for granted.
pub(super) fn holds_optional_link(node: Node<'_>) -> bool {
    let mut link = node;
    for _ in 0..MAX_LINKS {
        let next = match link.kind() {
            "member_expression" | "subscript_expression" => link.child_by_field_name("object"),
            "call_expression" => link.child_by_field_name("function"),
            "non_null_expression" if link != node => first_named_child(link),
            _ => return false,
        };
        if is_optional(link) {
            return true;
        }
        match next {
            Some(next) => link = next,
            None => return false,
        }
    }
    true
}

/// Whether the access or call itself is written with `?.`.
pub(super) fn is_optional(link: Node<'_>) -> bool {
    let mut cursor = link.walk();
    link.children(&mut cursor).any(|child| matches!(child.kind(), "?." | "optional_chain"))
}

/// Whether `operand`, written in parentheses, is an optional chain of its own: `(a?.b).c`.
pub(super) fn is_closed_chain(operand: Node<'_>) -> bool {
    operand.kind() == "parenthesized_expression" && holds_optional_link(without_parens(operand))
}

impl Value {
    /// What `String()` makes of it.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => number_text(*value),
            Self::BigInt(text) | Self::Text(text) | Self::Regex(text) => text.clone(),
        }
    }

    /// What `Number()` makes of it.
    fn to_number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Boolean(value) => f64::from(u8::from(*value)),
            Self::Number(value) => *value,
            Self::BigInt(text) | Self::Text(text) | Self::Regex(text) => text_to_number(text),
        }
    }

    /// The value with a `-` before it, if it is a number.
    pub(super) fn negated(&self) -> Option<Self> {
        match self {
            Self::Number(value) => Some(Self::Number(-value)),
            Self::BigInt(text) => Some(Self::BigInt(format!("-{text}"))),
            _ => None,
        }
    }

    /// What `self <= other` says.
    pub(super) fn is_at_most(&self, other: &Self) -> bool {
        let order = match (self, other) {
            (Self::Text(left) | Self::Regex(left), Self::Text(right) | Self::Regex(right)) => {
                Some(left.encode_utf16().cmp(right.encode_utf16()))
            }
            _ => self.to_number().partial_cmp(&other.to_number()),
        };
        order.is_some_and(Ordering::is_le)
    }
}

/// The value of a numeric literal.
fn numeric_value(literal: &str) -> Value {
    let digits = literal.replace('_', "");
    if let Some(digits) = digits.strip_suffix('n') {
        let (radix, digits) = split_radix(digits).unwrap_or((10, digits));
        let value = u128::from_str_radix(digits, radix);
        return Value::BigInt(value.map_or_else(|_| digits.to_owned(), |value| value.to_string()));
    }
    if let Some((radix, digits)) = split_radix(&digits) {
        return Value::Number(whole_number(digits, radix).unwrap_or(f64::NAN));
    }
    let is_legacy_octal = digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let value = if is_legacy_octal { whole_number(&digits, 8) } else { digits.parse().ok() };
    Value::Number(value.unwrap_or(f64::NAN))
}

/// Takes `0x`, `0o` or `0b` off.
fn split_radix(digits: &str) -> Option<(u32, &str)> {
    let radix = match digits.get(..2)? {
        "0x" | "0X" => 16,
        "0o" | "0O" => 8,
        "0b" | "0B" => 2,
        _ => return None,
    };
    Some((radix, &digits[2..]))
}

fn whole_number(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits
        .chars()
        .try_fold(0.0, |value, digit| Some(value * f64::from(radix) + f64::from(digit.to_digit(radix)?)))
}

/// What `Number()` makes of a text.
fn text_to_number(text: &str) -> f64 {
    let text = text.trim_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
    if text.is_empty() {
        return 0.0;
    }
    if let Some((radix, digits)) = split_radix(text) {
        return whole_number(digits, radix).unwrap_or(f64::NAN);
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}

/// A number as JavaScript writes it.
fn number_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_as_javascript_does() {
        for (literal, wanted) in [
            ("1.0", "1"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0b1_1", "3"),
            ("017", "15"),
            ("089", "89"),
            (".5", "0.5"),
            ("5.e1", "50"),
            ("1e21", "1e+21"),
            ("1e-7", "1e-7"),
            ("1e999", "Infinity"),
            ("0x1Fn", "31"),
        ] {
            assert_eq!(numeric_value(literal).to_text(), wanted, "{literal}");
        }
    }

    #[test]
    fn values_are_compared_as_javascript_does() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert!(text("a").is_at_most(&text("b")) && !text("b").is_at_most(&text("a")));
        assert!(text("10").is_at_most(&text("9")) && !text("10").is_at_most(&Value::Number(9.0)));
        assert!(!text("a").is_at_most(&Value::Number(1.0)) && !Value::Number(1.0).is_at_most(&text("a")));
        assert!(Value::Null.is_at_most(&Value::Boolean(false)) && text(" ").is_at_most(&Value::Null));
        assert!(!text("inf").is_at_most(&text("0").negated().unwrap_or(Value::Number(f64::NAN))));
    }
}
