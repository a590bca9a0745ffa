//! `no-var`: `var` declarations.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::declaration::{Declaration, Declarator, KINDS};
use super::hoisting::{is_called_before, may_run_before};
use super::syntax::path_to;
use crate::facts::SourceKind;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::{ScopeKind, Scopes, Variable, VariableId};
use crate::source::ParsedFile;

const FUNCTIONS: &[&str] = &[
    "function_declaration",
    "generator_function_declaration",
    "method_definition",
    "function_expression",
    "generator_function",
    "arrow_function",
];

rule_type! {
    /// ## What it does
    /// Finds `var` declarations (ESLint's `no-var`).
    ///
    /// ## Why is this bad?
    /// A `var` belongs to the whole function, whatever block it stands in, and can be read before it is
    /// assigned and declared twice; each of these hides mistakes that `let` and `const` make visible.
    ///
    /// ## Example
    /// ```js
    /// var total = 0;
    /// ```
    /// becomes
    /// ```js
    /// let total = 0;
    /// ```
    ///
    /// ## Fix safety
    /// There is a fix only where block scope changes nothing that can be seen: not where the variable is used
    /// outside its block or before its declaration, is declared twice, is captured by a closure in a loop, or
    /// is a global of a classic script. Safe, except at the top level of a file that may be a classic script
    /// (no `import`, `export`, `require`, `module` or `exports` in it), in functions that call `eval`, and
    /// where a function that uses the variable may be called before the declaration has run.
    pub struct NoVar;
}

static META: Meta = Meta {
    id: "no-var",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Finds `var` declarations that should be `let` or `const`.",
    docs: NoVar::MANUAL,
};

impl Rule for NoVar {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["prefer-const"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(declaration) = Declaration::of(file, node) else { return };
        if declaration.keyword.kind() != "var" {
            return;
        }
        let path = path_to(file, node);
        if path.as_ref().is_some_and(|path| is_in_global_augmentation(path)) {
            return;
        }
        let fix = path.zip(file.scopes()).and_then(|(path, scopes)| fix(file, scopes, &declaration, &path));
        let message = "Unexpected var, use let or const instead.".to_owned();
        out.push(Finding { rule: META.id, range: declaration.range, message, fix });
    }
}

/// Whether the last node of `path` stands directly in `declare global { … }`, where only `var` declares a global.
fn is_in_global_augmentation(path: &[Node<'_>]) -> bool {
    let [.., owner, block, _] = path else { return false };
    owner.kind() == "ambient_declaration"
        && block.kind() == "statement_block"
        && owner.child(1).is_some_and(|word| word.kind() == "global")
}

fn fix(
    file: &ParsedFile<'_>,
    scopes: &Scopes,
    declaration: &Declaration<'_>,
    path: &[Node<'_>],
) -> Option<Fix> {
    let block = scope_node(path)?;
    if !stands_in_statement_list(declaration, path) {
        return None;
    }
    let in_loop = is_in_loop(path);
    let all_initialised = declaration.declarators.iter().all(|declarator| declarator.init.is_some());
    if in_loop && !declaration.is_loop_head && !all_initialised {
        return None;
    }
    let mut is_safe = true;
    for declarator in &declaration.declarators {
        for binding in super::declaration::bindings(declarator.pattern) {
            let id = scopes.variable_at(binding.name.start_byte())?;
            let variable = scopes.variable(id);
            let changes_meaning = !can_be_let(scopes, id, declaration)
                || is_used_outside(variable, block)
                || is_used_too_early(variable, declarator, binding.name, binding.default)
                || in_loop && is_used_in_closure(scopes, variable)
                || is_called_before(file, scopes, variable, declaration_start(declarator));
            if changes_meaning {
                return None;
            }
            is_safe &= is_safe_to_scope(file, scopes, variable, declarator);
        }
    }
    let edit = Edit::replace(declaration.keyword.byte_range(), "let");
    Some(if is_safe { Fix::safe(vec![edit]) } else { Fix::unsafe_(vec![edit]) })
}

/// Whether `let` may declare the variable at all: it is declared once, is no global, and means the same name
/// where it is declared (a `catch` parameter may stand between).
fn can_be_let(scopes: &Scopes, id: VariableId, declaration: &Declaration<'_>) -> bool {
    let variable = scopes.variable(id);
    let is_global =
        scopes.scope(variable.scope).kind == ScopeKind::Top && scopes.kind() == SourceKind::Script;
    let here = scopes.innermost(&declaration.range);
    // `let arguments` would hide the function's own arguments, which `var arguments` names.
    !is_global
        && variable.declarations.len() == 1
        && !matches!(variable.name.as_str(), "let" | "arguments")
        && scopes.lookup(here, &variable.name) == Some(id)
}

fn is_used_outside(variable: &Variable, block: Node<'_>) -> bool {
    let block = block.byte_range();
    variable.references.iter().any(|used| used.range.start < block.start || used.range.end > block.end)
}

/// Whether the variable is used before its declaration, in its own default value, or in its own initialiser
/// (a function there runs later).
fn is_used_too_early(
    variable: &Variable,
    declarator: &Declarator<'_>,
    name: Node<'_>,
    default: Option<Node<'_>>,
) -> bool {
    let within = |node: Node<'_>, start: usize| node.start_byte() <= start && start < node.end_byte();
    let eager_init = declarator.init.filter(|init| !is_function(*init));
    variable.references.iter().map(|used| used.range.start).any(|start| {
        start < declaration_start(declarator)
            || declarator.init.is_some()
                && (start < name.start_byte()
                    || default.is_some_and(|default| within(default, start))
                    || eager_init.is_some_and(|init| within(init, start)))
    })
}

fn declaration_start(declarator: &Declarator<'_>) -> usize {
    declarator.pattern.start_byte()
}

fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_expression" | "generator_function" | "arrow_function")
}

fn is_used_in_closure(scopes: &Scopes, variable: &Variable) -> bool {
    let own = scopes.function_around(variable.scope);
    variable.references.iter().any(|used| scopes.function_around(used.scope) != own)
}

/// Whether nothing beyond what can be resolved in this file can tell `let` from `var`.
fn is_safe_to_scope(
    file: &ParsedFile<'_>,
    scopes: &Scopes,
    variable: &Variable,
    declarator: &Declarator<'_>,
) -> bool {
    let scope = scopes.scope(variable.scope);
    let may_be_global = scope.kind == ScopeKind::Top && scopes.kind() == SourceKind::Unknown;
    !may_be_global
        && !scope.has_direct_eval
        && !may_run_before(file, scopes, variable, declaration_start(declarator))
}

/// The node that a `let` in the place of the last node of `path` would be bound to.
fn scope_node<'t>(path: &[Node<'t>]) -> Option<Node<'t>> {
    (0..path.len()).rev().find(|&at| is_scope_node(path, at)).map(|at| path[at])
}

/// The bodies of `static { … }` and of namespaces have variables of their own, and are left out as in ESLint.
fn is_scope_node(path: &[Node<'_>], at: usize) -> bool {
    let owner = at.checked_sub(1).map_or("", |owner| path[owner].kind());
    match path[at].kind() {
        "program" | "switch_statement" | "for_statement" | "for_in_statement" => true,
        "statement_block" => {
            !matches!(owner, "class_static_block" | "internal_module" | "module" | "ambient_declaration")
        }
        _ => false,
    }
}

/// Whether a declaration of `let` is allowed where this one stands: not as the body of an `if`, nor directly in a
/// `case`, nor exported.
fn stands_in_statement_list(declaration: &Declaration<'_>, path: &[Node<'_>]) -> bool {
    if declaration.is_loop_head {
        return true;
    }
    let outwards = path.iter().rev().skip(1);
    let parent = outwards.into_iter().find(|node| node.kind() != "ambient_declaration");
    parent.is_some_and(|parent| match parent.kind() {
        "program" | "statement_block" => true,
        "for_statement" => parent.child_by_field_name("initializer") == Some(declaration.node),
        _ => false,
    })
}

/// Whether the last node of `path` stands in a loop of its own function, the loop's head included.
fn is_in_loop(path: &[Node<'_>]) -> bool {
    let is_loop =
        |kind| matches!(kind, "for_statement" | "for_in_statement" | "while_statement" | "do_statement");
    let nearest =
        path.iter().rev().map(|node| node.kind()).find(|kind| is_loop(kind) || FUNCTIONS.contains(kind));
    nearest.is_some_and(is_loop)
}
