//! `UP008`: `super(Class, self)` where `super()` does.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use crate::scopes::python::{PythonScopes, ScopeId, ScopeKind};

use super::syntax::{code_children, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds calls of `super` whose arguments are the class around them and the first parameter of the method (ruff's
    /// `super-call-with-parameters`).
    ///
    /// ## Why is this bad?
    /// `super()` takes just these by itself. Spelled out they have to be changed with the name of the class.
    ///
    /// ## Example
    /// ```python
    /// class Child(Parent):
    ///     def run(self):
    ///         super(Child, self).run()
    /// ```
    /// Use instead:
    /// ```python
    /// class Child(Parent):
    ///     def run(self):
    ///         super().run()
    /// ```
    ///
    /// ## Fix safety
    /// Safe, unless it would delete a comment. There is no fix for calls with keywords, which fail anyway.
    pub struct SuperCallWithParameters;
}

static META: Meta = Meta {
    id: "UP008",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds calls of `super` with the arguments that it has anyway.",
    docs: SuperCallWithParameters::MANUAL,
};

impl Rule for SuperCallWithParameters {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(list) = node.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list")
        else {
            return;
        };
        let arguments: Vec<Node<'t>> = code_children(list).collect();
        if arguments.len() < 2 || !is_needless(file, node, &arguments).unwrap_or(false) {
            return;
        }
        let range = list.byte_range();
        let fix = arguments.iter().all(|argument| !is_keyword(*argument)).then(|| {
            let edits = vec![Edit::delete(range.start + 1..range.end - 1)];
            if file.has_comment_in(range.clone()) { Fix::unsafe_(edits) } else { Fix::safe(edits) }
        });
        let message = "Use `super()` instead of `super(__class__, self)`";
        out.push(Finding::new(&META, range, message).with_fix(fix));
    }
}

fn is_keyword(argument: Node<'_>) -> bool {
    matches!(argument.kind(), "keyword_argument" | "dictionary_splat")
}

/// Whether `call` calls `super` with what it would find by itself.
fn is_needless<'t>(file: &ParsedFile<'t>, call: Node<'t>, arguments: &[Node<'t>]) -> Option<bool> {
    let function = without_parentheses(call.child_by_field_name("function")?);
    let last =
        if function.kind() == "attribute" { function.child_by_field_name("attribute")? } else { function };
    if last.kind() != "identifier" {
        return None;
    }
    let positional: Vec<Node<'t>> =
        arguments.iter().copied().filter(|argument| !is_keyword(*argument)).collect();
    let &[class, object] = positional.as_slice() else { return None };
    let object = Some(without_parentheses(object)).filter(|object| object.kind() == "identifier")?;
    let scopes = file.python_scopes()?;
    let path = scopes.qualified_name(file, function)?;
    if !matches!(path.as_str(), ".super" | "builtins.super") {
        return None;
    }
    let place = scopes.place_behind(call)?;
    let callable = callable_scope(scopes, place.scope)?;
    let definition = definition_of(file, scopes, call, callable)?;
    let (parameter, body) = match definition.kind() {
        "lambda" => (first_parameter(file, definition)?, definition.child_by_field_name("body")?),
        _ => (first_parameter(file, definition)?, definition),
    };
    // Without the word `super` or `__class__` in it, a method has no cell for its class.
    let is_through_module = path == "builtins.super";
    let has_own_class = scopes.is_bound_at(callable, "__class__", place);
    if is_through_module && (has_own_class || !names_class_cell(file, scopes, body)) {
        return None;
    }
    if file.text(object) != parameter {
        return None;
    }
    let classes: Vec<ScopeId> = scopes
        .scopes_around(place.scope)
        .filter(|scope| scopes.scope(*scope).kind == ScopeKind::Class)
        .collect();
    let nodes: Vec<Node<'t>> =
        classes.iter().filter_map(|scope| definition_of(file, scopes, call, *scope)).collect();
    let names: Vec<_> = nodes
        .iter()
        .filter_map(|class| class.child_by_field_name("name"))
        .map(|name| file.text(name))
        .collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let first = without_parentheses(class);
    let is_same = match first.kind() {
        "identifier" => {
            let name = file.text(first);
            let is_class = names.len() == 1 && names.first() == Some(&&*name);
            !scopes.is_bound_at(callable, &name, place)
                && !names.is_empty()
                && (name == "__class__" || is_class)
        }
        "attribute" => is_class_path(file, first, &names),
        _ => false,
    };
    Some(is_same && !has_slots(file, scopes, call, nodes.first().copied()?))
}

/// The function or lambda whose scope `scope` is.
fn callable_scope(scopes: &PythonScopes, scope: ScopeId) -> Option<ScopeId> {
    let is_callable =
        |scope: &ScopeId| matches!(scopes.scope(*scope).kind, ScopeKind::Function | ScopeKind::Lambda);
    if scopes.scope(scope).kind != ScopeKind::ClassCell {
        return Some(scope).filter(is_callable);
    }
    let is_helper = |scope: &ScopeId| {
        matches!(scopes.scope(*scope).kind, ScopeKind::ClassCell | ScopeKind::TypeParameters)
    };
    scopes.scopes_around(scope).find(|scope| !is_helper(scope)).filter(is_callable)
}

/// The node around `call` that makes `scope`.
fn definition_of<'t>(
    file: &ParsedFile<'t>,
    scopes: &PythonScopes,
    call: Node<'t>,
    scope: ScopeId,
) -> Option<Node<'t>> {
    let range = &scopes.scope(scope).range;
    file.ancestors(call).find(|around| {
        around.byte_range() == *range
            && matches!(around.kind(), "function_definition" | "class_definition" | "lambda")
    })
}

/// The name of the first parameter that is not positional only.
fn first_parameter(file: &ParsedFile<'_>, definition: Node<'_>) -> Option<String> {
    let parameters: Vec<Node<'_>> = code_children(definition.child_by_field_name("parameters")?).collect();
    let separator = parameters.iter().position(|parameter| parameter.kind() == "positional_separator");
    let parameter = *parameters.get(separator.map_or(0, |separator| separator + 1))?;
    let name = match parameter.kind() {
        "identifier" => parameter,
        "default_parameter" | "typed_default_parameter" => parameter.child_by_field_name("name")?,
        "typed_parameter" => code_children(parameter).next()?,
        _ => return None,
    };
    (name.kind() == "identifier").then(|| file.text(name).into_owned())
}

/// Whether code in `body` reads `super` or `__class__`; classes in it have cells of their own.
fn names_class_cell(file: &ParsedFile<'_>, scopes: &PythonScopes, body: Node<'_>) -> bool {
    let mut open = vec![body];
    while let Some(node) = open.pop() {
        let is_cell = node.kind() == "identifier"
            && matches!(&*file.text(node), "super" | "__class__")
            && scopes.place_of_name(node.start_byte()).is_some();
        if is_cell {
            return true;
        }
        if node.kind() != "class_definition" {
            open.extend(code_children(node));
        }
    }
    false
}

/// Whether `Outer.Inner` names the classes around, all of them.
fn is_class_path(file: &ParsedFile<'_>, path: Node<'_>, classes: &[&str]) -> bool {
    let mut at = path;
    let mut classes = classes.iter();
    while at.kind() == "attribute" {
        let (Some(object), Some(attribute)) =
            (at.child_by_field_name("object"), at.child_by_field_name("attribute"))
        else {
            return false;
        };
        if classes.next().copied() != Some(&*file.text(attribute)) {
            return false;
        }
        at = without_parentheses(object);
    }
    at.kind() == "identifier" && classes.next().copied() == Some(&*file.text(at)) && classes.next().is_none()
}

/// Whether `@dataclass(slots=True)` makes another class of it, for which `super()` fails.
fn has_slots<'t>(file: &ParsedFile<'t>, scopes: &PythonScopes, call: Node<'t>, class: Node<'t>) -> bool {
    let decorated =
        file.ancestors(call).find(|around| around.child_by_field_name("definition") == Some(class));
    let decorators = decorated.into_iter().flat_map(code_children).filter(|node| node.kind() == "decorator");
    decorators.filter_map(|decorator| code_children(decorator).next()).any(|decorator| {
        let decorator = without_parentheses(decorator);
        let (Some(function), Some(arguments)) =
            (decorator.child_by_field_name("function"), decorator.child_by_field_name("arguments"))
        else {
            return false;
        };
        let slots = code_children(arguments).filter(|argument| argument.kind() == "keyword_argument").find(
            |argument| argument.child_by_field_name("name").is_some_and(|name| file.text(name) == "slots"),
        );
        slots.and_then(|slots| slots.child_by_field_name("value")).is_some_and(|value| value.kind() == "true")
            && scopes.qualified_name(file, function).as_deref() == Some("dataclasses.dataclass")
    })
}
