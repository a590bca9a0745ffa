//! What a function uses of its own call: `this`, `super`, `new.target` and `arguments`; and where function
//! expressions stand.

use tree_sitter::Node;

use super::syntax::Place;
use crate::source::ParsedFile;

/// More parentheses than this around one expression are not looked through.
const MAX_PARENS: usize = 250;

/// What a function, with the arrow functions in it, uses of its own call.
#[derive(Debug, Default)]
pub(super) struct Uses<'t> {
    pub(super) this: bool,
    /// `this` in the value of a class field or in a static block within the function, where it is not the
    /// function's.
    pub(super) this_of_class: bool,
    pub(super) superclass: bool,
    pub(super) new_target: bool,
    /// The identifiers `arguments`, whatever they mean.
    pub(super) arguments: Vec<Node<'t>>,
}

impl<'t> Uses<'t> {
    /// Looks through `function`, but not into the functions within it that have a `this` of their own.
    pub(super) fn of(file: &ParsedFile<'t>, function: Node<'t>) -> Self {
        let mut uses = Self::default();
        let mut cursor = function.walk();
        // The kinds of the nodes from the function down to where the cursor stands.
        let mut path: Vec<&'t str> = Vec::new();
        // How deep the code of a class begins, if the cursor is in such code.
        let mut class_code: Option<usize> = None;
        loop {
            let node = cursor.node();
            let parent = path.last().copied();
            class_code = class_code.filter(|at| path.len() > *at);
            if class_code.is_none() && is_class_code(node, parent, cursor.field_name()) {
                class_code = Some(path.len());
            }
            let is_own = match (parent, node.kind()) {
                (None, _) => true,
                (Some("method_definition"), _) => {
                    !matches!(cursor.field_name(), Some("parameters" | "body" | "return_type"))
                }
                (_, "function_expression" | "function_declaration" | "generator_function") => false,
                (_, "generator_function_declaration") => false,
                _ => true,
            };
            if is_own {
                uses.note(file, node, parent, class_code.is_some());
            }
            if is_own && cursor.goto_first_child() {
                path.push(node.kind());
                continue;
            }
            loop {
                if path.is_empty() {
                    return uses;
                }
                if cursor.goto_next_sibling() {
                    break;
                }
                cursor.goto_parent();
                path.pop();
            }
        }
    }

    fn note(&mut self, file: &ParsedFile<'t>, node: Node<'t>, parent: Option<&str>, is_in_class: bool) {
        match node.kind() {
            // TypeScript's `this` parameter is a name.
            "this" if parent == Some("required_parameter") => {}
            "this" if is_in_class => self.this_of_class = true,
            "this" => self.this = true,
            "super" => self.superclass = true,
            "meta_property" => self.new_target |= file.bytes_of(node.byte_range()).starts_with(b"new"),
            "identifier" | "shorthand_property_identifier"
                if file.bytes_of(node.byte_range()) == b"arguments" =>
            {
                self.arguments.push(node);
            }
            _ => {}
        }
    }
}

/// Whether `node` is run for a class or its objects: the value of a field or a static block.
fn is_class_code(node: Node<'_>, parent: Option<&str>, field: Option<&str>) -> bool {
    let is_field = matches!(parent, Some("field_definition" | "public_field_definition"));
    node.kind() == "class_static_block" || (is_field && field == Some("value"))
}

/// Where an expression stands, the parentheses around it left out.
pub(super) fn place_of_expression<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Place<'t>> {
    let mut child = node;
    for parent in file.ancestors(node).take(MAX_PARENS) {
        if parent.kind() != "parenthesized_expression" {
            return Some(Place { parent, child });
        }
        child = parent;
    }
    None
}

/// The call that `member` (`f.bind`) is the callee of, and the list of its arguments.
pub(super) fn call_of<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let place = place_of_expression(file, member)?;
    if place.parent.kind() != "call_expression" || !place.is_field("function") {
        return None;
    }
    let arguments = place.parent.child_by_field_name("arguments")?;
    (arguments.kind() == "arguments").then_some((place.parent, arguments))
}

/// The first token behind byte `at` that is no `)`.
pub(super) fn token_behind_parens<'t>(file: &ParsedFile<'t>, at: usize) -> Option<Node<'t>> {
    let tokens = file.tokens();
    let first = tokens.partition_point(|token| token.start_byte() < at);
    tokens.iter().skip(first).find(|token| token.kind() != ")").copied()
}
