//! `B006`: a default value that calls share.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::scopes::python::PythonScopes;
use crate::source::ParsedFile;

use super::code_style::indentation_unit;
use super::generator::generated;
use super::importer::is_docstring;
use super::lines::{has_trailing_content, indentation, line_ending, line_start, next_line};
use super::statement_edits::{continuation_before, is_import};
use super::syntax::{code_children, utf8};
use super::type_syntax::{bare, or_operands, subscript_parts};

rule_type! {
    /// ## What it does
    /// Finds default values of parameters that can be changed (ruff's `mutable-argument-default`): displays and
    /// comprehensions of lists, sets and dictionaries, and calls that make one.
    ///
    /// ## Why is this bad?
    /// The default is evaluated once, when the function is defined. What one call puts into it, all later calls
    /// see.
    ///
    /// ## Example
    /// ```python
    /// def add(item, items=[]):
    ///     items.append(item)
    ///     return items
    /// ```
    /// Use instead:
    /// ```python
    /// def add(item, items=None):
    ///     if items is None:
    ///         items = []
    ///     items.append(item)
    ///     return items
    /// ```
    ///
    /// ## Options
    /// - `extend-immutable-calls`: functions and types, by their full names, whose results never change; a
    ///   parameter that is annotated with one is left alone.
    ///
    /// ## Fix safety
    /// Unsafe: a program may rely on the shared value.
    pub struct MutableArgumentDefault {
        immutable_calls: Vec<String>,
    }
}

impl MutableArgumentDefault {
    /// ruff's defaults.
    pub const DEFAULT: Self = Self { immutable_calls: Vec::new() };
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Options {
    extend_immutable_calls: Vec<String>,
}

static META: Meta = Meta {
    id: "B006",
    origin: "ruff",
    category: Category::Bug,
    languages: &[Language::Python],
    level: Level::Error,
    summary: "Finds default values of parameters that calls share and can change.",
    docs: MutableArgumentDefault::MANUAL,
};

/// Annotations that nest deeper are taken for mutable.
const MAX_DEPTH: u32 = 64;

impl Rule for MutableArgumentDefault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let options = option::<Options>(options, 0)?;
        Ok(Arc::new(Self { immutable_calls: options.extend_immutable_calls }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["function_definition"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(parameters) = node.child_by_field_name("parameters") else { return };
        for parameter in code_children(parameters) {
            let Some(value) = parameter.child_by_field_name("value") else { continue };
            let default = bare(value);
            if !may_be_mutable(default) {
                continue;
            }
            let Some(scopes) = file.python_scopes().filter(|scopes| !scopes.is_stub()) else { return };
            let annotation = parameter.child_by_field_name("type");
            let is_immutable =
                annotation.is_some_and(|annotation| self.is_immutable(file, scopes, annotation, 0));
            if is_mutable(file, scopes, default) && !is_immutable {
                let message = "Do not use mutable data structures for argument defaults";
                let fix = parameter
                    .child_by_field_name("name")
                    .and_then(|name| fix(file, scopes, node, name, value));
                out.push(Finding::new(&META, default.byte_range(), message).with_fix(fix));
            }
        }
    }
}

fn may_be_mutable(default: Node<'_>) -> bool {
    default.kind() == "call" || is_display(default)
}

fn is_display(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "list"
            | "dictionary"
            | "set"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
    )
}

fn is_mutable(file: &ParsedFile<'_>, scopes: &PythonScopes, default: Node<'_>) -> bool {
    if is_display(default) {
        return true;
    }
    let Some(mut function) = default.child_by_field_name("function").map(bare) else { return false };
    if let Some((value, ..)) = subscript_parts(function) {
        function = bare(value);
    }
    let path = scopes.qualified_name(file, function).unwrap_or_default();
    match path.rsplit_once('.') {
        Some(("" | "builtins", name)) => matches!(name, "dict" | "list" | "set"),
        Some(("collections", name)) => {
            matches!(name, "Counter" | "OrderedDict" | "defaultdict" | "deque")
        }
        _ => false,
    }
}

impl MutableArgumentDefault {
    /// Whether an annotation says that the value cannot be changed.
    fn is_immutable(
        &self,
        file: &ParsedFile<'_>,
        scopes: &PythonScopes,
        annotation: Node<'_>,
        depth: u32,
    ) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let all =
            |nodes: &[Node<'_>]| nodes.iter().all(|node| self.is_immutable(file, scopes, *node, depth + 1));
        let node = bare(annotation);
        if let Some((left, right)) = or_operands(node) {
            return all(&[left, right]);
        }
        let path_of = |node| scopes.qualified_name(file, node).unwrap_or_default();
        match node.kind() {
            "none" => true,
            "identifier" | "attribute" => {
                let path = path_of(node);
                is_immutable_type(&path)
                    || is_immutable_generic(&path)
                    || self.immutable_calls.contains(&path)
            }
            "subscript" | "generic_type" => {
                let Some((value, elements, is_tuple)) = subscript_parts(node) else { return false };
                let path = path_of(bare(value));
                is_immutable_generic(&path)
                    || match path.as_str() {
                        "typing.Union" => is_tuple && all(&elements),
                        "typing.Optional" => !is_tuple && all(&elements),
                        "typing.Annotated" | "typing_extensions.Annotated" => {
                            is_tuple && all(elements.get(..1).unwrap_or_default())
                        }
                        _ => false,
                    }
            }
            _ => false,
        }
    }
}

fn is_immutable_type(path: &str) -> bool {
    matches!(
        path,
        "collections.abc.Sized"
            | "typing.LiteralString"
            | "typing.Sized"
            | ".bool"
            | ".bytes"
            | ".complex"
            | ".float"
            | ".int"
            | ".object"
            | ".range"
            | ".str"
    )
}

fn is_immutable_generic(path: &str) -> bool {
    let Some((module, name)) = path.rsplit_once('.') else { return false };
    match module {
        "" | "builtins" => matches!(name, "frozenset" | "tuple" | "frozendict"),
        "collections.abc" => matches!(
            name,
            "ByteString"
                | "Collection"
                | "Container"
                | "Iterable"
                | "Mapping"
                | "Reversible"
                | "Sequence"
                | "Set"
        ),
        "typing" => matches!(
            name,
            "AbstractSet"
                | "ByteString"
                | "Callable"
                | "Collection"
                | "Container"
                | "FrozenSet"
                | "Iterable"
                | "Literal"
                | "Mapping"
                | "Never"
                | "NoReturn"
                | "Reversible"
                | "Sequence"
                | "Tuple"
        ),
        _ => false,
    }
}

/// Makes the default `None`, and the first thing that the body does to set it.
fn fix(
    file: &ParsedFile<'_>,
    scopes: &PythonScopes,
    function: Node<'_>,
    name: Node<'_>,
    value: Node<'_>,
) -> Option<Fix> {
    let body: Vec<Node<'_>> = code_children(function.child_by_field_name("body")?).collect();
    let first = *body.first()?;
    if follows_code(file, first) {
        return None;
    }
    let none = Edit::replace(value.byte_range(), "None");
    if body.iter().all(|statement| is_empty(file, scopes, *statement)) {
        return Some(Fix::unsafe_(vec![none]));
    }
    let name = file.text(name);
    let default = generated(file, value)?;
    let newline = line_ending(file.bytes);
    let indentation = utf8(file, line_start(file.bytes, first.start_byte())..first.start_byte())?;
    let style = indentation_unit(file);
    let mut text =
        format!("{indentation}if {name} is None:{newline}{indentation}{style}{name} = {default}{newline}");
    let at = initialisation_place(file, &body, newline, &mut text);
    Some(Fix::unsafe_(vec![none, Edit::insert(at, text)]))
}

/// Behind the docstring and the imports that a body starts with.
fn initialisation_place(file: &ParsedFile<'_>, body: &[Node<'_>], newline: &str, text: &mut String) -> usize {
    let bytes = file.bytes;
    let mut at = body.first().map_or(0, |first| line_start(bytes, first.start_byte()));
    for (index, statement) in body.iter().enumerate() {
        let is_plain_import = is_import(*statement);
        if !is_docstring(*statement) && !is_plain_import {
            break;
        }
        let end = statement.end_byte();
        let Some(next) = body.get(index + 1) else {
            at = next_line(bytes, end);
            if at == bytes.len() {
                text.insert_str(0, newline);
            }
            break;
        };
        if !has_trailing_content(bytes, end) && !follows_code(file, *statement) {
            at = line_start(bytes, next.start_byte());
        }
    }
    at
}

/// Whether a statement stands behind another on its line, or on a line that a backslash continues.
fn follows_code(file: &ParsedFile<'_>, statement: Node<'_>) -> bool {
    let at = statement.start_byte();
    indentation(file.bytes, at).is_none() || continuation_before(file, at, false).is_some()
}

/// Whether a statement does nothing: `pass`, `...`, a string, or `raise NotImplementedError`.
fn is_empty(file: &ParsedFile<'_>, scopes: &PythonScopes, statement: Node<'_>) -> bool {
    match statement.kind() {
        "pass_statement" => true,
        "expression_statement" => {
            let mut children = code_children(statement).map(bare);
            children.next().is_some_and(|child| {
                child.kind() == "ellipsis" || matches!(child.kind(), "string" | "concatenated_string")
            }) && children.next().is_none()
        }
        "raise_statement" => {
            let raised = code_children(statement).next().map(bare);
            let raised = raised.map(|raised| raised.child_by_field_name("function").map_or(raised, bare));
            let path = raised.and_then(|raised| scopes.qualified_name(file, raised)).unwrap_or_default();
            matches!(path.rsplit_once('.'), Some(("" | "builtins", "NotImplementedError" | "NotImplemented")))
        }
        _ => false,
    }
}
