//! Literals: what type they are of, and what a string says once its escapes are read.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{StringLiteral, code_children, without_parentheses};

/// The types that have literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LiteralType {
    /// `''`
    Str,
    /// `b''`
    Bytes,
    /// `1`
    Int,
    /// `1.0`
    Float,
    /// `1j`
    Complex,
    /// `True`
    Bool,
}

impl LiteralType {
    /// The type of the literal that `node` is; f-strings and template strings are none.
    #[must_use]
    pub(super) fn of(file: &ParsedFile<'_>, node: Node<'_>) -> Option<Self> {
        let is_imaginary = || {
            file.bytes_of(node.byte_range()).ends_with(b"j")
                || file.bytes_of(node.byte_range()).ends_with(b"J")
        };
        match node.kind() {
            "integer" if is_imaginary() && !is_hexadecimal(file, node) => Some(Self::Complex),
            "integer" => Some(Self::Int),
            "float" if is_imaginary() => Some(Self::Complex),
            "float" => Some(Self::Float),
            "true" | "false" => Some(Self::Bool),
            "string" | "concatenated_string" => Self::of_strings(file, node),
            _ => None,
        }
    }

    fn of_strings(file: &ParsedFile<'_>, node: Node<'_>) -> Option<Self> {
        let mut prefixes = string_parts(node).map(|part| prefix_of(file, part));
        let first = prefixes.next()?;
        let is_interpolated = |prefix: &[u8]| has_letter(prefix, b'f') || has_letter(prefix, b't');
        if is_interpolated(first) || prefixes.any(is_interpolated) {
            return None;
        }
        Some(if has_letter(first, b'b') { Self::Bytes } else { Self::Str })
    }

    /// The type called `name`.
    #[must_use]
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Str, Self::Bytes, Self::Int, Self::Float, Self::Complex, Self::Bool]
            .into_iter()
            .find(|literal_type| literal_type.name() == name)
    }

    /// The builtin that the type is.
    #[must_use]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::Int => "int",
            Self::Float => "float",
            Self::Complex => "complex",
            Self::Bool => "bool",
        }
    }
}

/// In `0x1j` there is no imaginary unit: it is no number at all, and `0xJ` cannot be one.
fn is_hexadecimal(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    let text = file.bytes_of(node.byte_range());
    text.starts_with(b"0x") || text.starts_with(b"0X")
}

/// The literals that make the string `node`: itself, or those written one after the other.
pub(super) fn string_parts<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let parts: Vec<Node<'t>> =
        if node.kind() == "concatenated_string" { code_children(node).collect() } else { vec![node] };
    parts.into_iter()
}

/// The letters before the quote of the literal `string`.
#[must_use]
pub(crate) fn prefix_of<'t>(file: &ParsedFile<'t>, string: Node<'_>) -> &'t [u8] {
    let opening = string.child(0).map(|start| file.bytes_of(start.byte_range())).unwrap_or_default();
    let len = opening.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    &opening[..len]
}

/// Whether `prefix` has `letter` in any case.
#[must_use]
pub(crate) fn has_letter(prefix: &[u8], letter: u8) -> bool {
    prefix.iter().any(|byte| byte.eq_ignore_ascii_case(&letter))
}

/// What the string `node` says, parentheses around it apart. `None` for `bytes`, f-strings, what is no string,
/// and names of characters.
#[must_use]
pub(super) fn string_value(file: &ParsedFile<'_>, node: Node<'_>) -> Option<String> {
    let node = without_parentheses(node);
    if LiteralType::of(file, node) != Some(LiteralType::Str) {
        return None;
    }
    let mut value = String::new();
    for part in string_parts(node) {
        let literal = StringLiteral::of(file, part)?;
        if literal.is_raw() {
            value.push_str(literal.content);
        } else {
            unescape(literal.content, &mut value)?;
        }
    }
    Some(value)
}

fn unescape(content: &str, value: &mut String) -> Option<()> {
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(first) = rest.chars().next() else { break };
        let simple = match first {
            '\\' | '\'' | '"' => Some(first),
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            _ => None,
        };
        let n_digits = |radix: u32, max: usize, from: usize| {
            let digits = rest.get(from..).unwrap_or_default().chars().take(max);
            digits.take_while(|digit| digit.is_digit(radix)).count()
        };
        let (len, character) = match first {
            '\n' => (1, None),
            '\r' => (if rest.starts_with("\r\n") { 2 } else { 1 }, None),
            '0'..='7' => {
                let len = n_digits(8, 3, 0);
                (len, character(rest.get(..len)?, 8))
            }
            'x' | 'u' | 'U' => {
                let wanted = if first == 'x' {
                    2
                } else if first == 'u' {
                    4
                } else {
                    8
                };
                let len = n_digits(16, wanted, 1);
                (1 + len, character(rest.get(1..1 + len)?, 16))
            }
            'N' => return None,
            _ if simple.is_some() => (1, simple),
            _ => {
                value.push('\\');
                (0, None)
            }
        };
        value.extend(character);
        rest = rest.get(len..)?;
    }
    value.push_str(rest);
    Some(())
}

/// The character of that code; half of a surrogate pair is none.
fn character(digits: &str, radix: u32) -> Option<char> {
    let code = u32::from_str_radix(digits, radix).ok()?;
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    fn with_expression<T>(text: &str, look: impl FnOnce(&ParsedFile<'_>, Node<'_>) -> T) -> T {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let statement = code_children(tree.root_node()).next().unwrap();
        look(&file, code_children(statement).next().unwrap())
    }

    #[test]
    fn literals_have_types() {
        for (text, wanted) in [
            ("1", Some("int")),
            ("0x1F", Some("int")),
            ("1_0", Some("int")),
            ("1.5", Some("float")),
            ("1e3", Some("float")),
            ("1j", Some("complex")),
            ("1.5J", Some("complex")),
            ("True", Some("bool")),
            ("u''", Some("str")),
            ("r'' ''", Some("str")),
            ("b''", Some("bytes")),
            ("Rb'' b''", Some("bytes")),
            ("'' f''", None),
            ("t''", None),
            ("None", None),
            ("a", None),
        ] {
            let found = with_expression(text, LiteralType::of);
            assert_eq!(found.map(LiteralType::name), wanted, "{text}");
        }
    }

    #[test]
    fn escapes_are_read() {
        let value = |text: &str| with_expression(text, string_value);
        assert_eq!(value(r"'a\x41\101\u0041\U00000041\n\d'").as_deref(), Some("aAAAA\n\\d"));
        assert_eq!(value("'a\\\nb' r'\\x41'").as_deref(), Some("ab\\x41"));
        assert_eq!(value(r"('\\x41')").as_deref(), Some("\\x41"));
        assert_eq!(value(r"'\ud800'").as_deref(), Some("\u{fffd}"));
        for text in [r"'\N{DASH}'", "b'a'", "f'a'", "a"] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
