//! Rules that look at expressions look into quoted annotations too: `x: "int(1)"`.

use tree_sitter::Node;

use crate::engine::walk;
use crate::rule::Finding;
use crate::source::ParsedFile;

use super::annotation::parse_quoted;

/// Calls `check` on `node`, or, if `node` is an annotation, on each node of a kind in `kinds` that it quotes.
///
/// A rule asks for `type` beside `kinds`. An annotation that holds none of `hints` is not looked into.
pub(super) fn check_quoted_too<'t>(
    file: &ParsedFile<'t>,
    node: Node<'t>,
    kinds: &[&str],
    hints: &[&str],
    out: &mut Vec<Finding>,
    check: impl for<'a> Fn(&ParsedFile<'a>, Node<'a>, &mut Vec<Finding>),
) {
    if node.kind() != "type" {
        check(file, node, out);
    } else if let Some(tree) = parse_quoted(file, node, hints) {
        let quoted = ParsedFile::new(file.bytes, file.language, &tree, file.facts);
        walk(&tree, |inner, _| {
            if kinds.contains(&inner.kind()) {
                check(&quoted, inner, out);
            }
            true
        });
    }
}
