//! `no-extra-bind`: `function () {}.bind(a)` where the function has no `this`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::function_uses::{Uses, call_of, place_of_expression, token_behind_parens};
use super::syntax::{named_children, without_parens};
use super::token_lines::last_token_of;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `.bind()` with one argument on a function that does not use `this`, or on an arrow function.
    ///
    /// ## Why is this bad?
    /// The function that `.bind()` makes does the same as the one it is made of.
    ///
    /// ## Example
    /// ```js
    /// const next = function () { return n + 1; }.bind(this);
    /// ```
    /// Use instead:
    /// ```js
    /// const next = function () { return n + 1; };
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where it would lose a comment or an argument whose evaluation may do something.
    pub struct NoExtraBind;
}

static META: Meta = Meta {
    id: "no-extra-bind",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows `.bind()` on functions that do not use `this`.",
    docs: NoExtraBind::MANUAL,
};

impl Rule for NoExtraBind {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["function_expression", "generator_function", "arrow_function"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(bound) = Bound::of(file, node) else { return };
        if node.kind() != "arrow_function" && Uses::of(file, node).this {
            return;
        }
        out.push(
            Finding::new(&META, bound.property.byte_range(), "The function binding is unnecessary.")
                .with_fix(bound.unbind(file)),
        );
    }
}

/// `function.bind(argument)`
struct Bound<'t> {
    function: Node<'t>,
    member: Node<'t>,
    /// `bind`, or what stands for it between brackets.
    property: Node<'t>,
    call: Node<'t>,
    argument: Node<'t>,
}

impl<'t> Bound<'t> {
    fn of(file: &ParsedFile<'t>, function: Node<'t>) -> Option<Self> {
        let place = place_of_expression(file, function)?;
        if !place.is_field("object") {
            return None;
        }
        let member = place.parent;
        let property = match member.kind() {
            "member_expression" => member.child_by_field_name("property")?,
            "subscript_expression" => without_parens(member.child_by_field_name("index")?),
            _ => return None,
        };
        let is_bind = match property.kind() {
            "property_identifier" => file.text(property) == "bind",
            "string" | "template_string" => matches!(&*file.text(property), "'bind'" | "\"bind\"" | "`bind`"),
            _ => false,
        };
        if !is_bind {
            return None;
        }
        let (call, arguments) = call_of(file, member)?;
        let mut arguments = named_children(arguments);
        let argument = arguments.next().filter(|argument| argument.kind() != "spread_element")?;
        arguments.next().is_none().then_some(Self { function, member, property, call, argument })
    }

    /// Takes `.bind` and `(argument)` out; parentheses between them stay.
    fn unbind(&self, file: &ParsedFile<'t>) -> Option<Fix> {
        if !is_without_effect(self.argument) {
            return None;
        }
        let access = token_behind_parens(file, self.function.end_byte())?.start_byte();
        let access = access..last_token_of(file, self.member)?.end_byte();
        let arguments = token_behind_parens(file, self.member.end_byte())?.start_byte();
        let arguments = arguments..self.call.end_byte();
        if file.has_comment_in(access.start..arguments.end) {
            return None;
        }
        Some(Fix::safe(vec![Edit::delete(access), Edit::delete(arguments)]))
    }
}

fn is_without_effect(argument: Node<'_>) -> bool {
    matches!(
        without_parens(argument).kind(),
        "identifier"
            | "undefined"
            | "this"
            | "string"
            | "number"
            | "regex"
            | "true"
            | "false"
            | "null"
            | "function_expression"
            | "generator_function"
    )
}
