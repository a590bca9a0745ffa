//! `no-prototype-builtins`: `a.hasOwnProperty(b)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::would_be_global;
use super::misread::holds_too_much;
use super::static_value::{holds_optional_link, is_closed_chain, is_member, property_name};
use super::surroundings::copied;
use super::syntax::{Precedence, named_children, precedence, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds calls of `hasOwnProperty`, `isPrototypeOf` and `propertyIsEnumerable` on an object itself.
    ///
    /// ## Why is this bad?
    /// The object may have no prototype, as those of `Object.create(null)`, or a property of that name that
    /// came with the data.
    ///
    /// ## Example
    /// ```js
    /// if (settings.hasOwnProperty(key)) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (Object.prototype.hasOwnProperty.call(settings, key)) {}
    /// ```
    ///
    /// ## Fix safety
    /// There is a suggestion only: the object may have a method of its own that is meant to be called.
    pub struct NoPrototypeBuiltins;
}

static META: Meta = Meta {
    id: "no-prototype-builtins",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Disallows calling methods of `Object.prototype` on objects themselves.",
    docs: NoPrototypeBuiltins::MANUAL,
};

impl Rule for NoPrototypeBuiltins {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(check_call(file, node));
    }
}

fn check_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let arguments = call.child_by_field_name("arguments").filter(|node| node.kind() == "arguments")?;
    let written = call.child_by_field_name("function")?;
    let callee = without_parens(written);
    if !is_member(callee) {
        return None;
    }
    let name = property_name(file, callee)?;
    if !matches!(&*name, "hasOwnProperty" | "isPrototypeOf" | "propertyIsEnumerable") {
        return None;
    }
    let property = callee.child_by_field_name("property").or_else(|| callee.child_by_field_name("index"))?;
    let message = format!("Do not access Object.prototype method '{name}' from target object.");
    // A chain may end early, which a call of another function would not.
    let fix = if holds_optional_link(call) || is_closed_chain(written) || holds_too_much(callee) {
        None
    } else {
        suggestion(file, call, callee, arguments, &name)
    };
    Some(Finding::new(&META, without_parens(property).byte_range(), message).with_fix(fix))
}

fn suggestion<'t>(
    file: &ParsedFile<'t>,
    call: Node<'t>,
    callee: Node<'t>,
    arguments: Node<'t>,
    name: &str,
) -> Option<Fix> {
    if !would_be_global(file, &call.byte_range(), "Object") {
        return None;
    }
    let object = without_parens(callee.child_by_field_name("object")?);
    let text = copied(file, object.byte_range())?;
    let text = if precedence(object) <= Precedence::Sequence { format!("({text})") } else { text.to_owned() };
    let comma = if named_children(arguments).next().is_some() { ", " } else { "" };
    Some(Fix::suggestion(vec![
        Edit::replace(callee.byte_range(), format!("Object.prototype.{name}.call")),
        Edit::insert(arguments.start_byte() + 1, format!("{text}{comma}")),
    ]))
}
