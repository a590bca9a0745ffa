//! `S1003`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::go::Kind;
use crate::source::ParsedFile;

use super::alignment::realign;
use super::syntax::{MAX_DEPTH, called, can_copy, operator, without_parens};

rule_type! {
    /// ## What it does
    /// Finds `strings.Index(x, y) != -1` and its kin, with `IndexAny` and `IndexRune`, and of `bytes`.
    ///
    /// ## Why is this bad?
    /// `strings.Contains` says what is asked.
    ///
    /// ## Example
    /// ```go
    /// if strings.Index(name, ".") >= 0 {
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// if strings.Contains(name, ".") {
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Generated files are left alone.
    pub struct StringsIndex;
}

static META: Meta = Meta {
    id: "S1003",
    origin: "staticcheck",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds `strings.Index` where `strings.Contains` would do.",
    docs: StringsIndex::MANUAL,
};

impl Rule for StringsIndex {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(text) = simplified(file, node).filter(|_| !file.go_names().is_generated()) else { return };
        let message = format!("should use {text} instead");
        let mut edits = vec![Edit::replace(node.byte_range(), text)];
        edits.extend(realign(file, node.byte_range(), &|token| edits_at(file, token)));
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(Fix::safe(edits)));
    }
}

/// The call of `Contains` that asks the same.
fn simplified<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<String> {
    let right = node.child_by_field_name("right").filter(|_| can_copy(node))?;
    let contains = match (operator(node), integer(file, right)?) {
        (">" | "!=", -1) | (">=", 0) => true,
        ("==", -1) | ("<", 0) => false,
        _ => return None,
    };
    let call = node.child_by_field_name("left")?;
    let (package, function) = called(file, call, &["strings", "bytes"])?;
    let callee = call.child_by_field_name("function")?;
    let operand = callee.child_by_field_name("operand")?;
    if file.text(operand) != package {
        return None;
    }
    let name = match &*function {
        "Index" => "Contains",
        "IndexAny" => "ContainsAny",
        "IndexRune" => "ContainsRune",
        _ => return None,
    };
    let arguments = file.text(call.child_by_field_name("arguments")?);
    let negation = if contains { "" } else { "!" };
    Some(format!("{negation}{package}.{name}{arguments}"))
}

/// The value of an integer with its sign, or of a constant of the file.
fn integer<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<i64> {
    let mut node = node;
    let mut sign = 1;
    for _ in 0..MAX_DEPTH {
        node = without_parens(node);
        match node.kind() {
            "unary_expression" if operator(node) == "-" => {
                sign = -sign;
                node = node.child_by_field_name("operand")?;
            }
            "identifier" => {
                let object = file.go_names().at(node.start_byte());
                node = object.filter(|object| object.kind == Kind::Constant)?.value?;
            }
            "int_literal" => return file.text(node).parse::<i64>().ok().map(|value| sign * value),
            _ => return None,
        }
    }
    None
}

/// What the rule does at the operator of a comparison.
fn edits_at(file: &ParsedFile<'_>, token: Node<'_>) -> Vec<Edit> {
    if !matches!(token.kind(), "==" | "!=" | ">" | ">=" | "<") {
        return Vec::new();
    }
    let node = file.tokens_in(token.byte_range()).first().and_then(|token| file.parent(*token));
    let edit = node.and_then(|node| Some(Edit::replace(node.byte_range(), simplified(file, node)?)));
    edit.into_iter().collect()
}
