//! Whether a variable is used: read for more than to change itself.

use std::ops::Range;

use tree_sitter::Node;

use super::super::ancestry::Ancestry;
use super::super::syntax::{named_children, operator};
use super::definition::{Definition, Kind, is_function};
use crate::scopes::Variable;

/// A use of a variable, or a declaration that gives it a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use<'t> {
    /// The identifier; `None` where the tree has none.
    pub(super) name: Option<Node<'t>>,
    pub(super) start: usize,
    pub(super) is_read: bool,
    pub(super) is_write: bool,
}

/// A variable with its declarations and uses, as ESLint counts them.
pub(super) struct Candidate<'t> {
    pub(super) name: String,
    pub(super) definitions: Vec<Definition<'t>>,
    /// In order.
    pub(super) uses: Vec<Use<'t>>,
}

impl<'t> Candidate<'t> {
    /// `None` for names that nobody is asked to use.
    pub(super) fn of(ancestry: Ancestry<'_, 't>, variable: &Variable) -> Option<Self> {
        let names = variable.declarations.iter().filter_map(|range| ancestry.name_at(range.start));
        let definitions: Vec<_> = names.filter_map(|name| Definition::of(ancestry, name)).collect();
        let first = definitions.first()?;
        // In its own body, the name of a class is another variable.
        let class = (first.kind == Kind::Class).then(|| first.node.byte_range());
        let block = (first.kind == Kind::Function).then(|| block_around(ancestry, first.node)).flatten();
        let is_other = |start: &usize| {
            class.as_ref().is_some_and(|class| class.contains(start))
                || block.as_ref().is_some_and(|block| !block.contains(start))
        };
        let mut uses: Vec<Use<'t>> = variable
            .references
            .iter()
            .filter(|used| !is_other(&used.range.start))
            .map(|used| Use {
                name: ancestry.name_at(used.range.start),
                start: used.range.start,
                is_read: used.is_read,
                is_write: used.is_write,
            })
            .collect();
        uses.extend(definitions.iter().filter(|definition| definition.is_written()).map(|definition| Use {
            name: Some(definition.name),
            start: definition.name.start_byte(),
            is_read: false,
            is_write: true,
        }));
        uses.sort_by_key(|used| used.start);
        Some(Self { name: variable.name.clone(), definitions, uses })
    }

    pub(super) fn is_written(&self) -> bool {
        self.uses.iter().any(|used| used.is_write)
    }

    /// The last write in the variable's own function.
    pub(super) fn last_write(&self, ancestry: Ancestry<'_, 't>) -> Option<Node<'t>> {
        let own = self.own_function(ancestry);
        let writes = self.uses.iter().rev().filter(|used| used.is_write).filter_map(|used| used.name);
        writes.into_iter().find(|name| function_around(ancestry, *name) == own)
    }

    /// The function that the variable belongs to.
    fn own_function(&self, ancestry: Ancestry<'_, 't>) -> Option<Node<'t>> {
        let first = self.definitions.first()?;
        match first.kind {
            Kind::Parameter => Some(first.node),
            Kind::Function => function_around(ancestry, first.node),
            _ => function_around(ancestry, first.name),
        }
    }

    pub(super) fn is_used(&self, ancestry: Ancestry<'_, 't>) -> bool {
        let own_ranges: Vec<_> = self.definitions.iter().filter_map(Definition::own_range).collect();
        is_used(ancestry, &self.uses, self.own_function(ancestry), &own_ranges)
    }

    /// Whether a rest element takes what the variable leaves of an object.
    pub(super) fn has_rest_sibling(&self, ancestry: Ancestry<'_, 't>) -> bool {
        let declared = self.definitions.iter().map(|definition| definition.name);
        let used = self.uses.iter().filter_map(|used| used.name);
        declared.chain(used).any(|name| has_rest_sibling(ancestry, name))
    }

    /// Whether a destructuring assigns it as an element of an array.
    pub(super) fn is_array_element(&self, ancestry: Ancestry<'_, 't>) -> bool {
        let declared = self.definitions.first().map(|definition| definition.name);
        let used = self.uses.iter().filter_map(|used| used.name);
        declared.into_iter().chain(used).any(|name| is_array_element(ancestry, name))
    }
}

/// The bytes of the block that a function is declared in, where that is not the body of a function. Scripts may
/// see such a function outside of the block, too; ESLint does not.
fn block_around<'t>(ancestry: Ancestry<'_, 't>, function: Node<'t>) -> Option<Range<usize>> {
    let mut around = ancestry.ancestors(function);
    let (block, owner) = (around.next()?, around.next());
    match block.kind() {
        "statement_block" if !owner.is_some_and(is_function) => Some(block.byte_range()),
        "switch_case" | "switch_default" => owner.map(|body| body.byte_range()),
        _ => None,
    }
}

/// Whether the name is itself an element of an array pattern.
pub(super) fn is_array_element<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> bool {
    ancestry.parent_of_value(name).is_some_and(|parent| parent.kind() == "array_pattern")
}

fn has_rest_sibling<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> bool {
    let parent = ancestry.parent_of_value(name);
    let object = parent.and_then(|parent| match parent.kind() {
        "pair_pattern" => ancestry.parent(parent),
        "object_pattern" => Some(parent),
        _ => None,
    });
    object
        .filter(|object| object.kind() == "object_pattern")
        .and_then(|object| named_children(object).last())
        .is_some_and(|last| last.kind() == "rest_pattern")
}

/// The function, class field or other body around `node` that has variables of its own.
fn function_around<'t>(ancestry: Ancestry<'_, 't>, node: Node<'t>) -> Option<Node<'t>> {
    let holds_variables = |node: &Node<'_>| {
        is_function(*node)
            || matches!(
                node.kind(),
                "class_static_block"
                    | "field_definition"
                    | "public_field_definition"
                    | "internal_module"
                    | "module"
                    | "program"
            )
    };
    ancestry.ancestors(node).find(holds_variables)
}

/// Whether one of the uses, in order, counts. `own_function` is that of the variable; uses in `own_ranges` do not
/// count.
pub(super) fn is_used<'t>(
    ancestry: Ancestry<'_, 't>,
    uses: &[Use<'t>],
    own_function: Option<Node<'t>>,
    own_ranges: &[Range<usize>],
) -> bool {
    let mut assigned: Option<Node<'t>> = None;
    uses.iter().any(|used| {
        let Some(name) = used.name else { return used.is_read };
        if is_left_at_once(ancestry, name) {
            return true;
        }
        let is_for_itself = used.is_read && is_read_for_itself(ancestry, name, assigned);
        assigned = assigned_value(ancestry, name, assigned, own_function);
        let is_own = own_ranges.iter().any(|own| own.contains(&used.start));
        used.is_read && !is_for_itself && !is_own
    })
}

/// Whether the name is the variable of a `for…in` or `for…of` whose body begins with `return`: the loop asks
/// whether there is anything to loop over.
fn is_left_at_once<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> bool {
    let Some(looped) = ancestry.parent_of_value(name).filter(|parent| parent.kind() == "for_in_statement")
    else {
        return false;
    };
    let body = looped.child_by_field_name("body");
    let first = body.and_then(|body| match body.kind() {
        "statement_block" => named_children(body).next(),
        _ => Some(body),
    });
    first.is_some_and(|first| first.kind() == "return_statement")
}

/// The assignment of which the name is the left side.
fn assignment_to<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> Option<Node<'t>> {
    let outer = ancestry.with_parens(name);
    let parent = ancestry.parent(outer)?;
    let is_assignment = matches!(parent.kind(), "assignment_expression" | "augmented_assignment_expression");
    (is_assignment && parent.child_by_field_name("left") == Some(outer)).then_some(parent)
}

fn is_read_for_itself<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>, assigned: Option<Node<'t>>) -> bool {
    let is_update = ancestry
        .parent_of_value(name)
        .is_some_and(|parent| parent.kind() == "update_expression" && is_unused_expression(ancestry, parent));
    let is_assignment = || {
        assignment_to(ancestry, name).is_some_and(|assignment| {
            !matches!(operator(assignment), "||=" | "&&=" | "??=")
                && is_unused_expression(ancestry, assignment)
        })
    };
    let is_in_own_value = || {
        assigned.is_some_and(|value| is_inside(name, value) && !is_in_stored_function(ancestry, name, value))
    };
    is_update || is_assignment() || is_in_own_value()
}

fn is_inside(inner: Node<'_>, outer: Node<'_>) -> bool {
    outer.start_byte() <= inner.start_byte() && inner.end_byte() <= outer.end_byte()
}

/// Whether nobody sees the value of the expression.
fn is_unused_expression<'t>(ancestry: Ancestry<'_, 't>, expression: Node<'t>) -> bool {
    let mut node = ancestry.with_parens(expression);
    while let Some(parent) = ancestry.parent(node) {
        match parent.kind() {
            "expression_statement" => return true,
            "sequence_expression" if parent.end_byte() > node.end_byte() => return true,
            "sequence_expression" => node = ancestry.with_parens(parent),
            _ => return false,
        }
    }
    false
}

/// What an assignment to the name gives it, if that cannot be read later by a loop or another function; reads
/// within it are reads for the variable itself.
fn assigned_value<'t>(
    ancestry: Ancestry<'_, 't>,
    name: Node<'t>,
    before: Option<Node<'t>>,
    own_function: Option<Node<'t>>,
) -> Option<Node<'t>> {
    if before.is_some_and(|value| is_inside(name, value)) {
        return before;
    }
    let assignment = assignment_to(ancestry, name)?;
    let can_be_used_later = function_around(ancestry, name) != own_function || is_in_loop(ancestry, name);
    if can_be_used_later || !is_unused_expression(ancestry, assignment) {
        return None;
    }
    let value = assignment.child_by_field_name("right")?;
    Some(super::super::syntax::without_parens(value))
}

fn is_in_loop<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> bool {
    let mut around = ancestry.ancestors(name).take_while(|node| !is_function(*node));
    around.any(is_loop)
}

pub(super) fn is_loop(node: Node<'_>) -> bool {
    matches!(node.kind(), "for_statement" | "for_in_statement" | "while_statement" | "do_statement")
}

/// Whether the name stands in a function within `value` that may be called later.
fn is_in_stored_function<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>, value: Node<'t>) -> bool {
    let function = ancestry.ancestors(name).find(|node| is_function(*node));
    function.is_some_and(|function| is_inside(function, value) && is_stored(ancestry, function, value))
}

/// Whether a function is assigned, handed over or yielded within `value`.
fn is_stored<'t>(ancestry: Ancestry<'_, 't>, function: Node<'t>, value: Node<'t>) -> bool {
    let mut node = function;
    for parent in ancestry.ancestors(function).take_while(|parent| is_inside(*parent, value)) {
        match parent.kind() {
            "sequence_expression" if parent.end_byte() > node.end_byte() => return false,
            "call_expression" => {
                let is_template =
                    parent.child_by_field_name("arguments").is_some_and(|list| list.kind() != "arguments");
                return is_template || parent.child_by_field_name("function") != Some(node);
            }
            "new_expression" => return parent.child_by_field_name("constructor") != Some(node),
            "assignment_expression" | "augmented_assignment_expression" | "yield_expression" => return true,
            "statement_block" | "class_static_block" => return true,
            kind if kind.ends_with("_statement") || kind.ends_with("_declaration") => return true,
            _ => {}
        }
        node = parent;
    }
    false
}
