//! What is called, read or constructed: the parts of calls, constructions and member accesses.

use std::borrow::Cow;

use tree_sitter::Node;

use super::syntax::{first_named_child, identifier_name, named_children, string_value, without_parens};
use crate::source::ParsedFile;

/// What a call or construction calls, without the parentheses around it. A tagged template calls nothing.
pub(crate) fn callee(call: Node<'_>) -> Option<Node<'_>> {
    let callee = match call.kind() {
        "call_expression" if is_tagged_template(call) => None,
        "call_expression" => call.child_by_field_name("function"),
        "new_expression" => call.child_by_field_name("constructor"),
        _ => None,
    };
    callee.map(without_parens)
}

/// Whether `node` is a template with a tag before it, which the grammar takes for a call.
pub(crate) fn is_tagged_template(node: Node<'_>) -> bool {
    let template = node.child_by_field_name("arguments");
    node.kind() == "call_expression" && template.is_some_and(|template| template.kind() == "template_string")
}

/// The arguments of a call or construction, parentheses and spreads included; none for `new A`.
pub(crate) fn arguments<'t>(call: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let list = call.child_by_field_name("arguments").filter(|list| list.kind() == "arguments");
    list.into_iter().flat_map(named_children)
}

/// Whether `node` itself, not what it holds, is the `?.` form of a call or member access.
pub(crate) fn is_optional(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    let mut is_at_child = cursor.goto_first_child();
    while is_at_child {
        if matches!(cursor.node().kind(), "optional_chain" | "?.") {
            return true;
        }
        is_at_child = cursor.goto_next_sibling();
    }
    false
}

/// Whether `node` is `a.b`, `a[b]` or `a.#b`.
pub(crate) fn is_member_access(node: Node<'_>) -> bool {
    matches!(node.kind(), "member_expression" | "subscript_expression")
}

/// What a member is read of, without the parentheses around it.
pub(crate) fn object_of(member: Node<'_>) -> Option<Node<'_>> {
    let object = is_member_access(member).then(|| member.child_by_field_name("object")).flatten();
    object.map(without_parens)
}

/// The name of the member that is read, where it is written out: `a.b`, `a["b"]`, `` a[`b`] ``.
pub(crate) fn member_name<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> Option<Cow<'t, str>> {
    match member.kind() {
        "member_expression" => plain_member_name(file, member),
        "subscript_expression" => text_value(file, without_parens(member.child_by_field_name("index")?)),
        _ => None,
    }
}

/// The name of the member of `a.b`; `None` for `a["b"]` and `a.#b`.
pub(crate) fn plain_member_name<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> Option<Cow<'t, str>> {
    let property = member.child_by_field_name("property")?;
    (property.kind() == "property_identifier").then(|| identifier_name(file, property))
}

/// The value of a string, or of a template without substitutions.
pub(crate) fn text_value<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Cow<'t, str>> {
    if node.kind() != "template_string" {
        return string_value(file, node);
    }
    let mut parts = named_children(node);
    match (parts.next(), parts.next()) {
        (None, _) => Some(Cow::Borrowed("")),
        (Some(text), None) if text.kind() == "string_fragment" => Some(file.text(text)),
        _ => None,
    }
}

/// Whether `node` is the identifier `name`, by its spelling alone.
pub(crate) fn is_name(file: &ParsedFile<'_>, node: Node<'_>, name: &str) -> bool {
    node.kind() == "identifier" && identifier_name(file, node) == name
}

/// The node of the `!` behind `node`. The grammar puts all of `a - b!` before the mark, which belongs to `b` alone.
pub(crate) fn mark_behind<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Node<'t>> {
    file.parent(node).filter(|around| around.kind() == "non_null_expression")
}

/// The expression in `a as T`, `a satisfies T`, `a!` and `<T>a`, without parentheses; `None` for any other node.
pub(crate) fn untyped(node: Node<'_>) -> Option<Node<'_>> {
    let inner = match node.kind() {
        "as_expression" | "satisfies_expression" | "non_null_expression" => first_named_child(node),
        "type_assertion" => named_children(node).last(),
        _ => None,
    };
    inner.map(without_parens)
}
