//! Calls of functions of globals, however they are reached: `Math.pow()`, `globalThis.Math["pow"]()`,
//! `const { pow } = Math; pow()`.

use std::borrow::Cow;

use tree_sitter::Node;

use super::globals::{is_configured, is_global};
use super::static_value::{is_member, static_text};
use super::syntax::{identifier_name, named_children, operator, static_name, without_parens};
use crate::scopes::VariableId;
use crate::source::ParsedFile;

/// Names of the object that holds the globals; the second says whether every host has it.
const GLOBAL_OBJECTS: &[(&str, bool)] =
    &[("globalThis", true), ("window", false), ("self", false), ("global", false)];

/// Names that stand for other names, more deeply than anyone writes.
const MAX_ALIASES: usize = 8;
/// Uses that are followed from one identifier.
const MAX_USES: usize = 500;
/// Sums of strings that name a property, more deeply than anyone writes.
const MAX_SUM_DEPTH: usize = 16;

/// The calls of the global that `path` (`["Math", "pow"]`) names, as far as they are reached from `identifier`.
pub(super) fn calls_reached_from<'t>(
    file: &ParsedFile<'t>,
    identifier: Node<'t>,
    path: &[&str],
) -> Vec<Node<'t>> {
    let Some((name, members)) = path.split_first() else { return Vec::new() };
    let text = identifier_name(file, identifier);
    let is_read_only = |name: &str| file.scopes().is_some_and(|scopes| !scopes.is_assigned_global(name));
    let is_intact = |name: &str| is_global(file, identifier, name) && is_read_only(name);
    let object = GLOBAL_OBJECTS.iter().find(|(object, _)| *object == text);
    let rest = match object {
        _ if text == *name && is_intact(name) => members,
        Some((object, is_everywhere))
            if (*is_everywhere || is_configured(file, object)) && is_intact(object) =>
        {
            path
        }
        _ => return Vec::new(),
    };
    let mut tracer = Tracer { file, calls: Vec::new(), followed: Vec::new(), n_uses: 0 };
    tracer.expression(identifier, rest);
    tracer.calls
}

struct Tracer<'f, 't> {
    file: &'f ParsedFile<'t>,
    calls: Vec<Node<'t>>,
    /// The variables that are being followed just now.
    followed: Vec<VariableId>,
    n_uses: usize,
}

impl<'t> Tracer<'_, 't> {
    /// Follows the value of `node`, whose members `path` are looked for.
    fn expression(&mut self, node: Node<'t>, path: &[&str]) {
        let (mut node, mut path) = (node, path);
        while let Some(parent) = self.file.parent(node) {
            let is_field = |field: &str| parent.child_by_field_name(field) == Some(node);
            match parent.kind() {
                _ if passes_on(parent, node) => {}
                "member_expression" | "subscript_expression" if is_field("object") => {
                    let Some((wanted, rest)) = path.split_first() else { return };
                    if accessed_name(self.file, parent).as_deref() != Some(*wanted) {
                        return;
                    }
                    path = rest;
                }
                "call_expression" if is_field("function") => {
                    let arguments = parent.child_by_field_name("arguments");
                    let is_call = arguments.is_some_and(|arguments| arguments.kind() == "arguments");
                    if is_call && path.is_empty() {
                        self.calls.push(parent);
                    }
                    return;
                }
                "assignment_expression" | "augmented_assignment_expression" if is_field("right") => {
                    self.target(parent.child_by_field_name("left"), path);
                }
                "assignment_pattern" | "object_assignment_pattern" if is_field("right") => {
                    return self.target(parent.child_by_field_name("left"), path);
                }
                "variable_declarator" if is_field("value") => {
                    return self.target(parent.child_by_field_name("name"), path);
                }
                "required_parameter" | "optional_parameter" if is_field("value") => {
                    return self.target(parent.child_by_field_name("pattern"), path);
                }
                _ => return,
            }
            node = parent;
        }
    }

    /// Follows what is assigned to `pattern`.
    fn target(&mut self, pattern: Option<Node<'t>>, path: &[&str]) {
        let Some(pattern) = pattern.map(without_parens) else { return };
        match pattern.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => self.variable(pattern, path),
            "object_pattern" => {
                let Some((wanted, rest)) = path.split_first() else { return };
                for property in named_children(pattern) {
                    let target = self.target_of_property(property, wanted);
                    // A nest of patterns is as deep as the path is long.
                    if target.is_some() {
                        self.target(target, rest);
                    }
                }
            }
            "assignment_pattern" => {
                let left = pattern.child_by_field_name("left").filter(|left| left.kind() != pattern.kind());
                self.target(left, path);
            }
            _ => {}
        }
    }

    /// Where the value of the property `wanted` goes.
    fn target_of_property(&self, property: Node<'t>, wanted: &str) -> Option<Node<'t>> {
        let is_wanted = |node: Node<'_>| identifier_name(self.file, node) == wanted;
        match property.kind() {
            "shorthand_property_identifier_pattern" => is_wanted(property).then_some(property),
            "object_assignment_pattern" => {
                property.child_by_field_name("left").filter(|left| is_wanted(*left))
            }
            "pair_pattern" => {
                let key = property.child_by_field_name("key")?;
                let name = match key.kind() {
                    "computed_property_name" => constant_text(self.file, named_children(key).next()?, 0),
                    "number" => static_text(self.file, key),
                    _ => static_name(self.file, key),
                };
                (name? == wanted).then(|| property.child_by_field_name("value"))?
            }
            _ => None,
        }
    }

    /// Follows the uses of the variable that `name` declares or assigns to.
    fn variable(&mut self, name: Node<'t>, path: &[&str]) {
        let file = self.file;
        let Some(scopes) = file.scopes() else { return };
        let Some(id) = scopes.variable_at(name.start_byte()) else { return };
        if self.followed.contains(&id) || self.followed.len() >= MAX_ALIASES {
            return;
        }
        self.followed.push(id);
        for reference in scopes.variable(id).references.iter().filter(|reference| reference.is_read) {
            self.n_uses += 1;
            if self.n_uses > MAX_USES {
                break;
            }
            let root = file.tree.root_node();
            if let Some(node) = root.descendant_for_byte_range(reference.range.start, reference.range.end) {
                self.expression(node, path);
            }
        }
        self.followed.pop();
    }
}

/// Whether the value of `parent` is that of its child `node`, or may be.
fn passes_on(parent: Node<'_>, node: Node<'_>) -> bool {
    match parent.kind() {
        "parenthesized_expression"
        | "as_expression"
        | "satisfies_expression"
        | "type_assertion"
        | "non_null_expression"
        | "instantiation_expression" => true,
        "ternary_expression" => parent.child_by_field_name("condition") != Some(node),
        "binary_expression" => matches!(operator(parent), "&&" | "||" | "??"),
        "sequence_expression" => named_children(parent).last() == Some(node),
        _ => false,
    }
}

/// The name of the property that `member` means, if it is constant.
fn accessed_name<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> Option<Cow<'t, str>> {
    debug_assert!(is_member(member));
    if let Some(index) = member.child_by_field_name("index") {
        return constant_text(file, index, 0);
    }
    let property = member.child_by_field_name("property")?;
    (property.kind() == "property_identifier").then(|| identifier_name(file, property))
}

/// The text of a constant expression: a literal, a plain template, a sum of them with a string.
fn constant_text<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize) -> Option<Cow<'t, str>> {
    let node = without_parens(node);
    if node.kind() != "binary_expression" {
        return static_text(file, node);
    }
    if depth > MAX_SUM_DEPTH || operator(node) != "+" {
        return None;
    }
    let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
    let is_text = |node: Node<'_>| {
        matches!(without_parens(node).kind(), "string" | "template_string" | "binary_expression")
    };
    if !is_text(left) && !is_text(right) {
        return None;
    }
    Some(Cow::Owned(
        constant_text(file, left, depth + 1)?.into_owned() + &constant_text(file, right, depth + 1)?,
    ))
}
