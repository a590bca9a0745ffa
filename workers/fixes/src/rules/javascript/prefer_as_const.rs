//! `prefer-as-const`: `"a" as "a"`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::TYPED;
use super::syntax::{first_named_child, named_children, without_parens};
use super::type_syntax::{annotated_type, has_child, without_type_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds literals whose type is written out as the same literal: `"a" as "a"` and `let a: "a" = "a"`.
    ///
    /// ## Why is this bad?
    /// The literal is written twice, and both have to be changed together. `as const` says once what is meant.
    ///
    /// ## Example
    /// ```ts
    /// const mode = "dark" as "dark";
    /// let size: 2 = 2;
    /// ```
    /// Use instead:
    /// ```ts
    /// const mode = "dark" as const;
    /// let size = 2 as const;
    /// ```
    ///
    /// ## Fix safety
    /// Safe for assertions: the type is the same. It is unsafe where the type stands in parentheses, which `const`
    /// must not. It is a suggestion for annotations of variables and properties.
    pub struct PreferAsConst;
}

static META: Meta = Meta {
    id: "prefer-as-const",
    origin: "typescript-eslint",
    category: Category::Style,
    languages: TYPED,
    level: Level::Note,
    summary: "Requires `as const` instead of a literal's type written out.",
    docs: PreferAsConst::MANUAL,
};

impl Rule for PreferAsConst {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["as_expression", "type_assertion", "variable_declarator", "public_field_definition"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(match node.kind() {
            "as_expression" | "type_assertion" => check_assertion(file, node),
            _ => check_annotation(file, node),
        });
    }
}

/// `"a" as "a"` and `<"a">"a"`
fn check_assertion<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let mut parts = named_children(node);
    let (first, second) = (parts.next()?, parts.next()?);
    let (value, asserted) = match first.kind() {
        "type_arguments" => (second, first_named_child(first)?),
        _ => (first, second),
    };
    let literal = without_type_parens(asserted);
    if !is_type_of(file, literal, without_parens(value)) {
        return None;
    }
    let message = "Expected a `const` instead of a literal type assertion.";
    let edits = vec![Edit::replace(literal.byte_range(), "const")];
    let fix = if asserted == literal { Fix::safe(edits) } else { Fix::unsafe_(edits) };
    Some(Finding::new(&META, literal.byte_range(), message).with_fix(fix))
}

/// `let a: "a" = "a"` and `class { a: "a" = "a" }`
fn check_annotation<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let annotation = node.child_by_field_name("type")?;
    let value = without_parens(node.child_by_field_name("value")?);
    let literal = annotated_type(annotation)?;
    if !is_type_of(file, literal, value) || has_child(node, "accessor") {
        return None;
    }
    let message = "Expected a `const` assertion instead of a literal type annotation.";
    let fix = Fix::suggestion(vec![
        Edit::delete(annotation.byte_range()),
        Edit::insert(value.end_byte(), " as const"),
    ]);
    Some(Finding::new(&META, literal.byte_range(), message).with_fix(fix))
}

/// Whether `literal` is the type of the literal `value`, spelled the same.
fn is_type_of(file: &ParsedFile<'_>, literal: Node<'_>, value: Node<'_>) -> bool {
    let is_literal = |node: Node<'_>| matches!(node.kind(), "string" | "number" | "true" | "false");
    literal.kind() == "literal_type"
        && is_literal(value)
        && first_named_child(literal).is_some_and(is_literal)
        && file.bytes_of(literal.byte_range()) == file.bytes_of(value.byte_range())
}
