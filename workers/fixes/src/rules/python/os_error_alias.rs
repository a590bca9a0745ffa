//! `UP024`: old names of `OSError`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use crate::scopes::python::{Place, PythonScopes};

use super::generator::{generated_for, level};
use super::importer::builtin;
use super::syntax::{code_children, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds exceptions that are other names of `OSError` (ruff's `os-error-alias`): `IOError`, `EnvironmentError`,
    /// `WindowsError`, and `error` of `os`, `socket`, `select`, `mmap` and `resource`. It looks at what is raised,
    /// caught and called.
    ///
    /// ## Why is this bad?
    /// Since Python 3.3 they are all the same class, and several names for it suggest that they differ.
    ///
    /// ## Example
    /// ```python
    /// try:
    ///     connect()
    /// except (IOError, socket.error):
    ///     retry()
    /// ```
    /// Use instead:
    /// ```python
    /// try:
    ///     connect()
    /// except OSError:
    ///     retry()
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Where `OSError` means something else, the fix spells `builtins.OSError`; tuples are left alone then.
    pub struct OsErrorAlias;
}

static META: Meta = Meta {
    id: "UP024",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds exceptions that are other names of `OSError`.",
    docs: OsErrorAlias::MANUAL,
};

impl Rule for OsErrorAlias {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["except_clause", "raise_statement", "call"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["F401"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(scopes) = file.python_scopes().filter(|scopes| scopes.is_python3()) else { return };
        match node.kind() {
            "except_clause" => {
                if let Some(caught) = caught_by(node) {
                    match caught.kind() {
                        "tuple" => out.extend(in_tuple(file, scopes, caught)),
                        _ => out.extend(alone(file, scopes, caught)),
                    }
                }
            }
            "raise_statement" => {
                let raised = code_children(node).next().map(without_parentheses);
                let cause = node.child_by_field_name("cause").map(without_parentheses);
                out.extend(
                    raised
                        .filter(|raised| Some(*raised) != cause)
                        .and_then(|raised| alone(file, scopes, raised)),
                );
            }
            _ => {
                let function = node.child_by_field_name("function").map(without_parentheses);
                out.extend(function.and_then(|function| alone(file, scopes, function)));
            }
        }
    }
}

const MESSAGE: &str = "Replace aliased errors with `OSError`";

/// What an `except` catches: one class, or a tuple of classes.
fn caught_by(clause: Node<'_>) -> Option<Node<'_>> {
    let value = clause.child_by_field_name("value")?;
    let caught = if value.kind() == "as_pattern" { code_children(value).next()? } else { value };
    Some(without_parentheses(caught))
}

fn is_alias(file: &ParsedFile<'_>, scopes: &PythonScopes, node: Node<'_>) -> bool {
    if !matches!(node.kind(), "identifier" | "attribute") {
        return false;
    }
    let path = scopes.qualified_name(file, node).unwrap_or_default();
    let Some((module, name)) = path.rsplit_once('.') else { return false };
    match module {
        "" | "builtins" => matches!(name, "EnvironmentError" | "IOError" | "WindowsError"),
        "mmap" | "resource" | "select" | "socket" | "os" => name == "error",
        _ => false,
    }
}

fn place_of(scopes: &PythonScopes, node: Node<'_>) -> Option<Place> {
    let mut head = node;
    while let Some(object) = head.child_by_field_name("object") {
        head = without_parentheses(object);
    }
    scopes.place_of_name(head.start_byte())
}

fn alone(file: &ParsedFile<'_>, scopes: &PythonScopes, node: Node<'_>) -> Option<Finding> {
    if !is_alias(file, scopes, node) {
        return None;
    }
    let fix = place_of(scopes, node).and_then(|place| {
        let available = builtin(file, scopes, "OSError", node.start_byte(), place)?;
        let mut edits = vec![Edit::replace(node.byte_range(), available.name)];
        edits.extend(available.import);
        Some(available.relies_on.into_iter().fold(Fix::safe(edits), Fix::claiming))
    });
    Some(Finding::new(&META, node.byte_range(), MESSAGE).with_fix(fix))
}

fn in_tuple(file: &ParsedFile<'_>, scopes: &PythonScopes, tuple: Node<'_>) -> Option<Finding> {
    let elements: Vec<Node<'_>> = code_children(tuple).map(without_parentheses).collect();
    let (aliases, others): (Vec<Node<'_>>, Vec<Node<'_>>) =
        elements.into_iter().partition(|element| is_alias(file, scopes, *element));
    let place = place_of(scopes, *aliases.first()?)?;
    let fix =
        scopes.is_builtin_at("OSError", place).then(|| tuple_fix(file, scopes, tuple, &others)).flatten();
    Some(Finding::new(&META, tuple.byte_range(), MESSAGE).with_fix(fix))
}

fn tuple_fix(
    file: &ParsedFile<'_>,
    scopes: &PythonScopes,
    tuple: Node<'_>,
    others: &[Node<'_>],
) -> Option<Fix> {
    let is_os_error = |node: &Node<'_>| {
        matches!(scopes.qualified_name(file, *node).as_deref(), Some(".OSError" | "builtins.OSError"))
    };
    let mut names = Vec::new();
    if !others.iter().any(is_os_error) {
        names.push("OSError".to_owned());
    }
    for other in others {
        names.push(generated_for(file.bytes, *other, level::COMMA)?);
    }
    let text = if names.len() == 1 { "OSError".to_owned() } else { format!("({})", names.join(", ")) };
    let range = tuple.byte_range();
    let is_letter =
        |at: Option<usize>| at.and_then(|at| file.bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let before = if is_letter(range.start.checked_sub(1)) { " " } else { "" };
    let behind = if is_letter(Some(range.end)) { " " } else { "" };
    Some(Fix::safe(vec![Edit::replace(range, format!("{before}{text}{behind}"))]))
}
