//! The name of a property where its key tells it: `a`, `"a"`, `1`, `["a"]`.

use tree_sitter::Node;

use super::syntax::{identifier_name, named_children, string_value, without_parens};
use crate::source::ParsedFile;

/// What stands between the brackets of a computed key; any other key as it is.
pub(super) fn inner_key(key: Node<'_>) -> Node<'_> {
    match key.kind() {
        "computed_property_name" => named_children(key).next().map_or(key, without_parens),
        _ => key,
    }
}

/// The name that a key gives, if it can be known without running the program.
pub(super) fn property_name(file: &ParsedFile<'_>, key: Node<'_>) -> Option<String> {
    match key.kind() {
        "property_identifier" | "shorthand_property_identifier" => {
            Some(identifier_name(file, key).into_owned())
        }
        _ => value_as_name(file, inner_key(key)),
    }
}

/// The text of a literal as JavaScript's `String()` gives it.
fn value_as_name(file: &ParsedFile<'_>, literal: Node<'_>) -> Option<String> {
    match literal.kind() {
        "string" => string_value(file, literal).map(std::borrow::Cow::into_owned),
        "null" | "true" | "false" | "regex" => Some(file.text(literal).into_owned()),
        "number" => number_as_name(&file.text(literal)),
        "template_string" => {
            let is_plain = named_children(literal).all(|part| part.kind() == "string_fragment");
            let text = file.text(literal);
            let inner = text.strip_prefix('`')?.strip_suffix('`')?;
            is_plain.then(|| inner.to_owned())
        }
        _ => None,
    }
}

fn number_as_name(text: &str) -> Option<String> {
    let digits = text.replace('_', "").to_ascii_lowercase();
    let whole = |digits: &str, radix| u128::from_str_radix(digits, radix).ok();
    let by_prefix = |digits: &str| match digits.get(..2)? {
        "0x" => whole(&digits[2..], 16),
        "0o" => whole(&digits[2..], 8),
        "0b" => whole(&digits[2..], 2),
        _ => None,
    };
    if let Some(digits) = digits.strip_suffix('n') {
        return by_prefix(digits).or_else(|| whole(digits, 10)).map(|number| number.to_string());
    }
    #[expect(clippy::cast_precision_loss, reason = "JavaScript has no more precision")]
    let value = match by_prefix(&digits) {
        Some(number) => number as f64,
        None => digits.parse::<f64>().ok()?,
    };
    // Beyond, JavaScript writes an exponent.
    (value == 0.0 || (1e-6..1e21).contains(&value)).then(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_named_by_their_value() {
        for (text, name) in [
            ("1", Some("1")),
            ("1.50", Some("1.5")),
            ("0x1F", Some("31")),
            ("1_000", Some("1000")),
            ("10n", Some("10")),
            ("1e3", Some("1000")),
            ("1e400", None),
        ] {
            assert_eq!(number_as_name(text).as_deref(), name, "{text}");
        }
    }
}
