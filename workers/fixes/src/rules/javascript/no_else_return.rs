//! `no-else-return`: `if (a) { return b; } else { return c; }`.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::declaration::bindings;
use super::statement_lists::{alternate, function_around, is_statement_list};
use super::surroundings::statement_range;
use super::syntax::{identifier_name, named_children};
use super::token_lines::{first_token_of, last_token_of, may_continue_line, spells, touch_on_line};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::scopes::{Reference, ScopeId, ScopeKind, Scopes};
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `else` where every branch before it ends in `return`.
    ///
    /// ## Why is this bad?
    /// What follows the `if` is reached only where the condition is false: the `else` and its braces only add
    /// a level.
    ///
    /// ## Example
    /// ```js
    /// function sign(n) {
    ///   if (n < 0) {
    ///     return -1;
    ///   } else {
    ///     return 1;
    ///   }
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// function sign(n) {
    ///   if (n < 0) {
    ///     return -1;
    ///   }
    ///   return 1;
    /// }
    /// ```
    ///
    /// ## Options
    /// `allowElseIf` (default `true`): leave `else if` alone and find only the last `else` of a chain whose
    /// branches all return.
    ///
    /// ## Fix safety
    /// Safe. There is no fix where a declaration in the `else` would meet another use of its name, or where
    /// the code would run into its neighbours for want of a semicolon. Comments between `else` and its brace
    /// are lost.
    pub struct NoElseReturn { options: Options }
}

impl NoElseReturn {
    /// The rule as it is without options.
    pub const DEFAULT: Self = Self { options: Options { allow_else_if: true } };
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    allow_else_if: bool,
}

impl Default for Options {
    fn default() -> Self {
        NoElseReturn::DEFAULT.options
    }
}

static META: Meta = Meta {
    id: "no-else-return",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows `else` after branches that return.",
    docs: NoElseReturn::MANUAL,
};

impl Rule for NoElseReturn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["if_statement"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if !file.parent(node).is_some_and(is_statement_list) {
            return;
        }
        let needless = if self.options.allow_else_if { last_else(node) } else { first_else(node) };
        if let Some(needless) = needless {
            out.push(
                Finding::new(&META, statement_range(file, needless), "Unnecessary 'else' after 'return'.")
                    .with_fix(unwrap(file, node, needless)),
            );
        }
    }
}

/// The last `else` of a chain whose branches all return.
fn last_else(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node;
    while at.kind() == "if_statement" {
        let other = alternate(at)?;
        if !always_returns(at.child_by_field_name("consequence")?) {
            return None;
        }
        at = other;
    }
    Some(at)
}

/// The `else` of an `if` that returns.
fn first_else(node: Node<'_>) -> Option<Node<'_>> {
    let other = alternate(node)?;
    always_returns(node.child_by_field_name("consequence")?).then_some(other)
}

fn always_returns(branch: Node<'_>) -> bool {
    if branch.kind() == "statement_block" {
        named_children(branch).any(returns_or_forks)
    } else {
        returns_or_forks(branch)
    }
}

/// Whether `statement` is a `return`, or an `if` with an `else` which both end in one.
fn returns_or_forks(statement: Node<'_>) -> bool {
    match statement.kind() {
        "return_statement" => true,
        "if_statement" => {
            alternate(statement).is_some_and(ends_in_return)
                && statement.child_by_field_name("consequence").is_some_and(ends_in_return)
        }
        _ => false,
    }
}

fn ends_in_return(branch: Node<'_>) -> bool {
    let last = if branch.kind() == "statement_block" { named_children(branch).last() } else { Some(branch) };
    last.is_some_and(|last| last.kind() == "return_statement")
}

/// Takes `else` and the braces of `branch` out. `node` is the `if` at the head of the chain.
fn unwrap<'t>(file: &ParsedFile<'t>, node: Node<'t>, branch: Node<'t>) -> Option<Fix> {
    if !keeps_names(file, node, branch) {
        return None;
    }
    let start = first_token_of(file, branch)?;
    let keyword = file.token_before(start.start_byte())?;
    let end = last_token_of(file, branch)?;
    let is_block = branch.kind() == "statement_block";
    let first_within = if is_block { file.token_after(start.end_byte())? } else { start };
    if follows_open_branch(file, keyword)? && may_continue_line(file, first_within) {
        return None;
    }
    if joins_next(file, end)? {
        return None;
    }
    let mut edits = vec![];
    if is_block {
        edits.push(Edit::delete(keyword.start_byte()..start.end_byte()));
        edits.push(Edit::delete(end.byte_range()));
    } else {
        edits.push(Edit::delete(keyword.start_byte()..branch.start_byte()));
    }
    // Another rule that takes a `return` out must not do so in the same pass.
    Some(Fix::safe(edits).claiming(function_around(file, branch)))
}

/// Whether the branch before `keyword` is a statement without braces and without a semicolon.
fn follows_open_branch<'t>(file: &ParsedFile<'t>, keyword: Node<'t>) -> Option<bool> {
    let clause = file.parent(keyword)?;
    let consequent = file.parent(clause)?.child_by_field_name("consequence")?;
    let last = file.token_before(keyword.start_byte())?;
    Some(consequent.kind() != "statement_block" && !spells(file, last, ";"))
}

/// Whether the last statement of the branch that ends with the token `end` would run into what follows.
fn joins_next(file: &ParsedFile<'_>, end: Node<'_>) -> Option<bool> {
    let last = file.token_before(end.start_byte())?;
    let Some(next) = file.token_after(end.end_byte()) else { return Some(false) };
    let joins =
        may_continue_line(file, next) || (touch_on_line(file, last, next) && !spells(file, next, "}"));
    Some(!spells(file, last, ";") && joins)
}

/// Whether no declaration in `branch` would meet another use of its name if it stood beside `node`.
fn keeps_names<'t>(file: &ParsedFile<'t>, node: Node<'t>, branch: Node<'t>) -> bool {
    match branch.kind() {
        // Where a bare function of an `else` is visible, engines disagree.
        "function_declaration" | "generator_function_declaration" => false,
        "statement_block" => {
            let names = declared_names(file, branch);
            names.is_empty()
                || file.scopes().is_some_and(|scopes| {
                    let around = Around::of(file, scopes, node, branch);
                    names.iter().all(|name| around.is_free(name))
                })
        }
        _ => true,
    }
}

/// The names that are bound in `block` alone.
fn declared_names(file: &ParsedFile<'_>, block: Node<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for statement in named_children(block) {
        match statement.kind() {
            "lexical_declaration" | "using_declaration" => {
                let patterns =
                    named_children(statement).filter_map(|child| child.child_by_field_name("name"));
                let bound = patterns.flat_map(bindings);
                names.extend(bound.map(|bound| identifier_name(file, bound.name).into_owned()));
            }
            "function_declaration"
            | "generator_function_declaration"
            | "class_declaration"
            | "abstract_class_declaration"
            | "enum_declaration"
            | "interface_declaration"
            | "type_alias_declaration" => {
                let name = statement.child_by_field_name("name");
                names.extend(name.map(|name| identifier_name(file, name).into_owned()));
            }
            _ => {}
        }
    }
    names
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The scope that declarations of the branch would move to.
struct Around<'f, 't> {
    file: &'f ParsedFile<'t>,
    scopes: &'f Scopes,
    scope: ScopeId,
    range: Range<usize>,
    /// Where the declarations come from.
    branch: Range<usize>,
}

impl<'f, 't> Around<'f, 't> {
    fn of(file: &'f ParsedFile<'t>, scopes: &'f Scopes, node: Node<'t>, branch: Node<'t>) -> Self {
        let scope = scopes.innermost(&node.byte_range());
        let range = scopes.scope(scope).range.clone();
        Self { file, scopes, scope, range, branch: branch.byte_range() }
    }

    /// Whether nothing in the scope declares `name` or uses one from outside.
    fn is_free(&self, name: &str) -> bool {
        let scope = self.scopes.scope(self.scope);
        let outer = scope.parent.and_then(|parent| self.scopes.lookup(parent, name));
        let found = self.scopes.lookup(self.scope, name);
        if let Some(hoisted) = found.map(|found| self.scopes.variable(found))
            && hoisted.declarations.iter().all(|declared| holds(&self.branch, declared))
        {
            // A function of the branch, which the function around sees as well.
            let is_outside = |used: &Reference| !holds(&self.branch, &used.range);
            return !hoisted.references.iter().any(is_outside);
        }
        if let Some(own) = found.filter(|found| self.scopes.variable(*found).scope == self.scope)
            && !self.is_own_name_of_expression(self.scopes.variable(own).declarations.first())
        {
            return false;
        }
        if let Some(own) = found {
            // Also a function expression's own name, which other scopes take for one from outside.
            let uses = &self.scopes.variable(own).references;
            let first = uses.partition_point(|used| used.range.start < self.range.start);
            if uses.get(first).is_some_and(|used| used.range.end <= self.range.end) {
                return false;
            }
        } else if self.scopes.uses_global_in(name, &self.range) {
            return false;
        }
        let is_catch_parameter = outer.is_some_and(|outer| {
            let owner = self.scopes.variable(outer).scope;
            Some(owner) == scope.parent && self.scopes.scope(owner).kind == ScopeKind::Catch
        });
        !is_catch_parameter && !self.holds_var(name)
    }

    /// Whether a `var` of that name stands in the scope, although it belongs to the function around.
    fn holds_var(&self, name: &str) -> bool {
        let function = self.scopes.function_around(self.scope);
        let found = self.scopes.lookup(function, name).map(|found| self.scopes.variable(found));
        function != self.scope
            && found.is_some_and(|found| {
                found.scope == function
                    && found
                        .declarations
                        .iter()
                        .any(|declared| holds(&self.range, declared) && !holds(&self.branch, declared))
            })
    }

    fn is_own_name_of_expression(&self, declaration: Option<&Range<usize>>) -> bool {
        let Some(declaration) = declaration else { return false };
        let root = self.file.tree.root_node();
        root.descendant_for_byte_range(declaration.start, declaration.end)
            .and_then(|name| self.file.parent(name))
            .is_some_and(|owner| matches!(owner.kind(), "function_expression" | "generator_function"))
    }
}
