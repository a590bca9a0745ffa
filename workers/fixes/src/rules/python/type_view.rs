//! Types where they stand: in the code, or in strings that spell them.

use std::ops::Range;

use serde::Deserialize;
use tree_sitter::Node;

use crate::engine::walk;
use crate::scopes::python::{BindingId, Place, PythonScopes, Quoted};
use crate::source::ParsedFile;

/// The option that the rules about types share.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RuntimeTyping {
    /// Libraries read the annotations while the program runs: leave them to versions of Python that can evaluate
    /// the new spelling.
    pub(super) keep_runtime_typing: bool,
}

/// What a node is in: the file, or a type that is spelled as a string.
#[derive(Clone, Copy)]
pub(super) struct TypeView<'v, 't> {
    pub(super) file: &'v ParsedFile<'t>,
    pub(super) scopes: &'v PythonScopes,
    quoted: Option<&'v Quoted>,
}

impl<'v> TypeView<'v, '_> {
    /// The text that the node is in.
    pub(super) fn bytes(self) -> &'v [u8] {
        self.quoted.map_or(self.file.bytes, |quoted| quoted.bytes(self.file.bytes))
    }

    /// The full name of what a name stands for: see [`PythonScopes::qualified_name`].
    pub(super) fn qualified_name(self, node: Node<'_>) -> Option<String> {
        match self.quoted {
            None => self.scopes.qualified_name(self.file, node),
            Some(quoted) => quoted.qualified_name(self.scopes, self.file.bytes, node),
        }
    }

    /// Where the first name of a dotted name is used.
    pub(super) fn place_of(self, name: Node<'_>) -> Option<Place> {
        let at = name.start_byte();
        match self.quoted {
            None => self.scopes.place_of_name(at),
            Some(quoted) => quoted.place_of_name(at),
        }
    }

    /// What the name that starts at byte `at` refers to.
    pub(super) fn binding_at(self, at: usize) -> Option<BindingId> {
        match self.quoted {
            None => self.scopes.binding_of_name(at),
            Some(quoted) => quoted.binding_of_name(at),
        }
    }

    /// Whether the node is in a string whose places are not places of the file.
    pub(super) fn is_complex(self) -> bool {
        self.quoted.is_some_and(Quoted::is_complex)
    }

    /// The place of a node in the file.
    pub(super) fn range_of(self, node: Node<'_>) -> Range<usize> {
        match self.quoted {
            Some(quoted) if quoted.is_complex() => quoted.range.clone(),
            _ => node.byte_range(),
        }
    }

    /// What a node says, as it is spelled.
    pub(super) fn text(self, node: Node<'_>) -> std::borrow::Cow<'v, str> {
        String::from_utf8_lossy(self.bytes().get(node.byte_range()).unwrap_or_default())
    }
}

/// Calls `look` for `node`, or for each node of the types in it if it is a string.
pub(super) fn for_each_in_types<'t>(
    file: &ParsedFile<'t>,
    scopes: &PythonScopes,
    node: Node<'t>,
    mut look: impl FnMut(TypeView<'_, 't>, Node<'_>),
) {
    if !matches!(node.kind(), "string" | "concatenated_string") {
        return look(TypeView { file, scopes, quoted: None }, node);
    }
    for quoted in scopes.quoted_in(node) {
        walk(&quoted.tree, |inner, _| {
            look(TypeView { file, scopes, quoted: Some(quoted) }, inner);
            true
        });
    }
}
