//! A file that was parsed once: its bytes, its tree, and lazily what rules ask of it (comments, scopes).

use std::cell::OnceCell;
use std::ops::Range;

use tree_sitter::{Node, Tree};

use crate::facts::Facts;
use crate::language::{Grammar as _, Language};
use crate::outline::Outline;
use crate::scopes::python::PythonScopes;
use crate::scopes::{Scopes, go, rust};
use crate::suppressions::Suppressions;
use crate::user_rule::Searched;

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
    outline: OnceCell<Outline<'t>>,
    tokens: OnceCell<Vec<Node<'t>>>,
    scopes: OnceCell<Option<Scopes>>,
    go_names: OnceCell<go::Names<'t>>,
    rust_names: OnceCell<rust::Names<'t>>,
    python_scopes: OnceCell<Option<PythonScopes>>,
    suppressions: OnceCell<Suppressions<'t>>,
    searched: OnceCell<Searched>,
    /// Where the `return` statements of JavaScript without a value start, in order.
    pub(crate) bare_returns: OnceCell<Vec<usize>>,
    /// What Python rules found out about the file as a whole.
    pub(crate) python: PythonMemo,
}

/// Answers that cost a look at the whole file, remembered: many findings ask for them.
#[derive(Debug, Default)]
pub(crate) struct PythonMemo {
    /// Whether it is Python 3 without syntax errors.
    pub(crate) is_sound: OnceCell<bool>,
    /// The quote that its strings use.
    pub(crate) quote: OnceCell<char>,
    /// One level of indentation.
    pub(crate) indentation: OnceCell<String>,
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
            outline: OnceCell::new(),
            tokens: OnceCell::new(),
            scopes: OnceCell::new(),
            go_names: OnceCell::new(),
            rust_names: OnceCell::new(),
            python: PythonMemo::default(),
            python_scopes: OnceCell::new(),
            suppressions: OnceCell::new(),
            searched: OnceCell::new(),
            bare_returns: OnceCell::new(),
        }
    }

    /// The tree as a list.
    pub(crate) fn outline(&self) -> &Outline<'t> {
        self.outline.get_or_init(|| Outline::of(self.tree, self.language))
    }

    /// The node around `node`, `None` for the root. [`Node::parent`] costs the depth of the node, this a search in a
    /// sorted list.
    #[must_use]
    pub fn parent(&self, node: Node<'t>) -> Option<Node<'t>> {
        self.ancestors(node).next()
    }

    /// The nodes around `node`, innermost first, the root last. Each step costs nothing.
    pub fn ancestors(&self, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + '_ {
        self.outline().ancestors(node)
    }

    /// The named leaf that starts at byte `at`, such as an identifier.
    #[must_use]
    pub fn name_at(&self, at: usize) -> Option<Node<'t>> {
        self.outline().name_at(at)
    }

    /// All named nodes of these kinds, in order.
    pub fn nodes_of<'f>(&'f self, kinds: &[&str]) -> impl Iterator<Item = Node<'t>> + use<'f, 't> {
        let grammar = self.language.grammar();
        let ids: Vec<u16> = kinds.iter().map(|kind| grammar.id_for_node_kind(kind, true)).collect();
        self.outline().entries().iter().filter(move |entry| ids.contains(&entry.kind)).map(|entry| entry.node)
    }

    /// The scopes, variables and references of a JavaScript or TypeScript file, resolved on first use.
    /// `None` where they cannot be known: other languages, files with syntax errors, too deep nesting.
    /// A rule that needs them stays silent then.
    #[must_use]
    pub fn scopes(&self) -> Option<&Scopes> {
        self.scopes.get_or_init(|| Scopes::resolve(self, self.outline().depth, self.facts.kind)).as_ref()
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

    /// The scopes, bindings and references of a Python file, resolved on first use. `None` for other languages.
    /// What stands in syntax errors counts as used, but a rule that says that something is not used stays silent
    /// where there are any.
    #[must_use]
    pub fn python_scopes(&self) -> Option<&PythonScopes> {
        self.python_scopes.get_or_init(|| PythonScopes::resolve(self)).as_ref()
    }

    /// The comments of the file that keep rules quiet, read on first use.
    pub(crate) fn suppressions(&self) -> &Suppressions<'t> {
        self.suppressions.get_or_init(|| Suppressions::of(self))
    }

    /// The file as users' rules search it, made on first use.
    pub(crate) fn ast_grep(&self) -> &Searched {
        self.searched.get_or_init(|| Searched::new(self))
    }

    /// The text of `node`; a byte that is not UTF-8 is replaced by a control character, so that offsets stay. Use it
    /// to compare and to build text from identifiers, and [`ParsedFile::bytes_of`] to copy.
    #[must_use]
    pub fn text(&self, node: Node<'_>) -> std::borrow::Cow<'t, str> {
        self.text_in(node.byte_range())
    }

    /// The text of `range`, as [`ParsedFile::text`] has it.
    #[must_use]
    pub fn text_in(&self, range: Range<usize>) -> std::borrow::Cow<'t, str> {
        text_of_same_length(self.bytes_of(range), '\u{1A}')
    }

    /// The bytes of `range`.
    #[must_use]
    pub fn bytes_of(&self, range: Range<usize>) -> &'t [u8] {
        &self.bytes[range]
    }

    /// The byte ranges of all comments, in order.
    #[must_use]
    pub fn comments(&self) -> &[Range<usize>] {
        &self.outline().comments
    }

    /// All tokens in order: the leaves of the tree, comments left out, a string or regular expression as a whole.
    /// Of a JavaScript template, the quotes, the text between and `${` are tokens each.
    #[must_use]
    pub fn tokens(&self) -> &[Node<'t>] {
        self.tokens.get_or_init(|| self.outline().tokens())
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

/// Text of the same length: what is not UTF-8 becomes one ASCII character a byte, so that offsets stay.
pub(crate) fn text_of_same_length(bytes: &[u8], stand_in: char) -> std::borrow::Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| stand_in));
    }
    text.into()
}
