//! Literals: what type they are of, and what a string says once its escapes are read.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::code_children;

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
}
