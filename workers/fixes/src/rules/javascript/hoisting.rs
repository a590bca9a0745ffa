//! Hoisted functions: whether code that uses a variable may run before the variable's declaration has.

use std::collections::HashSet;

use super::syntax::{Place, path_to, place_of};
use crate::scopes::{FunctionForm, Reference, ScopeId, Scopes, Variable, VariableId};
use crate::source::ParsedFile;

/// Whether a hoisted function that uses `variable` is called, by its name, before byte `declared_at`.
/// This is what ESLint looks at.
pub(crate) fn is_called_before(
    file: &ParsedFile<'_>,
    scopes: &Scopes,
    variable: &Variable,
    declared_at: usize,
) -> bool {
    functions_using(scopes, variable).iter().any(|&function| {
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
    let mut open = functions_using(scopes, variable);
    let mut seen: HashSet<VariableId> = open.iter().copied().collect();
    while let Some(function) = open.pop() {
        for used in &scopes.variable(function).references {
            let callers: Vec<Enclosing> = functions_between(scopes, used.scope, variable.scope).collect();
            let mut runs_where_it_stands = used.range.start < declared_at;
            if callers.is_empty() && !runs_where_it_stands || is_only_stored(file, used) {
                continue;
            }
            for caller in callers {
                match caller.form {
                    FunctionForm::Declared(name) => {
                        open.extend(scopes.variable_at(name).filter(|caller| seen.insert(*caller)));
                        runs_where_it_stands = false;
                    }
                    FunctionForm::Immediate => runs_where_it_stands &= caller.start < declared_at,
                    FunctionForm::Stored => runs_where_it_stands = false,
                }
            }
            if runs_where_it_stands {
                return true;
            }
        }
    }
    false
}

/// The hoisted functions in which `variable` is used.
fn functions_using(scopes: &Scopes, variable: &Variable) -> Vec<VariableId> {
    let mut found: Vec<VariableId> = variable
        .references
        .iter()
        .flat_map(|used| functions_between(scopes, used.scope, variable.scope))
        .filter_map(|function| match function.form {
            FunctionForm::Declared(name) => scopes.variable_at(name),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A function around a use.
struct Enclosing {
    form: FunctionForm,
    start: usize,
}

/// The functions around `from` that lie within `to`, innermost first.
fn functions_between(scopes: &Scopes, from: ScopeId, to: ScopeId) -> impl Iterator<Item = Enclosing> + '_ {
    scopes.ancestors(from).take_while(move |&scope| scope != to).filter_map(|scope| {
        let scope = scopes.scope(scope);
        Some(Enclosing { form: scope.function?, start: scope.range.start })
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
