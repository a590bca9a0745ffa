//! The arguments of a call.

use tree_sitter::Node;

use crate::rule::Edit;
use crate::source::ParsedFile;

use super::syntax::{code_children, without_parentheses};

/// The arguments of a call, as they stand there.
#[derive(Debug)]
pub(super) struct Arguments<'t> {
    /// The list with its parentheses.
    pub(super) list: Node<'t>,
    /// Positional ones, `*more` included, parentheses of their own included.
    pub(super) positional: Vec<Node<'t>>,
    /// `name=value` and `**more`.
    pub(super) keywords: Vec<Node<'t>>,
}

impl<'t> Arguments<'t> {
    /// Those of `call`; `None` if it is no call.
    #[must_use]
    pub(super) fn of(call: Node<'t>) -> Option<Self> {
        let list = (call.kind() == "call").then(|| call.child_by_field_name("arguments"))??;
        if list.kind() == "generator_expression" {
            return Some(Self { list, positional: vec![list], keywords: Vec::new() });
        }
        let is_keyword = |node: &Node<'t>| matches!(node.kind(), "keyword_argument" | "dictionary_splat");
        let (keywords, positional) = code_children(list).partition(is_keyword);
        Some(Self { list, positional, keywords })
    }

    /// The value of the argument called `name`, which may stand at `index` instead.
    #[must_use]
    pub(super) fn value(&self, file: &ParsedFile<'_>, name: &str, index: usize) -> Option<Node<'t>> {
        self.keyword(file, name).and_then(|keyword| keyword.child_by_field_name("value")).or_else(|| {
            self.positional.iter().copied().take_while(|argument| argument.kind() != "list_splat").nth(index)
        })
    }

    /// The argument `name=…`.
    #[must_use]
    pub(super) fn keyword(&self, file: &ParsedFile<'_>, name: &str) -> Option<Node<'t>> {
        let is_wanted = |keyword: &Node<'t>| {
            keyword.child_by_field_name("name").is_some_and(|known| file.text(known) == name)
        };
        self.keywords.iter().copied().find(is_wanted)
    }

    /// Removes `argument` with the comma behind it, or the one before it if it is the last.
    /// A trailing comma and all white space go if it is the only one.
    #[must_use]
    pub(super) fn without(&self, file: &ParsedFile<'_>, argument: Node<'t>) -> Option<Edit> {
        let all = || self.positional.iter().chain(&self.keywords);
        if all().any(|other| other.start_byte() > argument.start_byte()) {
            let comma = self.comma_after(argument.end_byte())?;
            let rest = &file.bytes[comma.end_byte()..self.list.end_byte()];
            let n_blanks =
                rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c' | b'\r' | b'\n'));
            return Some(Edit::delete(argument.start_byte()..comma.end_byte() + n_blanks.count()));
        }
        let before = all().map(Node::end_byte).filter(|&end| end <= argument.start_byte()).max();
        Some(match before {
            Some(end) => Edit::delete(self.comma_after(end)?.start_byte()..argument.end_byte()),
            None => Edit::replace(self.list.byte_range(), "()"),
        })
    }

    fn comma_after(&self, at: usize) -> Option<Node<'t>> {
        let mut cursor = self.list.walk();
        self.list.children(&mut cursor).find(|child| child.kind() == "," && child.start_byte() >= at)
    }
}

/// The positional arguments of `call`, parentheses gone, if there are exactly `N` of them and the first is no
/// `*more`.
#[must_use]
pub(super) fn exactly<'t, const N: usize>(call: Node<'t>) -> Option<[Node<'t>; N]> {
    let positional = Arguments::of(call)?.positional;
    let bare: Vec<Node<'t>> = positional.into_iter().map(without_parentheses).collect();
    bare.try_into()
        .ok()
        .filter(|all: &[Node<'t>; N]| all.first().is_none_or(|first| first.kind() != "list_splat"))
}
