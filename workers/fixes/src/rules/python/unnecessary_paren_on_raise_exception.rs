//! `RSE102`: `raise Error()` where `raise Error` does.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use crate::scopes::python::{BindingKind, Place, PythonScopes, Symbol};

use super::syntax::{code_children, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds exceptions that are raised with empty parentheses (ruff's `unnecessary-paren-on-raise-exception`).
    ///
    /// ## Why is this bad?
    /// `raise` makes an instance of a class by itself, so the parentheses add nothing.
    ///
    /// ## Example
    /// ```python
    /// raise TypeError()
    /// ```
    /// Use instead:
    /// ```python
    /// raise TypeError
    /// ```
    ///
    /// ## Fix safety
    /// Safe for builtin exceptions and for classes of the file. For any other name the fix is unsafe: it may be a
    /// function that returns an exception. It is unsafe as well where it would delete a comment.
    pub struct UnnecessaryParenOnRaiseException;
}

static META: Meta = Meta {
    id: "RSE102",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds empty parentheses behind a raised exception.",
    docs: UnnecessaryParenOnRaiseException::MANUAL,
};

impl Rule for UnnecessaryParenOnRaiseException {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["raise_statement"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(raised) = code_children(node).next().map(without_parentheses) else { return };
        let is_cause = node.child_by_field_name("cause").map(without_parentheses) == Some(raised);
        let (Some(function), Some(arguments)) =
            (raised.child_by_field_name("function"), raised.child_by_field_name("arguments"))
        else {
            return;
        };
        let is_empty = arguments.kind() == "argument_list" && code_children(arguments).next().is_none();
        if raised.kind() != "call" || is_cause || !is_empty {
            return;
        }
        let Some(scopes) = file.python_scopes().filter(|scopes| scopes.is_python3()) else { return };
        let Some(place) = scopes.place_behind(raised) else { return };
        let function = without_parentheses(function);
        let is_class = match meaning(file, scopes, function, place) {
            Meaning::Function => return,
            Meaning::Class => true,
            Meaning::Unknown => {
                if may_be_function(file, scopes, function) {
                    return;
                }
                false
            }
        };
        let range = arguments.byte_range();
        let is_commented = file.has_comment_in(range.clone());
        let behind = String::from_utf8_lossy(&file.bytes[range.end..file.bytes.len().min(range.end + 4)]);
        let joins_word = behind.starts_with(char::is_alphanumeric);
        let edits = vec![Edit::replace(range.clone(), if joins_word { " " } else { "" })];
        let is_safe = is_class && (joins_word || !is_commented);
        let fix = if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) };
        out.push(Finding::new(&META, range, "Unnecessary parentheses on raised exception").with_fix(fix));
    }
}

/// What is called.
enum Meaning {
    Class,
    Function,
    Unknown,
}

/// Follows a name, and attributes that are names in a class.
fn meaning(file: &ParsedFile<'_>, scopes: &PythonScopes, function: Node<'_>, place: Place) -> Meaning {
    let mut attributes = Vec::new();
    let mut at = function;
    while at.kind() == "attribute" {
        let (Some(object), Some(attribute)) =
            (at.child_by_field_name("object"), at.child_by_field_name("attribute"))
        else {
            return Meaning::Unknown;
        };
        attributes.push(file.text(attribute));
        at = without_parentheses(object);
    }
    if at.kind() != "identifier" {
        return Meaning::Unknown;
    }
    let mut id = match scopes.symbol_at(&file.text(at), place) {
        Symbol::Builtin if attributes.is_empty() => return Meaning::Class,
        Symbol::Binding(id) => id,
        _ => return Meaning::Unknown,
    };
    for attribute in attributes.iter().rev() {
        let BindingKind::Class(scope) = scopes.binding(id).kind else { return Meaning::Unknown };
        let Some(member) = scopes.member_at(scope, attribute, place) else { return Meaning::Unknown };
        id = member;
    }
    match scopes.binding(id).kind {
        BindingKind::Class(_) => Meaning::Class,
        BindingKind::Function(_) => Meaning::Function,
        _ => Meaning::Unknown,
    }
}

/// Whether something that is not known looks like a function: by its first letter, or because it is one of the
/// standard library.
fn may_be_function(file: &ParsedFile<'_>, scopes: &PythonScopes, function: Node<'_>) -> bool {
    let name = match function.kind() {
        "identifier" => Some(function),
        "attribute" => function.child_by_field_name("attribute"),
        _ => None,
    };
    let is_lower_case = name.is_some_and(|name| {
        let name = file.text(name);
        name.strip_prefix('_').unwrap_or(&name).starts_with(char::is_lowercase)
    });
    is_lower_case || scopes.qualified_name(file, function).as_deref() == Some("ctypes.WinError")
}
