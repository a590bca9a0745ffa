//! How Go is spelled: children without comments, parentheses, names of packages, code that is the same.

use tree_sitter::Node;

use crate::scopes::go::Kind;
use crate::source::ParsedFile;

/// Chains longer than this are not followed.
pub(super) const MAX_DEPTH: usize = 256;

/// Code longer than this is not copied into a fix, lest nested code be copied over and over.
const MAX_COPIED: usize = 1 << 16;

/// Whether the text of `node` may be copied into a fix.
pub(super) fn can_copy(node: Node<'_>) -> bool {
    node.byte_range().len() <= MAX_COPIED
}

/// The named children of `node` that are not comments.
pub(super) fn named_children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

/// The expressions of a list; one that stands alone is a list of one.
pub(super) fn listed(list: Node<'_>) -> Vec<Node<'_>> {
    if list.kind() == "expression_list" { named_children(list) } else { vec![list] }
}

/// What stands on that side (`left`, `right`) of a statement.
pub(super) fn side<'t>(statement: Node<'t>, field: &str) -> Vec<Node<'t>> {
    statement.child_by_field_name(field).map_or_else(Vec::new, listed)
}

/// The operator of a binary or unary expression or of an assignment.
pub(super) fn operator<'t>(node: Node<'t>) -> &'t str {
    node.child_by_field_name("operator").map_or("", |operator| operator.kind())
}

/// `_`
pub(super) fn is_blank(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    matches!(node.kind(), "identifier" | "blank_identifier") && file.bytes_of(node.byte_range()) == b"_"
}

/// What the parentheses around an expression hold.
pub(super) fn without_parens(mut node: Node<'_>) -> Node<'_> {
    while node.kind() == "parenthesized_expression" {
        match named_children(node)[..] {
            [inner] => node = inner,
            _ => break,
        }
    }
    node
}

/// The arguments of a call; `None` if `node` is none.
pub(super) fn arguments(call: Node<'_>) -> Option<Vec<Node<'_>>> {
    let list = call.child_by_field_name("arguments").filter(|_| call.kind() == "call_expression")?;
    Some(named_children(list))
}

/// The package and the function that a call calls: `strings`, `Index`. By the path of the package.
pub(super) fn called<'f>(
    file: &'f ParsedFile<'_>,
    call: Node<'_>,
    packages: &[&'f str],
) -> Option<(&'f str, String)> {
    let callee = call.child_by_field_name("function").filter(|_| call.kind() == "call_expression")?;
    let names = file.go_names();
    match callee.kind() {
        "selector_expression" => {
            let package = callee.child_by_field_name("operand").filter(|node| node.kind() == "identifier")?;
            let import = names.at(package.start_byte()).filter(|object| object.kind == Kind::Import)?;
            let path = packages.iter().find(|path| **path == import.path)?;
            Some((*path, file.text(callee.child_by_field_name("field")?).into_owned()))
        }
        "identifier" if names.at(callee.start_byte()).is_none() => {
            let path = packages.iter().find(|path| names.has_dot_import(path))?;
            Some((*path, file.text(callee).into_owned()))
        }
        _ => None,
    }
}

/// What stands before the function's name in a call: `strings.`, or nothing after `import . "strings"`.
pub(super) fn qualifier(file: &ParsedFile<'_>, call: Node<'_>) -> String {
    let callee = call.child_by_field_name("function");
    let package = callee.and_then(|callee| callee.child_by_field_name("operand"));
    package.map_or_else(String::new, |package| format!("{}.", file.text(package)))
}

/// The tokens of two nodes are the same, line ends and semicolons aside.
pub(super) fn is_same_code(file: &ParsedFile<'_>, one: Node<'_>, other: Node<'_>) -> bool {
    let texts = |node| code_of(file, node).map(|token| file.bytes_of(token.byte_range()));
    texts(one).eq(texts(other))
}

/// The tokens of `node` that matter.
pub(super) fn code_of<'f, 't>(
    file: &'f ParsedFile<'t>,
    node: Node<'_>,
) -> impl Iterator<Item = Node<'t>> + use<'f, 't> {
    let tokens = file.tokens_in(node.byte_range()).iter().copied();
    tokens.filter(|token| !matches!(file.bytes_of(token.byte_range()), b";" | b"\n" | b"\r\n"))
}
