//! `prefer-numeric-literals`: `parseInt("1F", 16)` instead of `0x1F`.

use std::sync::Arc;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::number_parsing::parse_int_call;
use super::static_value::{Value, literal_value, static_text};
use super::surroundings::{glues_before, glues_behind};
use super::syntax::{Token, named_children, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds calls of `parseInt` and `Number.parseInt` that read a constant in base 2, 8 or 16.
    ///
    /// ## Why is this bad?
    /// A literal with the prefix `0b`, `0o` or `0x` says the same without a call.
    ///
    /// ## Example
    /// ```js
    /// const mask = parseInt("1F", 16);
    /// ```
    /// Use instead:
    /// ```js
    /// const mask = 0x1F;
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the value is the same. There is no fix where the text holds more than the digits of its base, or
    /// a comment would be lost.
    pub struct PreferNumericLiterals;
}

static META: Meta = Meta {
    id: "prefer-numeric-literals",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires binary, octal and hexadecimal literals instead of `parseInt`.",
    docs: PreferNumericLiterals::MANUAL,
};

impl Rule for PreferNumericLiterals {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Json]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(check_call(file, node));
    }
}

fn check_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let mut arguments = named_children(call.child_by_field_name("arguments")?);
    let (Some(text), Some(radix), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return None;
    };
    let (text, radix) = (without_parens(text), without_parens(radix));
    if !matches!(text.kind(), "string" | "template_string") {
        return None;
    }
    let (base, system, prefix) = base_of(&literal_value(file, radix)?)?;
    let digits = static_text(file, text)?;
    let (callee, _) = parse_int_call(file, call)?;
    let message = format!("Use {system} literals instead of {}().", file.text(callee));
    let fix = fix(file, call, base, prefix, &digits);
    Some(Finding::new(&META, call.byte_range(), message).with_fix(fix))
}

fn base_of(radix: &Value) -> Option<(u32, &'static str, &'static str)> {
    let Value::Number(radix) = radix else { return None };
    match radix.to_string().as_str() {
        "2" => Some((2, "binary", "0b")),
        "8" => Some((8, "octal", "0o")),
        "16" => Some((16, "hexadecimal", "0x")),
        _ => None,
    }
}

fn fix(file: &ParsedFile<'_>, call: Node<'_>, base: u32, prefix: &str, digits: &str) -> Option<Fix> {
    let range = call.byte_range();
    // `Number()` and `parseInt()` both skip space at the end.
    let significant = digits.trim_end_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
    let is_number = !significant.is_empty() && significant.chars().all(|digit| digit.is_digit(base));
    if !is_number || file.has_comment_in(range.clone()) {
        return None;
    }
    let literal = format!("{prefix}{digits}");
    let token = Token::Number(literal.as_bytes());
    let before = if glues_before(file, range.start, token) { " " } else { "" };
    let behind = if glues_behind(file, range.end, token) { " " } else { "" };
    let edit = Edit::replace(range, format!("{before}{literal}{behind}"));
    Some(Fix::safe(vec![edit]).needing(Gate::EcmaScript(2015)))
}
