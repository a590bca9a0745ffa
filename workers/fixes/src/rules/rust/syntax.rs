//! How Rust is spelled: what clippy's trees leave out (parentheses, comments, `;` of their own) and tree-sitter
//! keeps, statements and the tails of blocks, snippets.

use std::ops::Range;

use tree_sitter::Node;

use crate::source::ParsedFile;

/// Chains longer than this are not followed: no one writes them, and what follows them may recurse.
pub(super) const MAX_DEPTH: usize = 256;

/// Code longer than this is not copied into a fix, lest nested code be copied over and over.
pub(super) const MAX_COPIED: usize = 1 << 14;

/// Whether the text of `node` may be copied into a fix.
pub(super) fn can_copy(node: Node<'_>) -> bool {
    node.byte_range().len() <= MAX_COPIED
}

/// Whether `node` is a comment of any form.
pub(super) fn is_comment(node: Node<'_>) -> bool {
    matches!(node.kind(), "line_comment" | "block_comment")
}

/// The named children of `node` that are not comments.
pub(super) fn named_children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !is_comment(*child)).collect()
}

/// The only named child of `node`, comments aside.
pub(super) fn only_child(node: Node<'_>) -> Option<Node<'_>> {
    let children = named_children(node);
    if let [child] = children[..] { Some(child) } else { None }
}

/// What the parentheses around an expression hold.
pub(super) fn without_parens(mut node: Node<'_>) -> Node<'_> {
    while node.kind() == "parenthesized_expression" {
        let Some(inner) = only_child(node) else { break };
        node = inner;
    }
    node
}

/// `node` with all parentheses around it.
pub(super) fn with_parens<'t>(file: &ParsedFile<'t>, mut node: Node<'t>) -> Node<'t> {
    while let Some(around) = file.parent(node).filter(|around| around.kind() == "parenthesized_expression") {
        node = around;
    }
    node
}

/// The operator of a binary or unary expression.
pub(super) fn operator<'t>(node: Node<'t>) -> &'t str {
    match node.child_by_field_name("operator") {
        Some(operator) => operator.kind(),
        None => node.child(0).map_or("", |first| first.kind()),
    }
}

/// One statement, or the expression at the end of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement<'t> {
    /// The node of the statement.
    pub(super) node: Node<'t>,
    /// Its expression, if it is one.
    pub(super) expression: Option<Node<'t>>,
    /// The `;` behind the expression.
    pub(super) semicolon: Option<Node<'t>>,
    /// Whether it has attributes.
    pub(super) has_attributes: bool,
    /// Whether it is compiled only under a condition.
    pub(super) has_cfg: bool,
}

/// The content of a block as the compiler sees it: empty statements are nothing.
#[derive(Debug)]
pub(super) struct Content<'t> {
    /// All statements, without the tail.
    pub(super) statements: Vec<Statement<'t>>,
    /// The expression whose value is the block's.
    pub(super) tail: Option<Statement<'t>>,
}

/// The block of `{ … }` and of `unsafe { … }`.
pub(super) fn block_of(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "block" => Some(node),
        "unsafe_block" => named_children(node).into_iter().find(|child| child.kind() == "block"),
        _ => None,
    }
}

/// Reads the statements of a `block`.
pub(super) fn content<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> Content<'t> {
    let mut content = Content { statements: Vec::new(), tail: None };
    let (mut has_attributes, mut has_cfg) = (false, false);
    for node in named_children(block) {
        match node.kind() {
            "attribute_item" => {
                has_attributes = true;
                has_cfg |= is_cfg(file, node);
                continue;
            }
            "inner_attribute_item" | "label" | "empty_statement" => continue,
            _ => {}
        }
        let (expression, semicolon) = match node.kind() {
            "expression_statement" => {
                (node.named_child(0), last_child(node).filter(|last| last.kind() == ";"))
            }
            kind if is_item(kind) => (None, None),
            _ => (Some(node), None),
        };
        let statement = Statement { node, expression, semicolon, has_attributes, has_cfg };
        (has_attributes, has_cfg) = (false, false);
        content.statements.extend(content.tail.take());
        if expression.is_some() && semicolon.is_none() {
            content.tail = Some(statement);
        } else {
            content.statements.push(statement);
        }
    }
    // Behind a block-like expression an empty statement makes it one that is not the tail.
    if let Some(tail) = content.tail
        && block_ends_with_semicolon(block)
    {
        let semicolon = semicolon_behind(block, tail.node);
        content.statements.push(Statement { semicolon, ..tail });
        content.tail = None;
    }
    content
}

/// Whether the last thing in a block is an empty statement.
fn block_ends_with_semicolon(block: Node<'_>) -> bool {
    named_children(block).last().is_some_and(|last| last.kind() == "empty_statement")
}

/// The first empty statement behind `node` in `block`.
fn semicolon_behind<'t>(block: Node<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let mut behind = named_children(block).into_iter().skip_while(|child| *child != node).skip(1);
    behind.find(|child| child.kind() == "empty_statement")
}

fn last_child(node: Node<'_>) -> Option<Node<'_>> {
    node.child_count().checked_sub(1).and_then(|last| node.child(last))
}

fn is_item(kind: &str) -> bool {
    kind.ends_with("_item")
        || kind.ends_with("_declaration")
        || matches!(kind, "macro_definition" | "function_signature_item" | "associated_type")
}

/// Whether an `attribute_item` is `#[cfg(…)]` or `#[cfg_attr(…)]`.
fn is_cfg(file: &ParsedFile<'_>, attribute_item: Node<'_>) -> bool {
    let text = file.text(attribute_item);
    text.trim_start_matches(['#', '[', ' ', '\n', '\t']).starts_with("cfg")
}

/// The condition, the block and what follows `else` of an `if` expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct If<'t> {
    /// The whole.
    pub(super) node: Node<'t>,
    /// What decides, `let` included.
    pub(super) condition: Node<'t>,
    /// The block.
    pub(super) then: Node<'t>,
    /// The block or `if` behind `else`.
    pub(super) otherwise: Option<Node<'t>>,
}

impl<'t> If<'t> {
    /// Reads an `if_expression`.
    pub(super) fn of(node: Node<'t>) -> Option<Self> {
        if node.kind() != "if_expression" {
            return None;
        }
        let otherwise = match node.child_by_field_name("alternative") {
            Some(clause) => Some(only_child(clause)?),
            None => None,
        };
        Some(Self {
            node,
            condition: node.child_by_field_name("condition")?,
            then: node.child_by_field_name("consequence")?,
            otherwise,
        })
    }

    /// Whether a `let` is part of the condition.
    pub(super) fn has_let(&self) -> bool {
        matches!(self.condition.kind(), "let_condition" | "let_chain")
    }
}

/// Follows blocks that hold nothing but one expression.
pub(super) fn peel_blocks<'t>(file: &ParsedFile<'t>, mut node: Node<'t>) -> Node<'t> {
    for _ in 0..MAX_DEPTH {
        node = without_parens(node);
        if node.kind() != "block" || has_label(node) {
            break;
        }
        match content(file, node) {
            Content { statements, tail: Some(Statement { expression: Some(inner), has_cfg: false, .. }) }
                if statements.is_empty() =>
            {
                node = inner;
            }
            _ => break,
        }
    }
    node
}

/// Follows blocks that hold nothing but one expression or one expression statement.
pub(super) fn peel_blocks_with_statement<'t>(file: &ParsedFile<'t>, mut node: Node<'t>) -> Node<'t> {
    for _ in 0..MAX_DEPTH {
        node = without_parens(node);
        if node.kind() != "block" || has_label(node) {
            break;
        }
        let content = content(file, node);
        let only = match (&content.statements[..], content.tail) {
            ([], Some(only)) | (&[only], None) => only,
            _ => break,
        };
        match only.expression {
            Some(inner) if !only.has_cfg => node = inner,
            _ => break,
        }
    }
    node
}

fn has_label(block: Node<'_>) -> bool {
    block.child(0).is_some_and(|first| first.kind() == "label")
}

/// `true` and `false`, in blocks or not.
pub(super) fn bool_literal<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<bool> {
    let node = peel_blocks(file, node);
    (node.kind() == "boolean_literal").then(|| file.bytes_of(node.byte_range()) == b"true")
}

/// Whether an expression begins with a block, so that a statement that began with it would end there.
pub(super) fn is_block_like(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "block"
            | "unsafe_block"
            | "const_block"
            | "if_expression"
            | "loop_expression"
            | "while_expression"
            | "for_expression"
            | "match_expression"
            | "try_block"
    )
}

/// Whether a binary expression or a cast begins with a block: without `return` or `let` before it, it would be
/// read as a statement.
pub(super) fn must_parenthesise(node: Node<'_>) -> bool {
    let (mut node, mut is_operand) = (without_parens(node), false);
    loop {
        let left = match node.kind() {
            "binary_expression" => node.child_by_field_name("left"),
            "type_cast_expression" => node.child_by_field_name("value"),
            _ => return is_operand && is_block_like(node),
        };
        let Some(left) = left else { return false };
        (node, is_operand) = (without_parens(left), true);
    }
}

/// The whitespace that ends before `at`, as a start byte.
pub(super) fn whitespace_before(file: &ParsedFile<'_>, at: usize, is_white: impl Fn(u8) -> bool) -> usize {
    let before = file.bytes.get(..at).unwrap_or_default();
    before.iter().rposition(|&byte| !is_white(byte)).map_or(0, |last| last + 1)
}

/// `range` with the whitespace before it, unless a line comment ends there and would swallow what follows
/// `range` on its line.
pub(super) fn with_leading_whitespace(file: &ParsedFile<'_>, range: Range<usize>) -> Range<usize> {
    let start = whitespace_before(file, range.start, |byte| byte.is_ascii_whitespace());
    let comments = file.comments();
    let last = comments.partition_point(|comment| comment.start < start).checked_sub(1);
    let is_line_comment = last.and_then(|last| comments.get(last)).is_some_and(|comment| {
        // The grammar counts the line end to a doc comment.
        comment.end >= start && file.bytes_of(comment.clone()).starts_with(b"//")
    });
    let breaks_line = file.bytes_of(start..range.start).contains(&b'\n');
    let rest = file.bytes.get(range.end..).unwrap_or_default();
    let has_more = rest.iter().take_while(|byte| **byte != b'\n').any(|byte| !byte.is_ascii_whitespace());
    if is_line_comment && breaks_line && has_more { range } else { start..range.end }
}

/// The column of the first character that is no whitespace on the line of `at`, in bytes.
pub(super) fn indent_of(file: &ParsedFile<'_>, at: usize) -> usize {
    let before = file.bytes.get(..at).unwrap_or_default();
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let line = file.bytes.get(start..).unwrap_or_default();
    line.iter().position(|byte| !byte.is_ascii_whitespace() || *byte == b'\n').unwrap_or(0)
}

/// Moves all lines but the first so that the least indented stands at `indent`.
pub(super) fn reindent(text: &str, indent: usize) -> String {
    let spaced = reindent_by(text, indent, ' ');
    let tabbed = reindent_by(&spaced, indent, '\t');
    reindent_by(&tabbed, indent, ' ')
}

fn reindent_by(text: &str, indent: usize, white: char) -> String {
    let depth = |line: &str| line.len() - line.trim_start_matches(white).len();
    let least = text.lines().skip(1).filter(|line| !line.is_empty()).map(depth).min().unwrap_or(0);
    let moved = text.lines().enumerate().map(|(index, line)| {
        if index == 0 || line.is_empty() {
            line.to_owned()
        } else if least > indent {
            line.get(least - indent..).unwrap_or(line).to_owned()
        } else {
            format!("{}{line}", " ".repeat(indent - least))
        }
    });
    moved.collect::<Vec<_>>().join("\n")
}

/// The tokens of two nodes are spelled the same.
pub(super) fn is_same_code(file: &ParsedFile<'_>, one: Node<'_>, other: Node<'_>) -> bool {
    let spelled = |node: Node<'_>| {
        file.tokens_in(node.byte_range()).iter().map(|token| file.bytes_of(token.byte_range()))
    };
    spelled(one).eq(spelled(other))
}
