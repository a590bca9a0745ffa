//! `prefer-const`: `let` variables that are assigned once.
//!
//! Variables that one destructuring assigns together are reported together; a declaration is mended when every
//! variable in it can be `const`, which the last report on it finds out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::declaration::{self, Declaration, n_elements};
use super::directives::directives;
use super::syntax::{named_children, path_to, place_of};
use crate::facts::SourceKind;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::scopes::{ScopeId, ScopeKind, Scopes, Variable};
use crate::source::ParsedFile;

/// Nodes between an identifier and what gives it its value.
const PATTERNS: &[&str] = &[
    "array_pattern",
    "object_pattern",
    "pair_pattern",
    "rest_pattern",
    "assignment_pattern",
    "object_assignment_pattern",
];

rule_type! {
    /// ## What it does
    /// Finds variables declared by `let` that are never assigned again.
    ///
    /// ## Why is this bad?
    /// `const` tells the reader that the variable keeps its value, and tells the engine to see to it.
    ///
    /// ## Example
    /// ```js
    /// let limit = 10;
    /// ```
    /// Use instead:
    /// ```js
    /// const limit = 10;
    /// ```
    ///
    /// ## Options
    /// - `destructuring`: `"any"` (the default) reports each variable of a destructuring that could be `const`,
    ///   `"all"` reports them only if all could.
    /// - `ignoreReadBeforeAssign`: leave variables alone that are read between their declaration and their only
    ///   assignment.
    ///
    /// ## Fix safety
    /// There is a fix where every variable of the declaration is initialised in it and never assigned again.
    /// Safe, except at the top level of a file that may be a classic script, where another script may assign
    /// the variable, and in functions that call `eval`.
    pub struct PreferConst {
        options: Options,
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    destructuring: Destructuring,
    ignore_read_before_assign: bool,
}

/// How many variables of a destructuring have to be constant for a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Destructuring {
    #[default]
    Any,
    All,
}

impl PreferConst {
    /// What ESLint does without options.
    pub const DEFAULT: Self =
        Self { options: Options { destructuring: Destructuring::Any, ignore_read_before_assign: false } };
}

static META: Meta = Meta {
    id: "prefer-const",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Finds variables that are never reassigned and should be `const`.",
    docs: PreferConst::MANUAL,
};

impl Rule for PreferConst {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["program"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let declarations = let_declarations(file);
        if declarations.is_empty() || node.parent().is_some() {
            return;
        }
        let Some(scopes) = file.scopes() else { return };
        let (declarations, progress) = (declarations.as_slice(), Progress::default());
        let mut reporter = Reporter { file, scopes, declarations, progress, out };
        for group in groups(file, scopes, declarations, self.options) {
            if self.options.destructuring == Destructuring::Any || group.members.iter().all(Option::is_some) {
                reporter.report(&group);
            }
        }
    }
}

/// All `let` declarations but those in the heads of three-part `for` loops, in order.
fn let_declarations<'t>(file: &ParsedFile<'t>) -> Vec<Declaration<'t>> {
    let mut found = Vec::new();
    for node in file.nodes_of(declaration::KINDS) {
        let is_for_init = file.parent(node).is_some_and(|parent| {
            parent.kind() == "for_statement" && parent.child_by_field_name("initializer") == Some(node)
        });
        let declaration = Declaration::of(file, node).filter(|found| found.keyword.kind() == "let");
        found.extend(declaration.filter(|_| !is_for_init));
    }
    found
}

/// A place where a variable gets its value.
#[derive(Clone, Copy, Debug)]
struct Write<'t> {
    name: Node<'t>,
    scope: ScopeId,
}

/// A declared variable with what decides about it.
struct Candidate<'t, 's> {
    /// The declaring identifier.
    name: Node<'t>,
    /// Index of its declaration.
    declaration: usize,
    variable: &'s Variable,
    /// Initialisation and assignments, in order.
    writes: Vec<Write<'t>>,
}

/// The variables that one declarator or assignment gives their values.
struct Group<'t> {
    /// For each variable the identifier to report; `None` for one that cannot be `const`.
    members: Vec<Option<Reported<'t>>>,
}

/// An identifier to report.
#[derive(Clone, Copy)]
struct Reported<'t> {
    name: Node<'t>,
    /// Index of the declaration that the identifier stands in; `None` if it stands in an assignment.
    declaration: Option<usize>,
    /// The scope of its variable.
    scope: ScopeId,
}

fn groups<'t>(
    file: &ParsedFile<'t>,
    scopes: &Scopes,
    declarations: &[Declaration<'t>],
    options: Options,
) -> Vec<Group<'t>> {
    let mut groups: Vec<Group<'t>> = Vec::new();
    let mut by_host: HashMap<usize, usize> = HashMap::new();
    // Other scripts may assign what a comment calls exported.
    let exported: HashSet<&str> = directives(file)
        .filter(|directive| directive.label == "exported")
        .flat_map(|directive| directive.names())
        .collect();
    for candidate in candidates(file, scopes, declarations) {
        let variable = candidate.variable;
        let is_exported = exported.contains(variable.name.as_str()) && is_shared(scopes, variable.scope);
        let reported =
            if is_exported { None } else { identifier_to_report(file, scopes, &candidate, options) };
        let mut last = None;
        for write in &candidate.writes {
            if last.replace(write.name.id()) == Some(write.name.id()) {
                continue;
            }
            let Some(host) = host_of(file, write.name) else { continue };
            let at = *by_host.entry(host.id()).or_insert_with(|| {
                groups.push(Group { members: Vec::new() });
                groups.len() - 1
            });
            groups[at].members.push(reported);
        }
    }
    groups
}

fn candidates<'t, 's>(
    file: &ParsedFile<'t>,
    scopes: &'s Scopes,
    declarations: &[Declaration<'t>],
) -> Vec<Candidate<'t, 's>> {
    let mut found = Vec::new();
    for (index, declaration) in declarations.iter().enumerate() {
        for declarator in &declaration.declarators {
            let is_initialised = declarator.init.is_some() || declaration.is_loop_head;
            for binding in declaration::bindings(declarator.pattern) {
                let name = binding.name;
                let Some(id) = scopes.variable_at(name.start_byte()) else { continue };
                let variable = scopes.variable(id);
                let init = is_initialised.then_some(Write { name, scope: variable.scope });
                let assignments = variable.references.iter().filter(|used| used.is_write);
                let assignments = assignments.filter_map(|used| {
                    let root = file.tree.root_node();
                    let name = root.descendant_for_byte_range(used.range.start, used.range.end)?;
                    Some(Write { name, scope: used.scope })
                });
                let writes = init.into_iter().chain(assignments).collect();
                found.push(Candidate { name, declaration: index, variable, writes });
            }
        }
    }
    found
}

/// The identifier to report if the variable should be `const`: where it gets its value, or, if it is read
/// before that, where it is declared.
fn identifier_to_report<'t>(
    file: &ParsedFile<'t>,
    scopes: &Scopes,
    candidate: &Candidate<'t, '_>,
    options: Options,
) -> Option<Reported<'t>> {
    let (writer, others) = candidate.writes.split_first()?;
    let is_assigned_again = others.iter().any(|write| write.name.id() != writer.name.id());
    if is_assigned_again
        || writer.scope != candidate.variable.scope
        || !can_become_declaration(file, writer.name)
        || assigns_what_cannot_be_declared(file, scopes, candidate.variable.scope, writer.name)
    {
        return None;
    }
    let scope = candidate.variable.scope;
    let is_declared_here = writer.name.id() == candidate.name.id();
    let is_read_first = candidate
        .variable
        .references
        .iter()
        .any(|used| used.is_read && !used.is_write && used.range.start < writer.name.start_byte());
    if is_read_first && options.ignore_read_before_assign {
        return None;
    }
    Some(if is_declared_here || is_read_first {
        Reported { name: candidate.name, declaration: Some(candidate.declaration), scope }
    } else {
        Reported { name: writer.name, declaration: None, scope }
    })
}

/// Whether other scripts may see the variables of a scope.
fn is_shared(scopes: &Scopes, scope: ScopeId) -> bool {
    scopes.scope(scope).kind == ScopeKind::Top
        && matches!(scopes.kind(), SourceKind::Script | SourceKind::Unknown)
}

/// The nodes from the root down to the innermost around an identifier that is no part of a pattern.
fn path_around_pattern<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> Option<Vec<Node<'t>>> {
    let mut path = path_to(file, name)?;
    path.pop();
    while path.last().is_some_and(|node| PATTERNS.contains(&node.kind())) {
        path.pop();
    }
    Some(path)
}

fn is_assignment(node: Node<'_>) -> bool {
    matches!(node.kind(), "assignment_expression" | "augmented_assignment_expression")
}

/// Whether `node` is the head of a `for…in` or `for…of` that declares its variable.
fn is_declaring_head(node: Node<'_>) -> bool {
    node.kind() == "for_in_statement" && node.child_by_field_name("kind").is_some()
}

/// The declarator or assignment that gives the identifier its value.
fn host_of<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> Option<Node<'t>> {
    path_around_pattern(file, name)?.pop().filter(|node| is_host(*node))
}

fn is_host(node: Node<'_>) -> bool {
    node.kind() == "variable_declarator" || is_declaring_head(node) || is_assignment(node)
}

/// Whether a declaration could stand where the identifier gets its value.
fn can_become_declaration<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> bool {
    let Some(path) = path_around_pattern(file, name) else { return false };
    let Some(host) = path.last().filter(|node| is_host(**node)) else { return false };
    if !is_assignment(*host) {
        return true;
    }
    let Some(statement) = place_of(&path).map(|place| place.parent) else { return false };
    let list = path.iter().rev().skip_while(|node| **node != statement).nth(1);
    statement.kind() == "expression_statement"
        && list.is_some_and(|list| {
            matches!(list.kind(), "program" | "statement_block" | "switch_case" | "switch_default")
        })
}

/// Whether a destructuring assignment also assigns properties, or variables from further out: then it cannot be
/// turned into a declaration.
fn assigns_what_cannot_be_declared<'t>(
    file: &ParsedFile<'t>,
    scopes: &Scopes,
    scope: ScopeId,
    name: Node<'t>,
) -> bool {
    let Some(target) = host_of(file, name)
        .filter(|host| host.kind() == "assignment_expression")
        .and_then(|host| host.child_by_field_name("left"))
    else {
        return false;
    };
    let is_outer = |name: Node<'_>| is_outer_or_parameter(scopes, scope, &file.text(name));
    direct_names(target).into_iter().any(is_outer) || has_property_target(target)
}

/// The plain names at the first level of a pattern, without defaults.
fn direct_names(pattern: Node<'_>) -> Vec<Node<'_>> {
    if !matches!(pattern.kind(), "object_pattern" | "array_pattern") {
        return Vec::new();
    }
    let is_name =
        |node: &Node<'_>| matches!(node.kind(), "identifier" | "shorthand_property_identifier_pattern");
    named_children(pattern).filter_map(target_of).filter(is_name).collect()
}

/// What an element of a pattern assigns.
fn target_of(element: Node<'_>) -> Option<Node<'_>> {
    if element.kind() == "pair_pattern" { element.child_by_field_name("value") } else { Some(element) }
}

fn is_outer_or_parameter(scopes: &Scopes, scope: ScopeId, name: &str) -> bool {
    let Some(id) = scopes.lookup(scope, name) else { return false };
    let variable = scopes.variable(id);
    let is_used_in_scope =
        || variable.references.iter().any(|used| scopes.ancestors(used.scope).any(|at| at == scope));
    variable.is_parameter || variable.scope != scope && is_used_in_scope()
}

/// Whether a destructuring pattern assigns a property, at any depth. As in ESLint, the rest element of an array
/// pattern is not looked into.
fn has_property_target(pattern: Node<'_>) -> bool {
    let mut open = vec![pattern];
    while let Some(node) = open.pop() {
        match node.kind() {
            "member_expression" | "subscript_expression" => return node.id() != pattern.id(),
            "object_pattern" => {
                open.extend(named_children(node).filter_map(|child| match child.kind() {
                    "rest_pattern" => child.named_child(0),
                    _ => Some(child),
                }));
            }
            "array_pattern" => open.extend(named_children(node)),
            "pair_pattern" => open.extend(node.child_by_field_name("value")),
            "assignment_pattern" | "object_assignment_pattern" => {
                open.extend(node.child_by_field_name("left"));
            }
            _ => {}
        }
    }
    false
}

/// ESLint's way of counting how much of a declaration has been reported. What resets the count is part of which
/// declarations get a fix, and so is followed as it is.
#[derive(Default)]
struct Progress {
    n_reported: usize,
    /// The first pattern of the declaration looked at last.
    first_pattern: Option<usize>,
    /// The name compared last; `Some(None)` where it was no identifier.
    name: Option<Option<String>>,
}

impl Progress {
    fn look_at(&mut self, file: &ParsedFile<'_>, declaration: &Declaration<'_>) {
        let Some(first) = declaration.declarators.first() else { return };
        let Some(init) = first.init else { return };
        self.compare_name(name_of(file, first.pattern));
        if first.pattern.kind() == "object_pattern" {
            self.compare_name(name_of(file, init));
        }
        if self.first_pattern.replace(first.pattern.id()) != Some(first.pattern.id()) {
            self.n_reported = 0;
        }
    }

    fn compare_name(&mut self, name: Option<String>) {
        if self.name.as_ref() != Some(&name) {
            self.n_reported = 0;
            self.name = Some(name);
        }
    }
}

fn name_of(file: &ParsedFile<'_>, node: Node<'_>) -> Option<String> {
    (node.kind() == "identifier").then(|| file.text(node).into_owned())
}

struct Reporter<'r, 't> {
    file: &'r ParsedFile<'t>,
    scopes: &'r Scopes,
    declarations: &'r [Declaration<'t>],
    progress: Progress,
    out: &'r mut Vec<Finding>,
}

impl<'t> Reporter<'_, 't> {
    fn report(&mut self, group: &Group<'t>) {
        let first = group.members.first().copied().flatten();
        let declaration = first.and_then(|first| self.declarations.get(first.declaration?));
        if let Some(declaration) = declaration {
            self.progress.look_at(self.file, declaration);
        }
        let reported: Vec<Reported<'t>> = group.members.iter().copied().flatten().collect();
        let all_const = reported.len() == group.members.len();
        let fixed = declaration.filter(|declaration| self.completes(declaration, reported.len(), all_const));
        for identifier in reported {
            let name = self.file.text(identifier.name);
            self.out.push(Finding {
                rule: META.id,
                range: declaration::typed_range(self.file, identifier.name),
                message: format!("'{name}' is never reassigned. Use 'const' instead."),
                fix: fixed.map(|declaration| self.fix(declaration, identifier)),
            });
        }
    }

    /// Whether, with this group reported, every variable of the declaration is known to be constant.
    fn completes(&mut self, declaration: &Declaration<'_>, n_reported: usize, all_const: bool) -> bool {
        let are_initialised = declaration.is_loop_head
            || declaration.declarators.iter().all(|declarator| declarator.init.is_some());
        let is_whole = match declaration.declarators.as_slice() {
            [_] => true,
            declarators => {
                self.progress.n_reported += n_reported;
                let sizes = declarators.iter().map(|declarator| n_elements(declarator.pattern));
                let n_all: usize = sizes.sum();
                self.progress.n_reported == n_all
            }
        };
        are_initialised && all_const && is_whole
    }

    /// The keyword is all that changes, but the whole declaration is claimed: whatever else would change in it has
    /// to be looked at again.
    fn fix(&self, declaration: &Declaration<'_>, identifier: Reported<'_>) -> Fix {
        let edits = vec![Edit::replace(declaration.keyword.byte_range(), "const")];
        let scope = self.scopes.scope(identifier.scope);
        let may_be_shared = is_shared(self.scopes, identifier.scope);
        let fix = if may_be_shared || scope.has_direct_eval { Fix::unsafe_(edits) } else { Fix::safe(edits) };
        fix.claiming(declaration.range.clone())
    }
}
