//! Attributes: which of them stand before a node or hold for it, lint levels among them.
//!
//! Only what is written in the file counts: `#[allow(…)]`, `#[expect(…)]`, `#[warn(…)]` and their kin on the node,
//! on what holds it, and `#![…]` at the top of blocks, modules and the file. The innermost wins, as in rustc.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{MAX_DEPTH, is_comment};

/// The `attribute_item`s that stand directly before byte `at`, nearest first.
pub(super) fn before<'t>(file: &ParsedFile<'t>, at: usize) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    let mut at = at;
    while let Some(token) = file.token_before(at).filter(|token| token.kind() == "]")
        && let Some(item) = file.parent(token).filter(|item| item.kind() == "attribute_item")
    {
        found.push(item);
        at = item.start_byte();
    }
    found
}

/// The `inner_attribute_item`s at the top of `node`.
fn at_top(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let is_head = |child: &Node<'_>| {
        child.kind() == "inner_attribute_item"
            || is_comment(*child)
            || matches!(child.kind(), "{" | "shebang" | "label" | ":")
    };
    let head = node.children(&mut cursor).take_while(is_head);
    head.filter(|child| child.kind() == "inner_attribute_item").collect()
}

/// All attributes that hold for `node`, innermost first, each as the text between the brackets without blanks.
fn holding<'f, 't>(file: &'f ParsedFile<'t>, node: Node<'t>) -> impl Iterator<Item = String> + use<'f, 't> {
    // Very deep in the file, only what stands near and at its top counts.
    let around = std::iter::once(node).chain(file.ancestors(node).take(MAX_DEPTH));
    let around = around.chain(std::iter::once(file.tree.root_node()));
    let items = around.flat_map(|node| {
        let mut items = before(file, node.start_byte());
        if matches!(node.kind(), "source_file" | "block" | "declaration_list") {
            items.extend(at_top(node));
        }
        items
    });
    items.map(|item| {
        let text = file.text(item);
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        text.trim_start_matches(['#', '!', '[']).trim_end_matches(']').to_owned()
    })
}

/// Whether an attribute switches `lint` of `group` off at `node`.
pub(super) fn is_silenced<'t>(file: &ParsedFile<'t>, node: Node<'t>, lint: &str, group: &str) -> bool {
    let means = |name: &str| {
        name == "warnings"
            || name.strip_prefix("clippy::").is_some_and(|name| {
                name == lint || name == group || (name == "all" && !matches!(group, "pedantic" | "nursery"))
            })
    };
    for attribute in holding(file, node) {
        let Some((level, lints)) = attribute.split_once('(') else { continue };
        let is_off = match level {
            "allow" | "expect" => true,
            "warn" | "deny" | "forbid" => false,
            _ => continue,
        };
        if lints.trim_end_matches(')').split(',').any(means) {
            return is_off;
        }
    }
    false
}

/// Whether `#[clippy::msrv = "…"]` says that the code must build with a compiler older than `version`.
pub(super) fn is_older_than<'t>(file: &ParsedFile<'t>, node: Node<'t>, version: (u16, u16)) -> bool {
    let known = holding(file, node).find_map(|attribute| {
        let said = attribute.strip_prefix("clippy::msrv=\"")?.trim_end_matches('"').to_owned();
        let mut parts = said.split('.').map(|part| part.parse().unwrap_or(0));
        Some((parts.next()?, parts.next().unwrap_or(0)))
    });
    known.is_some_and(|known: (u16, u16)| known < version)
}
