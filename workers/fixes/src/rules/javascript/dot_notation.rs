//! `dot-notation`: `a["b"]` instead of `a.b`.

use std::sync::Arc;

use regress::Regex;
use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::static_value::{is_identifier, is_optional, static_template_text};
use super::surroundings::glues_behind;
use super::syntax::{Token, identifier_name, string_value, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds properties that are accessed by a constant in brackets although it is a plain name.
    ///
    /// ## Why is this bad?
    /// The dot is shorter and easier to read, and tools find the property by its name.
    ///
    /// ## Example
    /// ```js
    /// const size = image["size"];
    /// ```
    /// Use instead:
    /// ```js
    /// const size = image.size;
    /// ```
    ///
    /// ## Options
    /// - `allowKeywords` (`true`): with `false`, names that are keywords of ECMAScript 3 are asked to stand in
    ///   brackets, and those behind a dot are found.
    /// - `allowPattern` (`""`): a regular expression for names that may stand in brackets.
    ///
    /// ## Fix safety
    /// Safe: the same property is accessed. There is no fix where a comment stands within the brackets.
    pub struct DotNotation {
        bans_keywords: bool,
        allowed: Option<Arc<Regex>>,
    }
}

static META: Meta = Meta {
    id: "dot-notation",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `a.b` instead of `a[\"b\"]`.",
    docs: DotNotation::MANUAL,
};

/// The words that could not stand behind a dot in ECMAScript 3.
const KEYWORDS: &[&str] = &[
    "abstract",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "double",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "function",
    "goto",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "volatile",
    "while",
    "with",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    allow_keywords: bool,
    allow_pattern: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { allow_keywords: true, allow_pattern: String::new() }
    }
}

impl DotNotation {
    /// Without options.
    pub const DEFAULT: Self = Self { bans_keywords: false, allowed: None };

    fn allows(&self, name: &str) -> bool {
        (self.bans_keywords && KEYWORDS.contains(&name))
            || self.allowed.as_ref().is_some_and(|pattern| pattern.find(name).is_some())
    }
}

impl Rule for DotNotation {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let options: Options = option(options, 0)?;
        let pattern = options.allow_pattern;
        let allowed = if pattern.is_empty() {
            None
        } else {
            let regex = Regex::with_flags(&pattern, "u");
            Some(Arc::new(regex.map_err(|error| format!("allowPattern: {error}"))?))
        };
        Ok(Arc::new(Self { bans_keywords: !options.allow_keywords, allowed }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["subscript_expression", "member_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let finding = match node.kind() {
            "subscript_expression" => self.check_brackets(file, node),
            _ if self.bans_keywords => check_dot(file, node),
            _ => None,
        };
        out.extend(finding);
    }
}

impl DotNotation {
    /// `a["b"]`
    fn check_brackets<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
        let property = without_parens(node.child_by_field_name("index")?);
        let (name, shown) = match property.kind() {
            "string" => {
                let name = string_value(file, property)?;
                let shown = format!("\"{name}\"");
                (name, shown)
            }
            "true" | "false" | "null" => (file.text(property), file.text(property).into_owned()),
            "template_string" => {
                let name = static_template_text(file, property)?;
                let shown = format!("`{name}`");
                (name, shown)
            }
            _ => return None,
        };
        if !is_plain_name(&name) || self.allows(&name) {
            return None;
        }
        let message = format!("[{shown}] is better written in dot notation.");
        let fix = to_dot(file, node, &name);
        Some(Finding::new(&META, property.byte_range(), message).with_fix(fix))
    }
}

fn is_plain_name(name: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$');
    name.bytes().next().is_some_and(is_start)
        && name.bytes().all(|byte| is_start(byte) || byte.is_ascii_digit())
}

fn to_dot(file: &ParsedFile<'_>, node: Node<'_>, name: &str) -> Option<Fix> {
    let object = without_parens(node.child_by_field_name("object")?);
    let mut cursor = node.walk();
    let bracket = node.children(&mut cursor).find(|child| child.kind() == "[")?;
    let brackets = bracket.start_byte()..node.end_byte();
    if file.has_comment_in(brackets.clone()) {
        return None;
    }
    let dot = match () {
        () if is_optional(node) => "",
        // `5.a` would be the number `5.` and a name.
        () if object.kind() == "number" && is_decimal_integer(&file.text(object)) => " .",
        () => ".",
    };
    let space = if glues_behind(file, brackets.end, Token::Word) { " " } else { "" };
    Some(Fix::safe(vec![Edit::replace(brackets, format!("{dot}{name}{space}"))]))
}

/// Whether a dot behind the literal would be its decimal point: `5`, `1_000`, `08`, but not `0x5`, `5.0`, `05`.
fn is_decimal_integer(literal: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match literal.as_bytes() {
        [b'0'] => true,
        [b'0', ..] => is_digits(literal) && literal.contains(['8', '9']),
        [b'1'..=b'9', ..] => is_digits(&literal.replace('_', "")),
        _ => false,
    }
}

/// `a.while`
fn check_dot<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let property = node.child_by_field_name("property")?;
    let name = identifier_name(file, property);
    if property.kind() != "property_identifier" || !KEYWORDS.contains(&&*name) || is_tag(file, node) {
        return None;
    }
    let message = format!(".{name} is a syntax error.");
    let fix = to_brackets(file, node, property, &name);
    Some(Finding::new(&META, property.byte_range(), message).with_fix(fix))
}

/// Whether `member` is the name of a JSX element, or a part of it.
fn is_tag<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> bool {
    let outside = file.ancestors(member).find(|around| around.kind() != "member_expression");
    outside.is_some_and(|around| {
        matches!(around.kind(), "jsx_opening_element" | "jsx_closing_element" | "jsx_self_closing_element")
    })
}

fn to_brackets(file: &ParsedFile<'_>, node: Node<'_>, property: Node<'_>, name: &str) -> Option<Fix> {
    let object = without_parens(node.child_by_field_name("object")?);
    let dot = file.token_before(property.start_byte())?;
    let is_optional = is_optional(node);
    // `let[` at the start of a statement declares.
    let may_declare = is_identifier(object) && identifier_name(file, object) == "let" && !is_optional;
    if may_declare || file.has_comment_in(dot.end_byte()..property.start_byte()) {
        return None;
    }
    let mut edits = vec![Edit::replace(property.byte_range(), format!("[\"{name}\"]"))];
    if !is_optional {
        edits.push(Edit::delete(dot.byte_range()));
    }
    Some(Fix::safe(edits))
}
