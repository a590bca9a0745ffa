//! Whether an expression is a member of a global, such as `Object.assign`, under whatever name the file keeps it.
//!
//! Follows a value backwards as ESLint's reference tracker follows it forwards: through conditions, type
//! assertions, assignments, initializers and destructuring.

use std::borrow::Cow;
use std::cell::RefCell;

use tree_sitter::Node;

use super::globals::is_global;
use super::member_access::{is_member_access, member_name, object_of, text_value, untyped};
use super::syntax::{
    first_named_child, identifier_name, named_children, operator, static_name, without_parens,
};
use crate::scopes::VariableId;
use crate::source::ParsedFile;

/// More steps from name to name than anyone writes.
const MAX_DEPTH: usize = 24;

/// Names of the object that holds all globals. All but the first are there by configuration only.
const GLOBAL_OBJECTS: &[&str] = &["globalThis", "global", "self", "window"];

/// Whether `node` evaluates to what `path` names, from the global on: `["Object", "assign"]`. A global that the
/// file writes to is none.
pub(crate) fn is_global_path<'t>(file: &ParsedFile<'t>, node: Node<'t>, path: &[&str]) -> bool {
    let trace = Trace { file, within: RefCell::default() };
    trace.reaches(node, path, MAX_DEPTH)
}

struct Trace<'f, 't> {
    file: &'f ParsedFile<'t>,
    /// The variables whose values are being followed.
    within: RefCell<Vec<VariableId>>,
}

impl<'t> Trace<'_, 't> {
    fn reaches(&self, node: Node<'t>, path: &[&str], depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let node = without_parens(node);
        let child = |field: &str| node.child_by_field_name(field);
        let any = |fields: [&str; 2]| {
            fields.iter().any(|field| child(field).is_some_and(|part| self.reaches(part, path, depth)))
        };
        match node.kind() {
            "identifier" => self.name_reaches(node, path, depth),
            "ternary_expression" => any(["consequence", "alternative"]),
            "binary_expression" if matches!(operator(node), "&&" | "||" | "??") => any(["left", "right"]),
            "assignment_expression" | "augmented_assignment_expression" => {
                child("right").is_some_and(|right| self.reaches(right, path, depth))
            }
            "sequence_expression" => {
                named_children(node).last().is_some_and(|last| self.reaches(last, path, depth))
            }
            _ if is_member_access(node) => self.member_reaches(node, path, depth),
            _ => untyped(node).is_some_and(|inner| self.reaches(inner, path, depth)),
        }
    }

    fn member_reaches(&self, member: Node<'t>, path: &[&str], depth: usize) -> bool {
        let (Some((last, rest)), Some(object)) = (path.split_last(), object_of(member)) else { return false };
        member_name(self.file, member).is_some_and(|name| name == *last) && self.reaches(object, rest, depth)
    }

    fn name_reaches(&self, identifier: Node<'t>, path: &[&str], depth: usize) -> bool {
        let Some(scopes) = self.file.scopes() else { return false };
        let Some(id) = scopes.variable_at(identifier.start_byte()) else {
            return self.is_global_of(identifier, path);
        };
        if self.within.borrow().contains(&id) {
            return false;
        }
        self.within.borrow_mut().push(id);
        let variable = scopes.variable(id);
        let writes = variable.references.iter().filter(|reference| reference.is_write);
        let mut sites = variable.declarations.iter().chain(writes.map(|reference| &reference.range));
        let root = self.file.tree.root_node();
        let reaches = sites.any(|site| {
            root.descendant_for_byte_range(site.start, site.end)
                .is_some_and(|name| self.bound_reaches(name, path, depth))
        });
        self.within.borrow_mut().pop();
        reaches
    }

    fn is_global_of(&self, identifier: Node<'t>, path: &[&str]) -> bool {
        let is_untouched = |name: &str| {
            is_global(self.file, identifier, name)
                && self.file.scopes().is_some_and(|scopes| !scopes.is_assigned_global(name))
        };
        match path {
            [name] => is_untouched(name),
            [] => {
                let name = identifier_name(self.file, identifier);
                let is_there = name == "globalThis" || self.file.facts.globals.get(&*name) == Some(&true);
                is_there && GLOBAL_OBJECTS.contains(&&*name) && is_untouched(&name)
            }
            _ => false,
        }
    }

    /// Whether what is bound to `name`, a part of a declaration, parameter or assignment, reaches `path`.
    fn bound_reaches(&self, name: Node<'t>, path: &[&str], depth: usize) -> bool {
        let mut path = path;
        let mut bound = name;
        for around in self.file.ancestors(name).take(MAX_DEPTH) {
            let is = |field: &str| around.child_by_field_name(field) == Some(bound);
            let holds = |field: &str| {
                around.child_by_field_name(field).is_some_and(|value| self.reaches(value, path, depth))
            };
            let key = match around.kind() {
                "parenthesized_expression" => None,
                "variable_declarator" => return is("name") && holds("value"),
                "assignment_expression" | "augmented_assignment_expression" => {
                    return is("left") && holds("right");
                }
                "required_parameter" | "optional_parameter" => return is("pattern") && holds("value"),
                "assignment_pattern" | "object_assignment_pattern" if !is("left") => return false,
                "assignment_pattern" | "object_assignment_pattern" if holds("right") => return true,
                "assignment_pattern" => None,
                "object_assignment_pattern" => Some(identifier_name(self.file, bound)),
                "pair_pattern" if is("value") => {
                    around.child_by_field_name("key").and_then(|key| self.key(key))
                }
                "object_pattern" if bound.kind() == "shorthand_property_identifier_pattern" => {
                    Some(identifier_name(self.file, bound))
                }
                "object_pattern" => None,
                _ => return false,
            };
            if let Some(key) = key {
                let Some((last, rest)) = path.split_last() else { return false };
                if key != *last {
                    return false;
                }
                path = rest;
            } else if around.kind() == "pair_pattern" {
                return false;
            }
            bound = around;
        }
        false
    }

    fn key(&self, key: Node<'t>) -> Option<Cow<'t, str>> {
        match key.kind() {
            "computed_property_name" => {
                let inner = first_named_child(key).map(without_parens)?;
                text_value(self.file, inner)
            }
            _ => static_name(self.file, key),
        }
    }
}
