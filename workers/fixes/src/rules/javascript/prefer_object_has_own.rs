//! `prefer-object-has-own`: `Object.prototype.hasOwnProperty.call(a, b)` instead of `Object.hasOwn(a, b)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::exists;
use super::static_value::{is_closed_chain, is_member, property_name};
use super::surroundings::glues_before;
use super::syntax::{Token, identifier_name, named_children, without_parens};
use crate::facts::SourceKind;
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::ScopeKind;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `Object.prototype.hasOwnProperty.call()` and its short forms by way of `Object` and `{}`.
    ///
    /// ## Why is this bad?
    /// `Object.hasOwn()` asks the same and is shorter.
    ///
    /// ## Example
    /// ```js
    /// if (Object.prototype.hasOwnProperty.call(settings, key)) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (Object.hasOwn(settings, key)) {}
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the answer is the same. There is no fix where a comment would be lost.
    pub struct PreferObjectHasOwn;
}

static META: Meta = Meta {
    id: "prefer-object-has-own",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `Object.hasOwn()` instead of `Object.prototype.hasOwnProperty.call()`.",
    docs: PreferObjectHasOwn::MANUAL,
};

impl Rule for PreferObjectHasOwn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(callee) = has_own_callee(file, node) else { return };
        let message = "Use 'Object.hasOwn()' instead of 'Object.prototype.hasOwnProperty.call()'.";
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix(file, callee)));
    }
}

/// The callee of `Object.prototype.hasOwnProperty.call()`.
fn has_own_callee<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Node<'t>> {
    call.child_by_field_name("arguments").filter(|arguments| arguments.kind() == "arguments")?;
    let callee = member(call.child_by_field_name("function")?)?;
    if property_name(file, callee)? != "call" {
        return None;
    }
    let method = member(callee.child_by_field_name("object")?)?;
    if property_name(file, method)? != "hasOwnProperty" {
        return None;
    }
    let object = method.child_by_field_name("object")?;
    (leads_to_object(file, object)? && object_is_global(file, call)).then_some(callee)
}

/// The member that `node` is, if it is not an optional chain in parentheses.
fn member(node: Node<'_>) -> Option<Node<'_>> {
    let inner = without_parens(node);
    (is_member(inner) && !is_closed_chain(node)).then_some(inner)
}

/// Whether `node` is `{}`, `Object` or `Object.prototype`.
fn leads_to_object<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<bool> {
    let inner = without_parens(node);
    if inner.kind() == "object" {
        return Some(named_children(inner).next().is_none());
    }
    let object = match member(node) {
        Some(prototype) if property_name(file, prototype).as_deref() == Some("prototype") => {
            without_parens(prototype.child_by_field_name("object")?)
        }
        _ => inner,
    };
    Some(object.kind() == "identifier" && identifier_name(file, object) == "Object")
}

/// Whether `Object` is not declared around `call`, other than at the top of a script.
fn object_is_global<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> bool {
    let Some(scopes) = file.scopes() else { return false };
    match scopes.lookup(scopes.innermost(&call.byte_range()), "Object") {
        None => exists(file, "Object"),
        Some(variable) => {
            let scope = scopes.scope(scopes.variable(variable).scope);
            scopes.kind() == SourceKind::Script && scope.kind == ScopeKind::Top
        }
    }
}

fn fix(file: &ParsedFile<'_>, callee: Node<'_>) -> Option<Fix> {
    let range = callee.byte_range();
    if file.has_comment_in(range.clone()) {
        return None;
    }
    let before = if glues_before(file, range.start, Token::Word) { " " } else { "" };
    let edit = Edit::replace(range, format!("{before}Object.hasOwn"));
    Some(Fix::safe(vec![edit]).needing(Gate::EcmaScript(2022)))
}
