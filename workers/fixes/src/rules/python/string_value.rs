//! What a string literal stands for, and how Python's `repr` (which ruff writes) spells a value.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{StringLiteral, code_children, without_parentheses};

/// The text of a literal, or of several in a row, that make a `str`; parentheses around them do not matter.
#[must_use]
pub(super) fn text_of(file: &ParsedFile<'_>, node: Node<'_>) -> Option<String> {
    let node = without_parentheses(node);
    match node.kind() {
        "string" => value_of(&StringLiteral::of(file, node)?),
        "concatenated_string" => {
            code_children(node).map(|part| value_of(&StringLiteral::of(file, part)?)).collect()
        }
        _ => None,
    }
}

/// Whether `node` is one literal or several in a row, none with fields.
#[must_use]
pub(super) fn is_constant_string(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    let is_constant = |part: Node<'_>| {
        let opening = part.child(0).map(|opening| file.bytes_of(opening.byte_range())).unwrap_or_default();
        !opening.iter().any(|byte| matches!(byte.to_ascii_lowercase(), b'f' | b't'))
    };
    match node.kind() {
        "string" => is_constant(node),
        "concatenated_string" => code_children(node).all(is_constant),
        _ => false,
    }
}

/// The text of a literal that makes a `str`; `None` if it makes something else or its value is not known
/// (names of characters are not looked up).
#[must_use]
pub(super) fn value_of(literal: &StringLiteral<'_>) -> Option<String> {
    (!literal.is_bytes() && !literal.is_interpolated()).then(|| decoded(literal, literal.content))?
}

/// The value of `content`, text of an interpolated literal or of one that makes a `str` or `bytes`.
/// The bytes of a `bytes` literal are the characters up to U+00FF.
#[must_use]
pub(super) fn decoded(literal: &StringLiteral<'_>, content: &str) -> Option<String> {
    let mut text = Decoder { value: String::new(), literal: *literal };
    let mut rest = content;
    while let Some(first) = rest.chars().next() {
        rest = text.read(first, &rest[first.len_utf8()..])?;
    }
    Some(text.value)
}

struct Decoder<'s> {
    value: String,
    literal: StringLiteral<'s>,
}

impl Decoder<'_> {
    /// Takes one character or escape and says what is left to read.
    fn read<'r>(&mut self, first: char, rest: &'r str) -> Option<&'r str> {
        match first {
            '\r' => {
                self.value.push('\n');
                return Some(rest.strip_prefix('\n').unwrap_or(rest));
            }
            '{' | '}' if self.literal.is_interpolated() => {
                self.value.push(first);
                return Some(rest.strip_prefix(first).unwrap_or(rest));
            }
            '\\' if !self.literal.is_raw() => return self.escape(rest),
            _ => self.value.push(first),
        }
        Some(rest)
    }

    /// Takes the escape that a backslash begins.
    fn escape<'r>(&mut self, rest: &'r str) -> Option<&'r str> {
        let letter = rest.chars().next()?;
        let behind = &rest[letter.len_utf8()..];
        let simple = match letter {
            '\\' | '\'' | '"' => letter,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '\n' => return Some(behind),
            '\r' => return Some(behind.strip_prefix('\n').unwrap_or(behind)),
            '0'..='7' => {
                let len = rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                return self.code(rest, len, 8);
            }
            'x' => return self.code(behind, 2, 16),
            'u' if !self.literal.is_bytes() => return self.code(behind, 4, 16),
            'U' if !self.literal.is_bytes() => return self.code(behind, 8, 16),
            'N' if !self.literal.is_bytes() => return None,
            _ => {
                self.value.push('\\');
                letter
            }
        };
        self.value.push(simple);
        Some(behind)
    }

    /// Takes the digits of a character's number.
    fn code<'r>(&mut self, rest: &'r str, len: usize, radix: u32) -> Option<&'r str> {
        let digits = rest.get(..len)?;
        if !digits.chars().all(|digit| digit.is_digit(radix)) {
            return None;
        }
        let code = u32::from_str_radix(digits, radix).ok()?;
        let is_surrogate = (0xD800..=0xDFFF).contains(&code);
        self.value.push(if is_surrogate { char::REPLACEMENT_CHARACTER } else { char::from_u32(code)? });
        Some(&rest[len..])
    }
}

/// The quote that `repr` takes around `value`: the preferred one, unless only the other needs no escape.
#[must_use]
pub(super) fn quote_for(value: &str, preferred: char) -> char {
    let other = if preferred == '\'' { '"' } else { '\'' };
    if value.contains(preferred) && !value.contains(other) { other } else { preferred }
}

/// What stands between quotes for `value`.
#[must_use]
pub(super) fn escaped(value: &str, quote: char, is_bytes: bool) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            '\x20'..='\x7e' => {
                if letter == quote || letter == '\\' {
                    text.push('\\');
                }
                text.push(letter);
            }
            _ if !is_bytes && is_printable(letter) => text.push(letter),
            '\0'..='\u{ff}' => text.push_str(&format!("\\x{:02x}", u32::from(letter))),
            '\u{100}'..='\u{ffff}' => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => text.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    text
}

/// Python's `str.isprintable`, but for characters that no version of Unicode has assigned.
fn is_printable(letter: char) -> bool {
    let is_format = matches!(letter,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    let is_private = matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    !letter.is_control() && !letter.is_whitespace() && !is_format && !is_private
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        value_of(&StringLiteral::parse(text).unwrap())
    }

    #[test]
    fn escapes_are_read() {
        for (text, expected) in [
            (r"'a\n\t\\\'b'", "a\n\t\\'b"),
            (r"'\x41\u0042\U00000043\104'", "ABCD"),
            (r"'\q'", r"\q"),
            (r"r'\n'", r"\n"),
            ("'''a\r\nb'''", "a\nb"),
            ("'a\\\nb'", "ab"),
            (r"u'é'", "é"),
            (r"'\ud800'", "\u{fffd}"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [r"'\N{SNOWMAN}'", r"'\x4'", r"'\u12'", r"'\U00110000'", "b'a'", "f'a'", r"'\x+1'"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn doubled_braces_of_an_f_string_are_one() {
        let literal = StringLiteral::parse("f'{{a}}'").unwrap();
        assert_eq!(decoded(&literal, literal.content).as_deref(), Some("{a}"));
    }

    #[test]
    fn values_are_spelled_as_repr_does() {
        assert_eq!(quote_for("a", '"'), '"');
        assert_eq!(quote_for("a\"b", '"'), '\'');
        assert_eq!(quote_for("'a\"b", '"'), '"');
        assert_eq!(
            escaped("a\"\\\n\u{1}é\u{a0}\u{200b}\u{e0001}", '"', false),
            "a\\\"\\\\\\n\\x01é\\xa0\\u200b\\U000e0001"
        );
        assert_eq!(escaped("é", '"', true), "\\xe9");
    }
}
