//! The nodes around any node of a file, for rules that look at many places at once.

use tree_sitter::Node;

use crate::engine::walk;
use crate::source::{NodeMap, ParsedFile};

/// Who is around whom, and which name stands where.
pub(super) struct Ancestry<'t> {
    parents: NodeMap<'t>,
    names: NodeMap<'t>,
}

impl<'t> Ancestry<'t> {
    /// Walks the whole tree once.
    pub(super) fn of(file: &ParsedFile<'t>) -> Self {
        let (mut parents, mut names) = (NodeMap::default(), NodeMap::default());
        parents.reserve(file.tree.root_node().descendant_count());
        let mut around: Vec<Node<'t>> = Vec::new();
        walk(file.tree, |node, depth| {
            around.truncate(depth as usize);
            if let Some(parent) = around.last() {
                parents.insert(node.id(), *parent);
            }
            if node.is_named() && node.child_count() == 0 {
                names.insert(node.start_byte(), node);
            }
            around.push(node);
            true
        });
        Self { parents, names }
    }

    /// The node around `node`; `None` for the root.
    pub(super) fn parent(&self, node: Node<'t>) -> Option<Node<'t>> {
        self.parents.get(&node.id()).copied()
    }

    /// The nodes around `node`, innermost first.
    pub(super) fn ancestors(&self, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + '_ {
        std::iter::successors(self.parent(node), |&at| self.parent(at))
    }

    /// The parentheses around `node`, outermost; `node` itself if there are none.
    pub(super) fn with_parens(&self, node: Node<'t>) -> Node<'t> {
        let around = self.ancestors(node).take_while(|around| around.kind() == "parenthesized_expression");
        around.last().unwrap_or(node)
    }

    /// The node around `node` and its parentheses.
    pub(super) fn parent_of_value(&self, node: Node<'t>) -> Option<Node<'t>> {
        self.parent(self.with_parens(node))
    }

    /// The name that starts at byte `at`.
    pub(super) fn name_at(&self, at: usize) -> Option<Node<'t>> {
        self.names.get(&at).copied()
    }
}
