//! `prefer-arrow-callback`: `f(function () {})`.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::declaration::bindings;
use super::function_uses::{Uses, call_of, place_of_expression, token_behind_parens};
use super::syntax::{identifier_name, named_children, operator, without_parens};
use super::token_lines::{first_token_of, is_parenthesised, last_token_of, share_line, spells};
use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds function expressions that are handed to a call and could be arrow functions.
    ///
    /// ## Why is this bad?
    /// An arrow function is shorter, and its `this` is that of the code around it: no `.bind(this)` is needed.
    ///
    /// ## Example
    /// ```js
    /// items.map(function (item) { return item.name; });
    /// items.forEach(function (item) { this.add(item); }.bind(this));
    /// ```
    /// Use instead:
    /// ```js
    /// items.map((item) => { return item.name; });
    /// items.forEach((item) => { this.add(item); });
    /// ```
    ///
    /// ## Options
    /// - `allowNamedFunctions` (default `false`): leave functions with a name alone.
    /// - `allowUnboundThis` (default `true`): leave functions alone that use `this` without `.bind(this)`.
    ///
    /// ## Fix safety
    /// Unsafe: an arrow function cannot be called with `new`, has no `prototype`, and its `this` cannot be set
    /// by whoever calls it. It needs ECMAScript 2015. There is no fix where `this` is used without
    /// `.bind(this)`, or where a comment would be lost.
    pub struct PreferArrowCallback { options: Options }
}

impl PreferArrowCallback {
    /// The rule as it is without options.
    pub const DEFAULT: Self =
        Self { options: Options { allow_named_functions: false, allow_unbound_this: true } };
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    allow_named_functions: bool,
    allow_unbound_this: bool,
}

impl Default for Options {
    fn default() -> Self {
        PreferArrowCallback::DEFAULT.options
    }
}

static META: Meta = Meta {
    id: "prefer-arrow-callback",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires arrow functions for callbacks.",
    docs: PreferArrowCallback::MANUAL,
};

/// How many nodes around a function are looked at.
const MAX_OUTWARDS: usize = 250;

impl Rule for PreferArrowCallback {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["arrow-body-style"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["function_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let name = node.child_by_field_name("name");
        if name.is_some() && self.options.allow_named_functions {
            return;
        }
        let Some(callback) = Callback::of(file, node) else { return };
        if name.is_some_and(|name| may_call_itself(file, name)) {
            return;
        }
        let uses = Uses::of(file, node);
        let uses_this = uses.this || uses.this_of_class;
        let is_bound_elsewhere = uses_this && !callback.takes_this && self.options.allow_unbound_this;
        if is_bound_elsewhere || uses.superclass || uses.new_target || uses_own_arguments(file, node, &uses) {
            return;
        }
        let can_be_mended = callback.takes_this || !uses_this;
        let edits = if can_be_mended { callback.to_arrow(file) } else { None };
        let fix = edits.map(|edits| Fix::unsafe_(edits).needing(Gate::EcmaScript(2015)));
        out.push(Finding::new(&META, node.byte_range(), "Unexpected function expression.").with_fix(fix));
    }
}

/// Whether a function uses its own name, or no one can tell.
fn may_call_itself<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> bool {
    let Some(scopes) = file.scopes() else { return true };
    let variable = scopes.variable_at(name.start_byte()).map(|found| scopes.variable(found));
    variable.is_none_or(|variable| !variable.references.is_empty())
}

/// Whether one of the identifiers `arguments` is not a variable of that name.
fn uses_own_arguments(file: &ParsedFile<'_>, function: Node<'_>, uses: &Uses<'_>) -> bool {
    if uses.arguments.is_empty() || binds_arguments(file, function) {
        return false;
    }
    let is_declared =
        |name: &Node<'_>| file.scopes().is_some_and(|scopes| scopes.variable_at(name.start_byte()).is_some());
    uses.arguments.iter().any(|name| !is_declared(name))
}

fn binds_arguments(file: &ParsedFile<'_>, function: Node<'_>) -> bool {
    let parameters = function.child_by_field_name("parameters").into_iter().flat_map(named_children);
    parameters
        .flat_map(|parameter| bindings(parameter.child_by_field_name("pattern").unwrap_or(parameter)))
        .any(|bound| identifier_name(file, bound.name) == "arguments")
}

/// A function expression that is, perhaps after `.bind()`, an argument of a call.
struct Callback<'t> {
    function: Node<'t>,
    /// Whether the first `.bind()` hands it the `this` of the code around.
    takes_this: bool,
}

impl<'t> Callback<'t> {
    fn of(file: &ParsedFile<'t>, function: Node<'t>) -> Option<Self> {
        let mut takes_this = None;
        let mut at = function;
        for _ in 0..MAX_OUTWARDS {
            let place = place_of_expression(file, at)?;
            match place.parent.kind() {
                "arguments" => {
                    let callee = file.parent(place.parent)?.child_by_field_name("function");
                    let is_import = callee.is_some_and(|callee| callee.kind() == "import");
                    let takes_this = takes_this.unwrap_or(false);
                    return (!is_import).then_some(Self { function, takes_this });
                }
                "ternary_expression" if !place.is_field("condition") => at = place.parent,
                "binary_expression" if matches!(operator(place.parent), "&&" | "||" | "??") => {
                    at = place.parent;
                }
                "member_expression" | "subscript_expression"
                    if place.is_field("object") && is_bind(file, place.parent) =>
                {
                    let (call, arguments) = call_of(file, place.parent)?;
                    takes_this = takes_this.or_else(|| Some(is_this_alone(arguments)));
                    at = call;
                }
                _ => return None,
            }
        }
        None
    }

    /// The edits that make an arrow function of the function and take `.bind(this)` away.
    fn to_arrow(&self, file: &ParsedFile<'t>) -> Option<Vec<Edit>> {
        let parameters = self.function.child_by_field_name("parameters")?;
        if has_odd_parameters(file, parameters) {
            return None;
        }
        let keyword = child_of_kind(self.function, "function")?;
        let type_parameters = self.function.child_by_field_name("type_parameters");
        let open = first_token_of(file, type_parameters.unwrap_or(parameters))?;
        let is_async = keyword.start_byte() != self.function.start_byte();
        if is_async && !share_line(file, keyword, open) {
            return None;
        }
        let mut edits = Vec::new();
        let mut replaced = self.function;
        let mut ends_chain = false;
        if self.takes_this {
            let (member, call) = self.own_bind(file)?;
            edits.push(removal_of_bind(file, self.function, call)?);
            replaced = call;
            ends_chain = is_optional(member) || is_optional(call);
        }
        let header = keyword.start_byte()..open.start_byte();
        if file.has_comment_in(header.clone()) {
            edits.push(Edit::delete(keyword.byte_range()));
            let name = self.function.child_by_field_name("name");
            edits.extend(name.map(|name| Edit::delete(name.byte_range())));
        } else {
            edits.push(Edit::delete(header));
        }
        if file.language == Language::Tsx {
            edits.extend(type_parameters.and_then(|list| comma_against_tag(file, list)));
        }
        let body = self.function.child_by_field_name("body")?;
        let before_body = file.token_before(body.start_byte())?;
        edits.push(Edit::insert(before_body.end_byte(), " =>"));
        if self.needs_parens(file, replaced, ends_chain)? {
            edits.push(Edit::insert(replaced.start_byte(), "("));
            edits.push(Edit::insert(replaced.end_byte(), ")"));
        }
        Some(edits)
    }

    /// The `.bind` right on the function, and its call.
    fn own_bind(&self, file: &ParsedFile<'t>) -> Option<(Node<'t>, Node<'t>)> {
        let place = place_of_expression(file, self.function)?;
        let is_member = matches!(place.parent.kind(), "member_expression" | "subscript_expression");
        if !is_member || is_parenthesised(file, place.parent) {
            return None;
        }
        let (call, _) = call_of(file, place.parent)?;
        Some((place.parent, call))
    }

    /// Whether an arrow function in the place of `replaced` has to be parenthesised.
    fn needs_parens(&self, file: &ParsedFile<'t>, replaced: Node<'t>, ends_chain: bool) -> Option<bool> {
        let place = place_of_expression(file, replaced)?;
        let is_free = match place.parent.kind() {
            "ternary_expression" => !ends_chain,
            "arguments" => !ends_chain && file.parent(place.parent)?.kind() == "call_expression",
            "call_expression" => true,
            _ => false,
        };
        Some(!is_free && !is_parenthesised(file, replaced) && !is_parenthesised(file, self.function))
    }
}

/// Whether a member is `bind`. ESLint takes `f[bind]` for it, too.
fn is_bind(file: &ParsedFile<'_>, member: Node<'_>) -> bool {
    let property = member.child_by_field_name("property").or_else(|| {
        let index = member.child_by_field_name("index").map(without_parens);
        index.filter(|index| index.kind() == "identifier")
    });
    property.is_some_and(|property| {
        property.kind() != "private_property_identifier" && identifier_name(file, property) == "bind"
    })
}

fn is_this_alone(arguments: Node<'_>) -> bool {
    let mut arguments = named_children(arguments);
    let is_this = arguments.next().is_some_and(|argument| without_parens(argument).kind() == "this");
    is_this && arguments.next().is_none()
}

fn is_optional(node: Node<'_>) -> bool {
    node.child_by_field_name("optional_chain").is_some()
}

/// Takes `.bind(this)` away, if no comment stands in it.
fn removal_of_bind<'t>(file: &ParsedFile<'t>, function: Node<'t>, call: Node<'t>) -> Option<Edit> {
    let start = token_behind_parens(file, function.end_byte())?.start_byte();
    let end = last_token_of(file, call)?.end_byte();
    (!file.has_comment_in(start..end)).then(|| Edit::delete(start..end))
}

/// Whether a parameter is named twice, or the first is TypeScript's `this`: arrow functions have neither.
fn has_odd_parameters(file: &ParsedFile<'_>, parameters: Node<'_>) -> bool {
    let mut seen = HashSet::new();
    let mut is_simple = true;
    let mut is_repeated = false;
    for (index, parameter) in named_children(parameters).enumerate() {
        let name = match parameter.kind() {
            "required_parameter" | "optional_parameter"
                if parameter.child_by_field_name("value").is_none() =>
            {
                parameter.child_by_field_name("pattern").unwrap_or(parameter)
            }
            _ => parameter,
        };
        if index == 0 && name.kind() == "this" {
            return true;
        }
        is_simple &= matches!(name.kind(), "identifier" | "undefined");
        is_repeated |= !seen.insert(identifier_name(file, name));
    }
    is_simple && is_repeated
}

/// The comma that keeps the list of one type parameter from being read as a JSX tag.
fn comma_against_tag(file: &ParsedFile<'_>, list: Node<'_>) -> Option<Edit> {
    let mut parameters = named_children(list);
    let only = parameters.next().filter(|_| parameters.next().is_none())?;
    let is_bare = ["constraint", "value"].iter().all(|field| only.child_by_field_name(field).is_none());
    let has_comma = file.token_after(only.end_byte()).is_some_and(|token| spells(file, token, ","));
    (is_bare && !has_comma).then(|| Edit::insert(only.end_byte(), ","))
}

/// The first child of that kind, a keyword or not.
fn child_of_kind<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|child| child.kind() == kind)
}
