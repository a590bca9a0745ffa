//! `no-inferrable-types`: `let a: number = 1`.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::TYPED;
use super::member_access::{callee, is_name};
use super::syntax::{operator, without_parens};
use super::type_syntax::{annotated_type, has_child};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds annotations of variables, parameters and properties that are initialised with a plain value of the
    /// annotated type.
    ///
    /// ## Why is this bad?
    /// The type is plain to see, and the compiler infers it.
    ///
    /// ## Example
    /// ```ts
    /// const size: number = 5;
    /// function open(name: string = "box", retry: boolean = !once) {}
    /// ```
    /// Use instead:
    /// ```ts
    /// const size = 5;
    /// function open(name = "box", retry = !once) {}
    /// ```
    /// Properties that are `readonly` or optional are left alone: without the annotation they have another type.
    ///
    /// ## Options
    /// - `ignoreParameters` (`false`): leave the parameters of functions alone.
    /// - `ignoreProperties` (`false`): leave the properties of classes alone.
    ///
    /// ## Fix safety
    /// Safe: the inferred type takes the same values. A fix that would lose a comment within the annotation is not
    /// applied.
    pub struct NoInferrableTypes { options: Options }
}

/// What ESLint's configuration can say.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    ignore_parameters: bool,
    ignore_properties: bool,
}

impl NoInferrableTypes {
    /// The rule without options.
    pub const DEFAULT: Self =
        Self { options: Options { ignore_parameters: false, ignore_properties: false } };
}

static META: Meta = Meta {
    id: "no-inferrable-types",
    origin: "typescript-eslint",
    category: Category::Style,
    languages: TYPED,
    level: Level::Note,
    summary: "Disallows type annotations that the initial value makes plain.",
    docs: NoInferrableTypes::MANUAL,
};

impl Rule for NoInferrableTypes {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["variable_declarator", "required_parameter", "optional_parameter", "public_field_definition"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(self.check_declaration(file, node));
    }
}

impl NoInferrableTypes {
    fn check_declaration<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
        let annotation = node.child_by_field_name("type")?;
        let value = node.child_by_field_name("value")?;
        let name = inferred(file, annotated_type(annotation)?, without_parens(value))?;
        let (range, marker) = match node.kind() {
            "variable_declarator" => (node.byte_range(), None),
            "public_field_definition" => self.property(file, node)?,
            _ => self.parameter(file, node, value)?,
        };
        let mark = marker.and_then(|marker| {
            let before = file.token_before(annotation.start_byte());
            before.filter(|token| token.kind() == marker)
        });
        let mut edits: Vec<Edit> = mark.map(|mark| Edit::delete(mark.byte_range())).into_iter().collect();
        edits.push(Edit::delete(annotation.byte_range()));
        let message =
            format!("Type {name} trivially inferred from a {name} literal, remove type annotation.");
        Some(Finding::new(&META, range, message).with_fix(Fix::safe(edits)))
    }

    /// The place of a property, and the mark before its annotation that has no meaning without it.
    fn property<'t>(
        &self,
        file: &ParsedFile<'t>,
        node: Node<'t>,
    ) -> Option<(Range<usize>, Option<&'static str>)> {
        let has = |kind: &str| has_child(node, kind);
        if self.options.ignore_properties || has("readonly") || has("?") {
            return None;
        }
        let semicolon = file.token_after(node.end_byte()).filter(|token| token.kind() == ";");
        let end = semicolon.map_or(node.end_byte(), |semicolon| semicolon.end_byte());
        Some((node.start_byte()..end, (!has("accessor")).then_some("!")))
    }

    /// The same of a parameter. Its place leaves out decorators and modifiers.
    fn parameter<'t>(
        &self,
        file: &ParsedFile<'t>,
        node: Node<'t>,
        value: Node<'t>,
    ) -> Option<(Range<usize>, Option<&'static str>)> {
        let function = file.parent(file.parent(node)?)?;
        let has_body = matches!(
            function.kind(),
            "function_declaration"
                | "generator_function_declaration"
                | "function_expression"
                | "generator_function"
                | "arrow_function"
                | "method_definition"
        );
        if self.options.ignore_parameters || !has_body {
            return None;
        }
        let start = node.child_by_field_name("pattern")?.start_byte();
        Some((start..value.end_byte(), Some("?")))
    }
}

/// The name of the type, if it can be seen from the value.
fn inferred<'t>(file: &ParsedFile<'t>, annotated: Node<'t>, value: Node<'t>) -> Option<&'static str> {
    let calls = |node: Node<'t>, name: &str| {
        node.kind() == "call_expression" && callee(node).is_some_and(|callee| is_name(file, callee, name))
    };
    let signed = |signs: &[&str]| unary(value, signs).unwrap_or(value);
    let kind = value.kind();
    let is_number =
        |node: Node<'t>| node.kind() == "number" && !file.bytes_of(node.byte_range()).ends_with(b"n");
    let (name, is_plain) = match type_name(file, annotated)? {
        "bigint" => {
            let value = signed(&["-"]);
            ("bigint", calls(value, "BigInt") || is_literal(value))
        }
        "boolean" => (
            "boolean",
            matches!(kind, "true" | "false") || unary(value, &["!"]).is_some() || calls(value, "Boolean"),
        ),
        "number" => {
            let value = signed(&["+", "-"]);
            let is_named = ["Infinity", "NaN"].iter().any(|name| is_name(file, value, name));
            ("number", is_named || calls(value, "Number") || is_number(value))
        }
        "null" => ("null", kind == "null"),
        "string" => ("string", matches!(kind, "string" | "template_string") || calls(value, "String")),
        "symbol" => ("symbol", calls(value, "Symbol")),
        "undefined" => ("undefined", kind == "undefined" || unary(value, &["void"]).is_some()),
        _ => {
            let is_made = kind == "new_expression"
                && callee(value).is_some_and(|callee| is_name(file, callee, "RegExp"));
            ("RegExp", kind == "regex" || is_made || calls(value, "RegExp"))
        }
    };
    is_plain.then_some(name)
}

/// The type, if it is one that values can show.
fn type_name(file: &ParsedFile<'_>, annotated: Node<'_>) -> Option<&'static str> {
    let named = match annotated.kind() {
        "generic_type" => annotated.child_by_field_name("name")?,
        _ => annotated,
    };
    let text = file.text(named);
    let (names, is_generic): (&[&str], _) = match named.kind() {
        "predefined_type" => (&["boolean", "number", "string", "symbol", "bigint"], false),
        "literal_type" => (&["null", "undefined"], false),
        "type_identifier" => (&["RegExp", "bigint"], annotated != named),
        _ => return None,
    };
    names.iter().copied().find(|name| text == *name && (!is_generic || *name == "RegExp"))
}

fn is_literal(node: Node<'_>) -> bool {
    matches!(node.kind(), "string" | "number" | "true" | "false" | "null" | "regex")
}

/// The operand, if `node` has one of those operators.
fn unary<'t>(node: Node<'t>, operators: &[&str]) -> Option<Node<'t>> {
    let is_one = node.kind() == "unary_expression" && operators.contains(&operator(node));
    is_one.then(|| node.child_by_field_name("argument")).flatten().map(without_parens)
}
