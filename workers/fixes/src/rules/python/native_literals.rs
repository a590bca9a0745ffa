//! `UP018`: `int(1)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::code_style::{opening_quotes, preferred_quote};
use super::identifier::is_keyword;
use super::lines::has_line_break;
use super::literal_types::{LiteralType, has_letter, prefix_of, string_parts};
use super::names::is_builtin;
use super::operands::{binds_tighter_than_sign, parent_expression, strings_around};
use super::quoted_expressions::check_quoted_too;
use super::syntax::{code_children, has_comment_at, is_sound_python3, utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds calls of `str`, `bytes`, `int`, `float`, `bool` and `complex` on a literal of that type, or on
    /// nothing (ruff's `native-literals`).
    ///
    /// ## Why is this bad?
    /// The literal alone says the same, and costs no call.
    ///
    /// ## Example
    /// ```python
    /// retries = int(3)
    /// name = str()
    /// ```
    /// Use instead:
    /// ```python
    /// retries = 3
    /// name = ""
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where a comment in the call is deleted.
    pub struct NativeLiterals;
}

static META: Meta = Meta {
    id: "UP018",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds calls of `str`, `int` and the like on a literal of that type.",
    docs: NativeLiterals::MANUAL,
};

impl Rule for NativeLiterals {
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
        check_quoted_too(file, node, &["call"], &["("], out, |file, call, out| {
            out.extend(check_call(file, call));
        });
    }
}

fn check_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let function = call.child_by_field_name("function")?;
    let literal_type = called_type(file, function)?;
    let arguments = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list")?;
    let argument = only_argument(file, arguments, literal_type)?;
    let literal = match argument {
        None => None,
        Some(argument) => Some(Literal::of(file, argument).filter(|literal| literal.of == literal_type)?),
    };
    if !is_builtin(file, function, literal_type.name()) || !is_sound_python3(file) {
        return None;
    }
    let strings = strings_around(file, call);
    let is_f_string = |string: &&Node<'t>| has_letter(prefix_of(file, **string), b'f');
    // Within an f-string in an f-string there may be no quote left.
    if strings.iter().filter(is_f_string).count() > 1 {
        return None;
    }
    let parent = parent_expression(file, call);
    let fix = match literal {
        None => zero_fix(file, call, literal_type, parent, strings.first().copied()),
        Some(literal) => literal.fix(file, call, parent),
    };
    let message = format!("Unnecessary `{}` call (rewrite as a literal)", literal_type.name());
    Some(Finding::new(&META, call.byte_range(), message).with_fix(fix))
}

/// The type that the last name of `function` may mean.
fn called_type(file: &ParsedFile<'_>, function: Node<'_>) -> Option<LiteralType> {
    let function = without_parentheses(function);
    let name = match function.kind() {
        "identifier" => function,
        "attribute" => function.child_by_field_name("attribute")?,
        _ => return None,
    };
    LiteralType::named(&file.text(name))
}

/// The only argument, `Some(None)` if there is none, `None` if there are others.
fn only_argument<'t>(
    file: &ParsedFile<'t>,
    arguments: Node<'t>,
    literal_type: LiteralType,
) -> Option<Option<Node<'t>>> {
    let mut arguments = code_children(arguments);
    let Some(argument) = arguments.next() else { return Some(None) };
    if arguments.next().is_some() {
        return None;
    }
    if argument.kind() != "keyword_argument" {
        return Some(Some(without_parentheses(argument)));
    }
    let keyword = match literal_type {
        LiteralType::Str => "object",
        LiteralType::Complex => "real",
        _ => return None,
    };
    let name = argument.child_by_field_name("name")?;
    let value = argument.child_by_field_name("value")?;
    (file.text(name) == keyword).then_some(Some(without_parentheses(value)))
}

/// The literal that a call gets.
struct Literal<'t> {
    of: LiteralType,
    /// With its sign.
    node: Node<'t>,
    has_sign: bool,
}

impl<'t> Literal<'t> {
    fn of(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Self> {
        if node.kind() != "unary_operator" {
            return Some(Self { of: LiteralType::of(file, node)?, node, has_sign: false });
        }
        let operator = node.child_by_field_name("operator")?;
        let operand = without_parentheses(node.child_by_field_name("argument")?);
        let of = LiteralType::of(file, operand)?;
        let is_number = matches!(of, LiteralType::Int | LiteralType::Float | LiteralType::Complex);
        (is_number && matches!(operator.kind(), "+" | "-")).then_some(Self { of, node, has_sign: true })
    }

    /// `None` if the literal cannot be copied.
    fn fix(&self, file: &ParsedFile<'t>, call: Node<'t>, parent: Option<Node<'t>>) -> Option<Fix> {
        let text = utf8(file, self.node.byte_range())?;
        let spans_lines = has_line_break(text.as_bytes());
        let is_joined = self.node.kind() == "concatenated_string";
        let needs_parentheses = (spans_lines && (self.has_sign || is_joined))
            || parent.is_some_and(|parent| {
                (self.of == LiteralType::Int && parent.kind() == "attribute")
                    || (self.has_sign && binds_tighter_than_sign(file, parent))
            });
        let text = if needs_parentheses { format!("({text})") } else { text.to_owned() };
        let text = apart_from_keyword(file, call, text);
        let range = call.byte_range();
        let has_comment = has_comment_at(file, &range);
        let applicability = if has_comment { Applicability::Unsafe } else { Applicability::Safe };
        Some(Fix::new(applicability, vec![Edit::replace(range, text)]))
    }
}

/// The literal that a call without arguments makes.
fn zero_fix<'t>(
    file: &ParsedFile<'t>,
    call: Node<'t>,
    literal_type: LiteralType,
    parent: Option<Node<'t>>,
    string_around: Option<Node<'t>>,
) -> Option<Fix> {
    let quoted = |prefix: &str| {
        let quote = string_around.map_or_else(|| preferred_quote(file), |string| other_quote(file, string));
        format!("{prefix}{quote}{quote}")
    };
    let text = match literal_type {
        LiteralType::Str => quoted(""),
        LiteralType::Bytes => quoted("b"),
        LiteralType::Int if parent.is_some_and(|parent| parent.kind() == "attribute") => "(0)".to_owned(),
        LiteralType::Int => "0".to_owned(),
        LiteralType::Float => "0.0".to_owned(),
        LiteralType::Complex => "0j".to_owned(),
        LiteralType::Bool => "False".to_owned(),
    };
    let text = apart_from_keyword(file, call, text);
    Some(Fix::safe(vec![Edit::replace(call.byte_range(), text)]))
}

/// The quote that the f-string around does not use; of several literals the first one counts.
fn other_quote<'t>(file: &ParsedFile<'t>, string: Node<'t>) -> char {
    let whole = file.parent(string).filter(|around| around.kind() == "concatenated_string");
    let first = string_parts(whole.unwrap_or(string)).next().unwrap_or(string);
    if opening_quotes(file, first).starts_with(b"'") { '"' } else { '\'' }
}

/// `text` with a space behind it if a keyword follows the call: `int(1)if x else y`.
fn apart_from_keyword(file: &ParsedFile<'_>, call: Node<'_>, mut text: String) -> String {
    let behind = &file.bytes[call.end_byte()..];
    let len = behind.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if std::str::from_utf8(&behind[..len]).is_ok_and(is_keyword) {
        text.push(' ');
    }
    text
}
