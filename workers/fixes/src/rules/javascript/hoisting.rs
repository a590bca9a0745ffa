//! Hoisted functions: whether code that uses a variable may run before the variable's declaration has.

use std::collections::HashSet;

use tree_sitter::Node;

use super::syntax::{Place, path_to, place_of};
use crate::scopes::{Reference, ScopeId, ScopeKind, Scopes, Variable, VariableId};
use crate::source::ParsedFile;

/// Whether a hoisted function that uses `variable` is called, by its name, before byte `declared_at`.
/// This is what ESLint looks at.
pub(crate) fn is_called_before(
    file: &ParsedFile<'_>,
    scopes: &Scopes,
    variable: &Variable,
    declared_at: usize,
) -> bool {
    functions_using(file, scopes, variable).iter().any(|&function| {
        let uses = &scopes.variable(function).references;
        uses.iter().any(|used| used.range.start < declared_at && is_callee(file, used))
    })
}

/// Whether a hoisted function that uses `variable` may have run before byte `declared_at`: it is called there,
/// or handed to someone who may call it, or another such function does so.
pub(crate) fn may_run_before(
    file: &ParsedFile<'_>,
    scopes: &Scopes,
    variable: &Variable,
    declared_at: usize,
) -> bool {
    let mut open = functions_using(file, scopes, variable);
    let mut seen: HashSet<VariableId> = open.iter().copied().collect();
    while let Some(function) = open.pop() {
        for used in scopes.variable(function).references.iter().filter(|used| !is_only_stored(file, used)) {
            let callers = enclosing_functions(file, scopes, used.scope, variable.scope);
            if callers.is_empty() && used.range.start < declared_at {
                return true;
            }
            for caller in callers {
                match caller {
                    Enclosing::Hoisted(caller) if seen.insert(caller) => open.push(caller),
                    // A function that is an argument or called on the spot runs where it stands.
                    Enclosing::Eager(at) if at < declared_at => return true,
                    _ => {}
                }
            }
        }
    }
    false
}

/// A function between a use and the scope of the variable.
enum Enclosing {
    /// A declaration, which can be called before it.
    Hoisted(VariableId),
    /// An expression that starts at this byte and may run at once.
    Eager(usize),
    /// An expression that is kept for later.
    Stored,
}

/// The hoisted functions in which `variable` is used.
fn functions_using(file: &ParsedFile<'_>, scopes: &Scopes, variable: &Variable) -> Vec<VariableId> {
    let mut found: Vec<VariableId> = variable
        .references
        .iter()
        .flat_map(|used| enclosing_functions(file, scopes, used.scope, variable.scope))
        .filter_map(|enclosing| match enclosing {
            Enclosing::Hoisted(function) => Some(function),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn enclosing_functions(file: &ParsedFile<'_>, scopes: &Scopes, from: ScopeId, to: ScopeId) -> Vec<Enclosing> {
    scopes
        .ancestors(from)
        .take_while(|&scope| scope != to)
        .filter(|&scope| scopes.scope(scope).kind == ScopeKind::Function)
        .filter_map(|scope| {
            let range = &scopes.scope(scope).range;
            let node = file.tree.root_node().descendant_for_byte_range(range.start, range.end)?;
            Some(match node.kind() {
                "function_declaration" | "generator_function_declaration" => {
                    let name = node.child_by_field_name("name")?;
                    Enclosing::Hoisted(scopes.variable_at(name.start_byte())?)
                }
                _ if runs_at_once(file, node) => Enclosing::Eager(node.start_byte()),
                _ => Enclosing::Stored,
            })
        })
        .collect()
}

/// Whether a function expression is called, or handed to a call, where it stands.
fn runs_at_once<'t>(file: &ParsedFile<'t>, function: Node<'t>) -> bool {
    let place = path_to(file, function).and_then(|path| place_of(&path));
    // What lies too deep to be looked at may run at once.
    place.is_none_or(|place| match place.parent.kind() {
        "arguments" | "new_expression" => true,
        "call_expression" => place.is_field("function"),
        // `(function () { … }).call(this)`
        "member_expression" => true,
        _ => false,
    })
}

fn place_of_use<'t>(file: &ParsedFile<'t>, used: &Reference) -> Option<Place<'t>> {
    let node = file.tree.root_node().descendant_for_byte_range(used.range.start, used.range.end)?;
    place_of(&path_to(file, node)?)
}

fn is_callee(file: &ParsedFile<'_>, used: &Reference) -> bool {
    place_of_use(file, used)
        .is_some_and(|place| place.parent.kind() == "call_expression" && place.is_field("function"))
}

/// Whether a use only puts the function somewhere (`exports.f = f`, `export { f }`, `f.prop = …`).
fn is_only_stored(file: &ParsedFile<'_>, used: &Reference) -> bool {
    place_of_use(file, used).is_some_and(|place| match place.parent.kind() {
        "assignment_expression" => place.is_field("right"),
        "export_specifier" | "export_statement" | "shorthand_property_identifier" | "pair" | "object" => true,
        _ => false,
    })
}
