//! Types that are spelled as strings.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::{Node, Parser, Tree};

use crate::language::{Grammar as _, Language};

use super::walk::{Context, Task, Walk, code_children};
use super::{Flags, Place, PythonScopes, Use, normal_name};

/// Strings in strings in strings are not looked into.
const MAX_QUOTES: u32 = 4;

/// A type that is spelled as a string.
#[derive(Debug)]
pub struct Quoted {
    /// The string literal, or the one around it whose places are places of the file.
    pub range: Range<usize>,
    /// The tree of the type.
    pub tree: Tree,
    /// What the tree is of, if the string has escapes or parts; else the tree's places are the file's.
    text: Option<Vec<u8>>,
    uses: HashMap<usize, Use>,
}

impl Quoted {
    /// Whether the places in the tree are not places of the file.
    #[must_use]
    pub fn is_complex(&self) -> bool {
        self.text.is_some()
    }

    /// The text that the tree is of.
    #[must_use]
    pub fn bytes<'a>(&'a self, file: &'a [u8]) -> &'a [u8] {
        self.text.as_deref().unwrap_or(file)
    }

    /// [`PythonScopes::qualified_name`] of a node of the tree.
    #[must_use]
    pub fn qualified_name(&self, scopes: &PythonScopes, file: &[u8], node: Node<'_>) -> Option<String> {
        scopes.qualified_in(self.bytes(file), &self.uses, node, None)
    }

    /// What the name that starts at byte `at` of the tree refers to.
    #[must_use]
    pub fn binding_of_name(&self, at: usize) -> Option<super::BindingId> {
        self.uses.get(&at)?.binding
    }

    /// Where the name that starts at byte `at` of the tree is used.
    #[must_use]
    pub fn place_of_name(&self, at: usize) -> Option<Place> {
        self.uses.get(&at).map(|used| used.place)
    }
}

impl<'n> Walk<'n, '_> {
    /// Looks into a string that is a type.
    pub(super) fn quoted(&mut self, node: Node<'n>, context: Context) {
        if self.n_quotes >= MAX_QUOTES {
            return;
        }
        let Some(content) = content_of(node, self.bytes) else { return };
        let is_inner_of_complex = context.flags.is_complex_string();
        let (text, tree) = match content {
            Content::Plain(range) => {
                let text = is_inner_of_complex.then(|| self.bytes.to_vec());
                (text, parse(self.bytes, Some(range)))
            }
            Content::Made(text) => {
                let tree = parse(&text, None);
                (Some(text), tree)
            }
        };
        let Some(tree) = tree else { return };
        let Some(expression) = only_expression(&tree) else { return };
        let flag = if text.is_some() { Flags::COMPLEX_STRING } else { Flags::SIMPLE_STRING };
        let context = context.with(Flags::TYPE_DEFINITION).with(flag);
        let literal = self.literal.clone().unwrap_or_else(|| node.byte_range());
        let mut walk = Walk::new(&mut *self.model, text.as_deref().unwrap_or(self.bytes));
        walk.quoted_uses = Some(HashMap::new());
        walk.n_quotes = self.n_quotes + 1;
        walk.literal = Some(literal.clone());
        walk.run(Task::Expression(expression), context);
        let uses = walk.quoted_uses.take().unwrap_or_default();
        let range = if is_inner_of_complex { literal.clone() } else { node.byte_range() };
        self.model
            .quoted_by_literal
            .entry((literal.start, literal.end))
            .or_default()
            .push(self.model.quoted.len());
        self.model.quoted.push(Quoted { range, tree, text, uses });
    }
}

enum Content {
    /// Bytes of the text that the string is in.
    Plain(tree_sitter::Range),
    /// What the string makes.
    Made(Vec<u8>),
}

/// What stands in a string literal of one or more parts; `None` for escapes that are not known here.
fn content_of(node: Node<'_>, bytes: &[u8]) -> Option<Content> {
    if node.kind() == "string" {
        let (range, is_raw) = inside(node, bytes)?;
        let content = bytes.get(range.start_byte..range.end_byte)?;
        if is_raw || !content.contains(&b'\\') {
            return Some(Content::Plain(range));
        }
        return Some(Content::Made(unescape(content)?));
    }
    let mut made = Vec::new();
    for part in code_children(node) {
        let (range, is_raw) = inside(part, bytes)?;
        let content = bytes.get(range.start_byte..range.end_byte)?;
        made.extend(if is_raw { content.to_vec() } else { unescape(content)? });
    }
    Some(Content::Made(made))
}

/// The bytes between the quotes, and whether backslashes stand for themselves.
fn inside(string: Node<'_>, bytes: &[u8]) -> Option<(tree_sitter::Range, bool)> {
    let mut parts = string.children(&mut string.walk()).collect::<Vec<_>>().into_iter();
    let start = parts.next().filter(|start| start.kind() == "string_start")?;
    let end = parts.last().filter(|end| end.kind() == "string_end")?;
    let prefix = bytes.get(start.byte_range())?;
    let range = tree_sitter::Range {
        start_byte: start.end_byte(),
        end_byte: end.start_byte(),
        start_point: start.end_position(),
        end_point: end.start_position(),
    };
    Some((range, prefix.iter().any(|letter| matches!(letter, b'r' | b'R'))))
}

fn unescape(content: &[u8]) -> Option<Vec<u8>> {
    let mut made = Vec::with_capacity(content.len());
    let mut rest = content.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            made.push(byte);
            continue;
        }
        match rest.next()? {
            letter @ (b'\\' | b'\'' | b'"') => made.push(letter),
            b'n' => made.push(b'\n'),
            b't' => made.push(b'\t'),
            b'r' => made.push(b'\r'),
            b'\n' => {}
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                let code = u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?;
                made.extend(char::from(code).to_string().into_bytes());
            }
            _ => return None,
        }
    }
    Some(made)
}

/// The text that a string literal without interpolation makes.
pub(super) fn plain_text(node: Node<'_>, bytes: &[u8]) -> Option<String> {
    if !matches!(node.kind(), "string" | "concatenated_string") {
        return None;
    }
    let content = match content_of(node, bytes)? {
        Content::Plain(range) => bytes.get(range.start_byte..range.end_byte)?.to_vec(),
        Content::Made(text) => text,
    };
    Some(normal_name(&content).into_owned())
}

fn parse(bytes: &[u8], range: Option<tree_sitter::Range>) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&Language::Python.grammar()).ok()?;
    if let Some(range) = range {
        parser.set_included_ranges(&[range]).ok()?;
    }
    parser.parse(bytes, None).filter(|tree| !tree.root_node().has_error())
}

/// The one expression that a tree is of.
fn only_expression(tree: &Tree) -> Option<Node<'_>> {
    let mut statements = code_children(tree.root_node());
    let statement = statements.next().filter(|node| node.kind() == "expression_statement")?;
    if statements.next().is_some() {
        return None;
    }
    let mut expressions = code_children(statement);
    let expression = expressions.next()?;
    let is_one = expressions.next().is_none();
    (is_one && !matches!(expression.kind(), "assignment" | "augmented_assignment")).then_some(expression)
}
