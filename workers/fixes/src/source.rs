//! A file that was parsed once: its bytes, its tree, and lazily what rules ask of it (comments, scopes).

use std::cell::OnceCell;
use std::ops::Range;

use tree_sitter::{Node, Tree};

use crate::engine::walk;
use crate::language::Language;
use crate::scopes::Scopes;

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
    kind: SourceKind,
    survey: OnceCell<Survey>,
    scopes: OnceCell<Option<Scopes>>,
}

/// What one walk over the tree tells.
#[derive(Debug, Default)]
struct Survey {
    comments: Vec<Range<usize>>,
    /// Levels below the root.
    depth: u32,
}

/// How a JavaScript or TypeScript file is loaded, which decides what its top level scope is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceKind {
    /// Not known from outside: the text decides ([`Scopes::kind`]).
    #[default]
    Unknown,
    /// An ECMAScript module: the top level is a scope of its own, and strict.
    Module,
    /// A CommonJS module: the top level is the body of a function.
    CommonJs,
    /// A classic script: declarations at the top level are shared with every other script of the page.
    Script,
}

impl<'t> ParsedFile<'t> {
    /// Wraps a parsed tree.
    #[must_use]
    pub fn new(bytes: &'t [u8], language: Language, tree: &'t Tree) -> Self {
        let kind = SourceKind::Unknown;
        Self { bytes, language, tree, kind, survey: OnceCell::new(), scopes: OnceCell::new() }
    }

    /// States how the file is loaded, where the caller knows.
    #[must_use]
    pub fn loaded_as(mut self, kind: SourceKind) -> Self {
        self.kind = kind;
        self
    }

    /// The scopes, variables and references of a JavaScript or TypeScript file, resolved on first use.
    /// `None` where they cannot be known: other languages, files with syntax errors, too deep nesting.
    /// A rule that needs them stays silent then.
    #[must_use]
    pub fn scopes(&self) -> Option<&Scopes> {
        self.scopes.get_or_init(|| Scopes::resolve(self, self.survey().depth, self.kind)).as_ref()
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
                if matches!(node.kind(), "comment" | "html_comment" | "hash_bang_line") {
                    survey.comments.push(node.byte_range());
                }
                true
            });
            survey
        })
    }

    /// Whether a comment lies in `range`, wholly or in part.
    #[must_use]
    pub fn has_comment_in(&self, range: Range<usize>) -> bool {
        let comments = self.comments();
        let at = comments.partition_point(|comment| comment.end <= range.start);
        comments.get(at).is_some_and(|comment| comment.start < range.end)
    }
}
