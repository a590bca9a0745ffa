//! A file that was parsed once: its bytes, its tree, and lazily what rules ask of it (comments, scopes).

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use tree_sitter::{Node, Tree};

use crate::engine::walk;
use crate::facts::Facts;
use crate::language::Language;
use crate::scopes::{Scopes, go, rust};

/// One version of one file, parsed. Byte offsets in the tree are offsets in `bytes`.
///
/// The bytes need not be UTF-8: grammars take what is not UTF-8 inside strings and comments as it is.
pub struct ParsedFile<'t> {
    /// The text as it is in the repository, byte order mark and line ends included.
    pub bytes: &'t [u8],
    /// What it was parsed as.
    pub language: Language,
    /// The tree-sitter tree of `bytes`.
    pub tree: &'t Tree,
    /// What is known of it beside its text.
    pub facts: &'t Facts,
    /// The node that the engine shows to rules just now, and the nodes around it, from the root.
    spine: RefCell<Vec<Node<'t>>>,
    survey: OnceCell<Survey>,
    parents: OnceCell<NodeMap<'t>>,
    tokens: OnceCell<Vec<Node<'t>>>,
    scopes: OnceCell<Option<Scopes>>,
    go_names: OnceCell<go::Names<'t>>,
    rust_names: OnceCell<rust::Names<'t>>,
}

/// Nodes by the id of another node, or by where they start.
pub(crate) type NodeMap<'t> = HashMap<usize, Node<'t>, BuildHasherDefault<NumberHasher>>;

/// Spreads ids of nodes, which are addresses, and offsets: nobody gains by choosing them, so that they need no
/// stronger hash.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    fn write_usize(&mut self, id: usize) {
        // The golden ratio; the upper bits are the well mixed ones, and the table looks at the lower ones too.
        let mixed = (self.0 ^ id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

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

/// What one walk over the tree tells.
#[derive(Debug, Default)]
struct Survey {
    comments: Vec<Range<usize>>,
    /// Levels below the root.
    depth: u32,
}

impl<'t> ParsedFile<'t> {
    /// Wraps a parsed tree.
    #[must_use]
    pub fn new(bytes: &'t [u8], language: Language, tree: &'t Tree, facts: &'t Facts) -> Self {
        Self {
            bytes,
            language,
            tree,
            facts,
            spine: RefCell::default(),
            survey: OnceCell::new(),
            parents: OnceCell::new(),
            tokens: OnceCell::new(),
            scopes: OnceCell::new(),
            go_names: OnceCell::new(),
            rust_names: OnceCell::new(),
        }
    }

    /// Tells where the engine's walk stands, so that [`ParsedFile::parent`] need not start at the root.
    pub(crate) fn enter(&self, node: Node<'t>, depth: u32) {
        let mut spine = self.spine.borrow_mut();
        spine.truncate(depth as usize);
        spine.push(node);
    }

    /// The node around `node`, `None` for the root. A step costs nothing; [`Node::parent`] costs the depth of the
    /// node.
    #[must_use]
    pub fn parent(&self, node: Node<'t>) -> Option<Node<'t>> {
        let spine = self.spine.borrow();
        if let Some(at) = spine.iter().rposition(|known| *known == node) {
            return at.checked_sub(1).map(|at| spine[at]);
        }
        self.parents().get(&node.id()).copied()
    }

    /// The nodes around all nodes but the root, found on first use.
    fn parents(&self) -> &NodeMap<'t> {
        self.parents.get_or_init(|| {
            let mut parents = NodeMap::default();
            parents.reserve(self.tree.root_node().descendant_count());
            let mut around: Vec<Node<'t>> = Vec::new();
            walk(self.tree, |node, depth| {
                around.truncate(depth as usize);
                parents.extend(around.last().map(|parent| (node.id(), *parent)));
                around.push(node);
                true
            });
            parents
        })
    }

    /// The nodes around `node`, innermost first, the root last.
    pub fn ancestors(&self, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + '_ {
        // On the spine, a step outwards is a step in a list.
        let place_of = |node: Node<'t>| self.spine.borrow().iter().rposition(|known| *known == node);
        let mut last = Some(node);
        let mut place = place_of(node);
        std::iter::from_fn(move || {
            let around = match place {
                Some(at) => at.checked_sub(1).map(|at| self.spine.borrow()[at]),
                None => self.parent(last?),
            };
            place = match (place, around) {
                (Some(at), _) => at.checked_sub(1),
                (None, Some(around)) => place_of(around),
                (None, None) => None,
            };
            last = around;
            around
        })
    }

    /// The scopes, variables and references of a JavaScript or TypeScript file, resolved on first use.
    /// `None` where they cannot be known: other languages, files with syntax errors, too deep nesting.
    /// A rule that needs them stays silent then.
    #[must_use]
    pub fn scopes(&self) -> Option<&Scopes> {
        self.scopes.get_or_init(|| Scopes::resolve(self, self.survey().depth, self.facts.kind)).as_ref()
    }

    /// What the names of a Go file mean, resolved on first use.
    #[must_use]
    pub fn go_names(&self) -> &go::Names<'t> {
        self.go_names.get_or_init(|| go::Names::resolve(self))
    }

    /// What the names of a Rust file mean, resolved on first use.
    #[must_use]
    pub fn rust_names(&self) -> &rust::Names<'t> {
        self.rust_names.get_or_init(|| rust::Names::resolve(self))
    }

    /// The text of `node`; what is not UTF-8 is replaced, so use it to compare and to build text from
    /// identifiers, and [`ParsedFile::bytes_of`] to copy.
    #[must_use]
    pub fn text(&self, node: Node<'_>) -> std::borrow::Cow<'t, str> {
        String::from_utf8_lossy(self.bytes_of(node.byte_range()))
    }

    /// The bytes of `range`.
    #[must_use]
    pub fn bytes_of(&self, range: Range<usize>) -> &'t [u8] {
        &self.bytes[range]
    }

    /// The byte ranges of all comments, in order.
    #[must_use]
    pub fn comments(&self) -> &[Range<usize>] {
        &self.survey().comments
    }

    fn survey(&self) -> &Survey {
        self.survey.get_or_init(|| {
            let mut survey = Survey::default();
            walk(self.tree, |node, depth| {
                survey.depth = survey.depth.max(depth);
                if COMMENTS.contains(&node.kind()) {
                    survey.comments.push(node.byte_range());
                }
                true
            });
            survey
        })
    }

    /// All tokens in order: the leaves of the tree, comments left out, a string or regular expression as a whole.
    /// Of a JavaScript template, the quotes, the text between and `${` are tokens each.
    #[must_use]
    pub fn tokens(&self) -> &[Node<'t>] {
        self.tokens.get_or_init(|| {
            let mut tokens = Vec::new();
            walk(self.tree, |node, _| {
                let kind = node.kind();
                let is_whole = ATOMS.contains(&kind);
                let is_comment = COMMENTS.contains(&kind);
                if (is_whole || node.child_count() == 0) && !is_comment && !node.byte_range().is_empty() {
                    tokens.push(node);
                }
                !is_whole && !is_comment
            });
            tokens
        })
    }

    /// The tokens that lie wholly in `range`.
    #[must_use]
    pub fn tokens_in(&self, range: Range<usize>) -> &[Node<'t>] {
        let tokens = self.tokens();
        let from = tokens.partition_point(|token| token.start_byte() < range.start);
        let to = tokens.partition_point(|token| token.end_byte() <= range.end);
        tokens.get(from..to).unwrap_or_default()
    }

    /// The last token that ends at or before byte `at`.
    #[must_use]
    pub fn token_before(&self, at: usize) -> Option<Node<'t>> {
        let tokens = self.tokens();
        let n_before = tokens.partition_point(|token| token.end_byte() <= at);
        n_before.checked_sub(1).map(|last| tokens[last])
    }

    /// The first token that starts at or behind byte `at`.
    #[must_use]
    pub fn token_after(&self, at: usize) -> Option<Node<'t>> {
        let tokens = self.tokens();
        tokens.get(tokens.partition_point(|token| token.start_byte() < at)).copied()
    }

    /// Whether a comment lies in `range`, wholly or in part.
    #[must_use]
    pub fn has_comment_in(&self, range: Range<usize>) -> bool {
        let comments = self.comments();
        let at = comments.partition_point(|comment| comment.end <= range.start);
        comments.get(at).is_some_and(|comment| comment.start < range.end)
    }
}

/// Text of the same length: what is not UTF-8 becomes one ASCII letter a byte, so that offsets stay.
pub(crate) fn text_of_same_length(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| 'x'));
    }
    text.into()
}
