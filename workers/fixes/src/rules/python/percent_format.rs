//! `UP031`: `"%s" % value`.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::code_style::indentation_unit;
use super::identifier::is_name;
use super::lines::{has_line_break, indentation};
use super::literal_types::{LiteralType, has_letter, prefix_of, string_parts};
use super::printf_template::{self, Conversion, Piece, Precision, Quantity};
use super::quoted_expressions::check_quoted_too;
use super::string_value::text_of;
use super::syntax::{StringLiteral, code_children, is_sound_python3, utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds strings that are formatted by the `%` operator (ruff's `printf-string-formatting`).
    ///
    /// ## Why is this bad?
    /// The operator treats tuples and dictionaries unlike all other values, and its conversions are a language
    /// of their own. `str.format` and f-strings say what is printed where.
    ///
    /// ## Example
    /// ```python
    /// print("%s of %s" % (done, total))
    /// ```
    /// Use instead:
    /// ```python
    /// print("{} of {}".format(done, total))
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: for `"%s" % value` the value could be a tuple, which `%` takes apart and `format` does not. There
    /// is no fix where `format` cannot say the same: `%d`, `%i`, `%u` and `%c`, a width or precision that a
    /// value gives, keys that are no names.
    pub struct PercentFormat;
}

static META: Meta = Meta {
    id: "UP031",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds strings that are formatted by the `%` operator.",
    docs: PercentFormat::MANUAL,
};

const MESSAGE: &str = "Use format specifiers instead of percent format";

/// Expressions of more bytes are found but not rewritten: each fix copies all of one, and they may nest.
const MAX_REWRITTEN_LEN: usize = 1 << 14;

impl Rule for PercentFormat {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_operator", "type"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        check_quoted_too(file, node, &["binary_operator"], &["%"], out, |file, operation, out| {
            out.extend(Formatting::of(file, operation).and_then(|formatting| formatting.check(file)));
        });
    }
}

/// `"…" % value`, taken apart.
struct Formatting<'t> {
    operation: Node<'t>,
    /// The operand on the left, as written.
    left: Node<'t>,
    template: Node<'t>,
    /// Without parentheses.
    value: Node<'t>,
}

impl<'t> Formatting<'t> {
    fn of(file: &ParsedFile<'t>, operation: Node<'t>) -> Option<Self> {
        let operator = operation.child_by_field_name("operator").filter(|operator| operator.kind() == "%")?;
        let left =
            operation.child_by_field_name("left").filter(|left| left.end_byte() <= operator.start_byte())?;
        let template = without_parentheses(left);
        let value = without_parentheses(operation.child_by_field_name("right")?);
        let is_text = LiteralType::of(file, template) == Some(LiteralType::Str);
        is_text.then_some(Self { operation, left, template, value })
    }

    /// `None` where ruff is silent: a template that Python refuses, a value that it does not know.
    fn check(&self, file: &ParsedFile<'t>) -> Option<Finding> {
        if !is_sound_python3(file) {
            return None;
        }
        let without_fix = || Some(Finding::new(&META, self.template.byte_range(), MESSAGE));
        let (mut n_positional, mut n_named) = (0_usize, 0_usize);
        let mut literals = Vec::new();
        for part in string_parts(self.template) {
            let literal = StringLiteral::of(file, part)?;
            let pieces = printf_template::parse(literal.content)?;
            for conversion in conversions(&pieces) {
                if !self.is_convertible(conversion) {
                    return without_fix();
                }
                *(if conversion.key.is_some() { &mut n_named } else { &mut n_positional }) += 1;
            }
            literals.push((part.byte_range(), converted(literal, &pieces)));
        }
        let arguments = match Arguments::of(file, self.value, n_positional, n_named)? {
            Arguments::One => format!("({})", utf8(file, self.value.byte_range())?),
            Arguments::Unpacked(stars) => format!("({stars}{})", utf8(file, self.value.byte_range())?),
            Arguments::Tuple => tuple_arguments(file, self.value)?,
            Arguments::Dictionary => match dictionary_arguments(file, self.value) {
                Some(arguments) => arguments,
                None => return without_fix(),
            },
        };
        let range = self.operation.byte_range();
        let fix = (range.len() <= MAX_REWRITTEN_LEN).then(|| self.fix(file, &literals, &arguments)).flatten();
        Some(Finding::new(&META, range, MESSAGE).with_fix(fix))
    }

    fn is_convertible(&self, conversion: &Conversion) -> bool {
        let from_values = conversion.width == Some(Quantity::FromValues)
            || conversion.precision == Some(Precision::Quantity(Quantity::FromValues));
        let is_hampered = match conversion.letter {
            'd' | 'i' | 'u' | 'c' => true,
            'a' | 'r' => conversion.has_modifiers(),
            's' => conversion.width.is_some(),
            _ => false,
        };
        let lacks_key = match &conversion.key {
            Some(key) => key.is_empty(),
            None => matches!(self.value.kind(), "dictionary"),
        };
        !from_values && !is_hampered && !lacks_key
    }

    /// `None` if the text around the literals cannot be copied.
    fn fix(
        &self,
        file: &ParsedFile<'t>,
        literals: &[(Range<usize>, String)],
        arguments: &str,
    ) -> Option<Fix> {
        let mut text = String::new();
        let mut copied_to = self.operation.start_byte();
        for (range, literal) in literals {
            text.push_str(utf8(file, copied_to..range.start)?);
            text.push_str(literal);
            copied_to = range.end;
        }
        // Parentheses around the template stay; what stands between it and the operator does not.
        text.push_str(utf8(file, copied_to..self.left.end_byte())?);
        text.push_str(".format");
        text.push_str(arguments);
        Some(Fix::unsafe_(vec![Edit::replace(self.operation.byte_range(), text)]))
    }
}

fn conversions(pieces: &[Piece]) -> impl Iterator<Item = &Conversion> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Conversion(conversion) => Some(conversion),
        Piece::Text(_) => None,
    })
}

/// The literal with fields in place of conversions.
fn converted(literal: StringLiteral<'_>, pieces: &[Piece]) -> String {
    let prefix = if literal.prefix.eq_ignore_ascii_case("u") { "u" } else { literal.prefix };
    let mut text = [prefix, literal.quote].concat();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => push_escaped(&mut text, plain),
            Piece::Conversion(conversion) => text.push_str(&conversion.as_field()),
        }
    }
    text.push_str(literal.quote);
    text
}

/// Doubles braces, but not those of `\N{DASH}`.
fn push_escaped(text: &mut String, plain: &str) {
    let mut rest = plain;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from_brace) = rest.split_at(at);
        text.push_str(before);
        let name_len = from_brace.find('}').filter(|len| *len > 1 && before.ends_with("\\N"));
        let len = match name_len {
            Some(len) if from_brace.starts_with('{') => {
                text.push_str(&from_brace[..=len]);
                len + 1
            }
            _ => {
                let brace = &from_brace[..1];
                text.extend([brace, brace]);
                1
            }
        };
        rest = &from_brace[len..];
    }
    text.push_str(rest);
}

/// How the value becomes arguments.
enum Arguments {
    /// As the only one.
    One,
    /// Behind these stars.
    Unpacked(&'static str),
    /// Its elements are the arguments.
    Tuple,
    /// Its entries are the arguments.
    Dictionary,
}

impl Arguments {
    fn of(file: &ParsedFile<'_>, value: Node<'_>, n_positional: usize, n_named: usize) -> Option<Self> {
        let is_template = |part: Node<'_>| has_letter(prefix_of(file, part), b't');
        Some(match value.kind() {
            "string" | "concatenated_string" if !string_parts(value).any(is_template) => Self::One,
            "integer" | "float" | "true" | "false" | "none" | "ellipsis" => Self::One,
            "identifier" | "attribute" | "subscript" | "call" => {
                if n_named > 0 {
                    Self::Unpacked("**")
                } else if n_positional > 1 {
                    Self::Unpacked("*")
                } else {
                    Self::One
                }
            }
            "tuple" => Self::Tuple,
            "dictionary" => Self::Dictionary,
            _ => return None,
        })
    }
}

/// The tuple as an argument list; a single element on one line loses its comma.
fn tuple_arguments(file: &ParsedFile<'_>, tuple: Node<'_>) -> Option<String> {
    let mut text = utf8(file, tuple.byte_range())?.to_owned();
    if code_children(tuple).count() == 1
        && !has_line_break(text.as_bytes())
        && let Some(comma) = text.rfind(',')
    {
        text.remove(comma);
    }
    Some(text)
}

/// The dictionary as an argument list. `None` without entries, and where a key is no name or comes twice.
fn dictionary_arguments(file: &ParsedFile<'_>, dictionary: Node<'_>) -> Option<String> {
    let mut arguments = Vec::new();
    let mut names = HashSet::new();
    let mut indent = None;
    for entry in code_children(dictionary) {
        if entry.kind() == "dictionary_splat" {
            let value = without_parentheses(code_children(entry).next()?);
            arguments.push(format!("**{}", utf8(file, value.byte_range())?));
            continue;
        }
        let key = without_parentheses(entry.child_by_field_name("key")?);
        let value = without_parentheses(entry.child_by_field_name("value")?);
        let name = text_of(file, key)?;
        if !is_name(&name) || names.contains(&name) {
            return None;
        }
        indent = indent.or_else(|| indentation(file.bytes, key.start_byte()));
        arguments.push(format!("{name}={}", utf8(file, value.byte_range())?));
        names.insert(name);
    }
    if arguments.is_empty() {
        return None;
    }
    if !has_line_break(file.bytes_of(dictionary.byte_range())) {
        return Some(format!("({})", arguments.join(", ")));
    }
    let indent = std::str::from_utf8(indent?).ok()?;
    let mut text = String::from("(");
    for argument in &arguments {
        text.extend(["\n", indent, argument, ","]);
    }
    text.push('\n');
    text.push_str(indent.strip_prefix(indentation_unit(file)).unwrap_or(indent));
    text.push(')');
    Some(text)
}
