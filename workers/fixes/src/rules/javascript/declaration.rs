//! `var`, `let` and `const` declarations, whichever form the grammar gives them: statements, heads of `for`
//! loops, and heads of `for…in` and `for…of`, which have no declaration node of their own.

use std::ops::Range;

use tree_sitter::Node;

use super::syntax::{is_comment, named_children};
use crate::source::ParsedFile;

/// Kinds of the nodes that may be a [`Declaration`].
pub(crate) const KINDS: &[&str] = &["variable_declaration", "lexical_declaration", "for_in_statement"];

/// A declaration of one or more variables.
#[derive(Clone, Debug)]
pub(crate) struct Declaration<'t> {
    /// The declaration, or the `for…in` or `for…of` statement with the declaration in its head.
    pub(crate) node: Node<'t>,
    /// `var`, `let`, `const` or `using`.
    pub(crate) keyword: Node<'t>,
    /// The place that linters report: without the semicolon of a `for` head, with `declare`.
    pub(crate) range: Range<usize>,
    /// In order.
    pub(crate) declarators: Vec<Declarator<'t>>,
    /// Whether it is the head of a `for…in` or `for…of`, which assigns in each round.
    pub(crate) is_loop_head: bool,
}

/// One pattern and what it is initialised with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declarator<'t> {
    /// The declarator; the whole statement for the head of a `for…in` or `for…of`.
    pub(crate) node: Node<'t>,
    /// An identifier or a destructuring pattern.
    pub(crate) pattern: Node<'t>,
    /// What stands after `=`.
    pub(crate) init: Option<Node<'t>>,
}

/// An identifier that a pattern binds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'t> {
    /// The identifier.
    pub(crate) name: Node<'t>,
    /// Its own default value.
    pub(crate) default: Option<Node<'t>>,
}

impl<'t> Declaration<'t> {
    /// The declaration that `node` is, or has in its head.
    pub(crate) fn of(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Self> {
        if node.kind() == "for_in_statement" {
            Self::of_loop_head(node)
        } else {
            Self::of_statement(file, node)
        }
    }

    fn of_statement(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Self> {
        let keyword = node.child(0)?;
        let declarators: Vec<Declarator<'t>> = named_children(node)
            .filter(|child| child.kind() == "variable_declarator")
            .filter_map(|child| {
                let pattern = child.child_by_field_name("name")?;
                Some(Declarator { node: child, pattern, init: child.child_by_field_name("value") })
            })
            .collect();
        let parent = file.parent(node)?;
        let range = match parent.kind() {
            "ambient_declaration" => parent.start_byte()..end_of(node),
            "for_statement" if parent.child_by_field_name("initializer") == Some(node) => {
                node.start_byte()..declarators.last()?.node.end_byte()
            }
            _ => node.start_byte()..end_of(node),
        };
        Some(Self { node, keyword, range, declarators, is_loop_head: false })
    }

    fn of_loop_head(node: Node<'t>) -> Option<Self> {
        let keyword = node.child_by_field_name("kind")?;
        let pattern = node.child_by_field_name("left")?;
        let init = node.child_by_field_name("value");
        let range = keyword.start_byte()..init.unwrap_or(pattern).end_byte();
        let declarators = vec![Declarator { node, pattern, init }];
        Some(Self { node, keyword, range, declarators, is_loop_head: true })
    }
}

/// Where a declaration ends: where the grammar adds a semicolon, it counts the comments behind as part of it.
fn end_of(declaration: Node<'_>) -> usize {
    let mut cursor = declaration.walk();
    let parts = declaration.children(&mut cursor).filter(|child| !is_comment(*child));
    parts.last().map_or_else(|| declaration.end_byte(), |last| last.end_byte())
}

/// The identifiers that a pattern binds or assigns, in order.
pub(crate) fn bindings(pattern: Node<'_>) -> Vec<Binding<'_>> {
    let mut found = Vec::new();
    let mut open = vec![(pattern, None)];
    while let Some((node, default)) = open.pop() {
        match node.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => {
                found.push(Binding { name: node, default });
            }
            "assignment_pattern" | "object_assignment_pattern" => {
                let left = node.child_by_field_name("left");
                open.extend(left.map(|left| (left, node.child_by_field_name("right"))));
            }
            "pair_pattern" => open.extend(node.child_by_field_name("value").map(|value| (value, None))),
            "array_pattern" | "object_pattern" | "rest_pattern" => {
                let first = open.len();
                open.extend(named_children(node).map(|child| (child, None)));
                open[first..].reverse();
            }
            _ => {}
        }
    }
    found
}

/// The bytes of a declaring identifier with its type, as linters report it: `a: string`, `b?`.
pub(crate) fn typed_range<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> Range<usize> {
    let range = name.byte_range();
    let Some(parent) = file.parent(name) else { return range };
    let field = match parent.kind() {
        "variable_declarator" => "name",
        "required_parameter" | "optional_parameter" => "pattern",
        "catch_clause" => "parameter",
        _ => return range,
    };
    if parent.child_by_field_name(field) != Some(name) {
        return range;
    }
    let mark = file
        .token_after(range.end)
        .filter(|token| token.kind() == "?" && parent.kind() == "optional_parameter");
    let end = parent.child_by_field_name("type").or(mark).map_or(range.end, |last| last.end_byte());
    range.start..end
}

/// How many elements a pattern has at its own level, holes included; 1 if it is no pattern.
pub(crate) fn n_elements(pattern: Node<'_>) -> usize {
    match pattern.kind() {
        "object_pattern" => named_children(pattern).count(),
        "array_pattern" => n_array_elements(pattern),
        _ => 1,
    }
}

/// Commas that follow nothing are holes; one comma after the last element is none.
fn n_array_elements(pattern: Node<'_>) -> usize {
    let mut n_elements = 0;
    let mut after_element = false;
    let mut next = pattern.child(0);
    while let Some(child) = next {
        match child.kind() {
            "," => {
                n_elements += usize::from(!after_element);
                after_element = false;
            }
            "[" | "]" => {}
            _ if is_comment(child) => {}
            _ => {
                n_elements += 1;
                after_element = true;
            }
        }
        next = child.next_sibling();
    }
    n_elements
}
