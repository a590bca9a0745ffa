//! A tree as a list in document order: one walk, after which parents, comments and tokens cost next to nothing.

use std::ops::Range;
use std::sync::LazyLock;

use tree_sitter::{Node, Tree};

use crate::engine::walk;
use crate::language::{Grammar as _, Language};

/// Node kinds of comments, in all grammars.
const COMMENTS: &[&str] = &["comment", "line_comment", "block_comment", "html_comment", "hash_bang_line"];

/// Node kinds that are one token although the grammar takes them apart.
const ATOMS: &[&str] = &[
    "string",
    "regex",
    "string_literal",
    "raw_string_literal",
    "char_literal",
    "interpreted_string_literal",
    "rune_literal",
];

/// What a node kind means for lists of comments and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Other,
    Comment,
    Atom,
}

/// Classes by language and kind id.
static CLASSES: LazyLock<Vec<Vec<Class>>> = LazyLock::new(|| {
    let classes = |language: Language| {
        let grammar = language.grammar();
        let class = |id: usize| {
            let id = u16::try_from(id).expect("kind ids are 16 bits wide");
            match grammar.node_kind_for_id(id).filter(|_| grammar.node_kind_is_named(id)) {
                Some(kind) if COMMENTS.contains(&kind) => Class::Comment,
                Some(kind) if ATOMS.contains(&kind) => Class::Atom,
                _ => Class::Other,
            }
        };
        (0..grammar.node_kind_count()).map(class).collect()
    };
    Language::ALL.into_iter().map(classes).collect()
});

/// A tree in document order, parents before their children.
pub(crate) struct Outline<'t> {
    entries: Vec<Entry<'t>>,
    pub(crate) comments: Vec<Range<usize>>,
    /// Levels below the root.
    pub(crate) depth: u32,
}

/// A node and its place.
pub(crate) struct Entry<'t> {
    pub(crate) node: Node<'t>,
    pub(crate) kind: u16,
    class: Class,
    /// Of the root, the root.
    parent: u32,
    /// The index behind the last node within.
    pub(crate) end: u32,
    start_byte: usize,
}

impl<'t> Outline<'t> {
    /// Walks `tree` once.
    pub(crate) fn of(tree: &'t Tree, language: Language) -> Self {
        let classes = &CLASSES[language as usize];
        let mut outline = Self { entries: Vec::new(), comments: Vec::new(), depth: 0 };
        let mut open: Vec<u32> = Vec::new();
        walk(tree, |node, depth| {
            outline.leave(&mut open, depth as usize);
            let index = outline.len();
            let kind = node.kind_id();
            let class = classes.get(usize::from(kind)).copied().unwrap_or(Class::Other);
            if class == Class::Comment {
                outline.comments.push(node.byte_range());
            }
            outline.depth = outline.depth.max(depth);
            let parent = open.last().copied().unwrap_or_default();
            let start_byte = node.start_byte();
            outline.entries.push(Entry { node, kind, class, parent, end: index + 1, start_byte });
            open.push(index);
            true
        });
        outline.leave(&mut open, 0);
        outline
    }

    fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("a file has fewer than 2^32 nodes")
    }

    /// Closes the nodes that lie `depth` levels deep and deeper.
    fn leave(&mut self, open: &mut Vec<u32>, depth: usize) {
        let end = self.len();
        for index in open.drain(depth.min(open.len())..) {
            self.entries[index as usize].end = end;
        }
    }

    /// All nodes.
    pub(crate) fn entries(&self) -> &[Entry<'t>] {
        &self.entries
    }

    /// The place of `node` in the list.
    fn index_of(&self, node: Node<'t>) -> Option<usize> {
        let start = node.start_byte();
        let from = self.entries.partition_point(|entry| entry.start_byte < start);
        let run = &self.entries[from..];
        // Nodes that start at one byte lie one in the other, the longest first.
        let run = &run[..run.partition_point(|entry| entry.start_byte == start)];
        let end = node.end_byte();
        let at = run.partition_point(|entry| entry.node.end_byte() > end);
        let same = run[at..].iter().take_while(|entry| entry.node.end_byte() == end);
        let found = same.into_iter().position(|entry| entry.node == node).map(|found| at + found);
        // Missing nodes are empty and break the order.
        found.or_else(|| run.iter().position(|entry| entry.node == node)).map(|found| from + found)
    }

    /// The nodes around `node`, innermost first, the root last.
    pub(crate) fn ancestors(&self, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + '_ {
        let parent = |at: usize| (at > 0).then(|| self.entries[at].parent as usize);
        let first = self.index_of(node).and_then(parent);
        std::iter::successors(first, move |&at| parent(at)).map(|at| self.entries[at].node)
    }

    /// The named leaf that starts at byte `at`.
    pub(crate) fn name_at(&self, at: usize) -> Option<Node<'t>> {
        let from = self.entries.partition_point(|entry| entry.start_byte < at);
        let run = self.entries[from..].iter().take_while(|entry| entry.start_byte == at);
        run.map(|entry| entry.node).filter(|node| node.is_named() && node.child_count() == 0).last()
    }

    /// The leaves, comments left out, atoms as a whole.
    pub(crate) fn tokens(&self) -> Vec<Node<'t>> {
        let mut tokens = Vec::with_capacity(self.entries.len() / 2);
        let mut at = 0;
        while let Some(entry) = self.entries.get(at) {
            let is_leaf = entry.end as usize == at + 1;
            let is_token = entry.class == Class::Atom || (is_leaf && entry.class == Class::Other);
            if is_token && entry.node.end_byte() > entry.start_byte {
                tokens.push(entry.node);
            }
            at = if entry.class == Class::Other { at + 1 } else { entry.end as usize };
        }
        tokens
    }
}
