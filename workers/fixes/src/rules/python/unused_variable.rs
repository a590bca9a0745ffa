//! `F841`: a local variable that is assigned to but never used.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::python::{Binding, BindingKind, PythonScopes, ScopeKind};
use crate::source::ParsedFile;

use super::side_effect::SideEffect;
use super::statement_edits::{delete_statement, find_statement, is_import, isolated};
use super::syntax::{code_children, lone_element};

rule_type! {
    /// ## What it does
    /// Finds variables of functions that are assigned to but never used (ruff's `unused-variable`), and names
    /// of caught exceptions that are never used. Names that start with an underscore may be unused, and so may
    /// those that a value is unpacked to.
    ///
    /// ## Why is this bad?
    /// Such a variable is left from something that was changed, or something else was meant to be used.
    ///
    /// ## Example
    /// ```python
    /// def area(width, height):
    ///     depth = 1
    ///     try:
    ///         return width * height
    ///     except TypeError as error:
    ///         return None
    /// ```
    /// Use instead:
    /// ```python
    /// def area(width, height):
    ///     try:
    ///         return width * height
    ///     except TypeError:
    ///         return None
    /// ```
    ///
    /// ## Fix safety
    /// Taking the name of an exception away is safe. Any other fix is unsafe: it can delete comments, and the
    /// variable may have been meant to be used. What is evaluated for its effects is kept.
    pub struct UnusedVariable;
}

static META: Meta = Meta {
    id: "F841",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Warning,
    summary: "Finds variables of functions that are assigned to but never used.",
    docs: UnusedVariable::MANUAL,
};

/// Names that tools look for in the frames of a program.
const READ_BY_TOOLS: &[&str] =
    &["__tracebackhide__", "__traceback_info__", "__traceback_supplement__", "__debuggerskip__"];

impl Rule for UnusedVariable {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, _node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(scopes) = file.python_scopes().filter(|scopes| scopes.is_sound()) else { return };
        for (id, binding) in scopes.bindings() {
            let name = scopes.name(binding.name);
            if binding.is_used || is_dummy(name) {
                continue;
            }
            let fix = if binding.kind == BindingKind::BoundException {
                without_exception_name(file, binding)
            } else if is_variable(scopes, binding) && scopes.is_last(id) && !READ_BY_TOOLS.contains(&name) {
                fix(file, scopes, binding)
            } else {
                continue;
            };
            let message = format!("Local variable `{name}` is assigned to but never used");
            out.push(Finding::new(&META, binding.range.clone(), message).with_fix(fix));
        }
    }
}

fn is_variable(scopes: &PythonScopes, binding: &Binding) -> bool {
    let scope = scopes.scope(binding.scope);
    matches!(binding.kind, BindingKind::Assignment | BindingKind::NamedExpression | BindingKind::WithItem)
        && matches!(scope.kind, ScopeKind::Function | ScopeKind::Lambda)
        && (!scope.uses_locals || scope.kind != ScopeKind::Function)
        && !binding.is_global
        && !binding.is_nonlocal
        && !binding.is_unpacked
}

/// Whether a name says that it is not meant to be used: underscores, or an underscore, then letters and digits.
fn is_dummy(name: &str) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let ends_well = name.ends_with(|last: char| last != '_') || name.bytes().all(|byte| byte == b'_');
    name.starts_with('_') && is_plain && ends_well
}

/// Takes ` as name` out of an `except`.
fn without_exception_name(file: &ParsedFile<'_>, binding: &Binding) -> Option<Fix> {
    let keyword = code_token_before(file, binding.range.start).filter(|token| token.kind() == "as")?;
    let before = code_token_before(file, keyword.start_byte())?;
    let colon = tokens_from(file, binding.range.end).next().filter(|token| token.kind() == ":")?;
    Some(Fix::safe(vec![Edit::delete(before.end_byte()..colon.start_byte())]))
}

fn fix(file: &ParsedFile<'_>, scopes: &PythonScopes, binding: &Binding) -> Option<Fix> {
    let (statement, block) = find_statement(file, &scopes.statement(binding.statement?).range)?;
    match statement.kind() {
        "expression_statement" => {
            let assignment = code_children(statement).next().filter(|node| node.kind() == "assignment")?;
            if assignment.child_by_field_name("type").is_some() {
                without_annotated(file, statement, assignment, block)
            } else {
                without_assigned(file, binding, statement, assignment, block)
            }
        }
        "with_statement" if binding.kind == BindingKind::WithItem => without_with_target(file, binding),
        _ => None,
    }
}

/// The targets of `a = b = value`, parentheses and all, and the value.
fn targets_and_value(assignment: Node<'_>) -> Option<(Vec<Node<'_>>, Node<'_>)> {
    let mut targets = Vec::new();
    let mut value = assignment;
    while value.kind() == "assignment" {
        targets.push(value.child_by_field_name("left")?);
        value = value.child_by_field_name("right")?;
    }
    Some((targets, value))
}

/// The target inside its parentheses, which the grammar takes for those of a tuple.
fn bare_target(mut target: Node<'_>) -> Node<'_> {
    while let Some(inner) = lone_element(target) {
        target = inner;
    }
    target
}

fn without_assigned<'t>(
    file: &ParsedFile<'t>,
    binding: &Binding,
    statement: Node<'t>,
    assignment: Node<'t>,
    block: Node<'t>,
) -> Option<Fix> {
    let (targets, value) = targets_and_value(assignment)?;
    let target = targets.iter().find(|target| bare_target(**target).byte_range() == binding.range);
    let Some(target) = target else {
        let renamed = format!("_{}", String::from_utf8_lossy(file.bytes_of(binding.range.clone())));
        let fix = Fix::unsafe_(vec![Edit::replace(binding.range.clone(), renamed.clone())]);
        return is_dummy(&renamed).then(|| isolated(fix, block, may_go));
    };
    if bare_target(*target).kind() != "identifier" {
        return None;
    }
    if targets.len() > 1 || SideEffect::of(file, value) == SideEffect::Present {
        let end = behind_equals(file, binding.range.end)?;
        return Some(Fix::unsafe_(vec![Edit::delete(target.start_byte()..end)]));
    }
    let fix = Fix::unsafe_(vec![delete_statement(file, statement, block)]);
    Some(isolated(fix, block, may_go))
}

fn without_annotated<'t>(
    file: &ParsedFile<'t>,
    statement: Node<'t>,
    assignment: Node<'t>,
    block: Node<'t>,
) -> Option<Fix> {
    let value = assignment.child_by_field_name("right")?;
    let target = assignment.child_by_field_name("left")?;
    if bare_target(target).kind() != "identifier" {
        return None;
    }
    if SideEffect::of(file, value) == SideEffect::Present {
        let end = behind_equals(file, statement.start_byte())?;
        return Some(Fix::unsafe_(vec![Edit::delete(statement.start_byte()..end)]));
    }
    let fix = Fix::unsafe_(vec![delete_statement(file, statement, block)]);
    Some(isolated(fix, block, may_go))
}

fn may_go(statement: Node<'_>) -> bool {
    let is_assignment = code_children(statement).next().is_some_and(|child| child.kind() == "assignment");
    is_import(statement) || is_assignment
}

/// Where the token behind the next `=` outside brackets starts.
fn behind_equals(file: &ParsedFile<'_>, at: usize) -> Option<usize> {
    let mut n_open = 0_u32;
    let mut tokens = tokens_from(file, at);
    loop {
        let token = tokens.next()?;
        match token.kind() {
            "(" | "[" | "{" => n_open += 1,
            ")" | "]" | "}" => n_open = n_open.saturating_sub(1),
            "=" if n_open == 0 => return tokens.next().map(|next| next.start_byte()),
            _ => {}
        }
    }
}

fn tokens_from<'f, 't>(file: &'f ParsedFile<'t>, at: usize) -> impl Iterator<Item = Node<'t>> + 'f {
    let tokens = file.tokens();
    let from = tokens.partition_point(|token| token.start_byte() < at);
    tokens.get(from..).unwrap_or_default().iter().copied().filter(|token| token.kind() != "line_continuation")
}

/// The last token before byte `at` that is code.
fn code_token_before<'t>(file: &ParsedFile<'t>, mut at: usize) -> Option<Node<'t>> {
    loop {
        let token = file.token_before(at)?;
        if token.kind() != "line_continuation" {
            return Some(token);
        }
        at = token.start_byte();
    }
}

/// Takes ` as name` out of a `with`.
fn without_with_target(file: &ParsedFile<'_>, binding: &Binding) -> Option<Fix> {
    let mut keyword = code_token_before(file, binding.range.start)?;
    while keyword.kind() == "(" {
        keyword = code_token_before(file, keyword.start_byte())?;
    }
    if keyword.kind() != "as" {
        return None;
    }
    let start = code_token_before(file, keyword.start_byte())?.end_byte();
    let mut n_open = 0_u32;
    for token in tokens_from(file, start) {
        match token.kind() {
            ")" | "]" | "}" if n_open == 0 => return deletion(start, token),
            "(" | "[" | "{" => n_open += 1,
            ")" | "]" | "}" => n_open -= 1,
            ":" | "," if n_open == 0 => return deletion(start, token),
            _ => {}
        }
    }
    None
}

fn deletion(start: usize, end: Node<'_>) -> Option<Fix> {
    Some(Fix::unsafe_(vec![Edit::delete(start..end.start_byte())]))
}
