//! The nodes around any node of a file, for rules that look at many places at once.

use tree_sitter::Node;

use crate::source::ParsedFile;

/// Who is around whom, and which name stands where.
#[derive(Clone, Copy)]
pub(super) struct Ancestry<'f, 't> {
    file: &'f ParsedFile<'t>,
}

impl<'f, 't> Ancestry<'f, 't> {
    /// Of the whole file.
    pub(super) fn of(file: &'f ParsedFile<'t>) -> Self {
        Self { file }
    }

    /// The node around `node`; `None` for the root.
    pub(super) fn parent(self, node: Node<'t>) -> Option<Node<'t>> {
        self.file.parent(node)
    }

    /// The nodes around `node`, innermost first.
    pub(super) fn ancestors(self, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + 'f {
        self.file.ancestors(node)
    }

    /// The parentheses around `node`, outermost; `node` itself if there are none.
    pub(super) fn with_parens(self, node: Node<'t>) -> Node<'t> {
        let around = self.ancestors(node).take_while(|around| around.kind() == "parenthesized_expression");
        around.last().unwrap_or(node)
    }

    /// The node around `node` and its parentheses.
    pub(super) fn parent_of_value(self, node: Node<'t>) -> Option<Node<'t>> {
        self.parent(self.with_parens(node))
    }

    /// The name that starts at byte `at`.
    pub(super) fn name_at(self, at: usize) -> Option<Node<'t>> {
        self.file.name_at(at)
    }
}
