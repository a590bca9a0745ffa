//! Statements and the lists and blocks that hold them.

use std::ops::Range;

use tree_sitter::Node;

use super::syntax::{first_named_child, named_children};
use super::token_lines::spells;
use crate::source::ParsedFile;

/// Node kinds of functions of any form.
pub(super) const FUNCTIONS: &[&str] = &[
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "arrow_function",
    "method_definition",
];

/// Node kinds of the loops.
pub(super) const LOOPS: &[&str] = &["while_statement", "do_statement", "for_statement", "for_in_statement"];

/// How far outwards the rules look for the function around a statement.
const MAX_OUTWARDS: usize = 500;

/// Whether any number of statements may stand in `node`.
pub(super) fn is_statement_list(node: Node<'_>) -> bool {
    matches!(node.kind(), "program" | "statement_block" | "switch_case" | "switch_default")
}

/// The statement of `if … else statement`.
pub(super) fn alternate(if_statement: Node<'_>) -> Option<Node<'_>> {
    named_children(if_statement.child_by_field_name("alternative")?).next()
}

/// The node that holds the statements of a block. The grammar takes `{ label: value }` for an object, even where
/// a statement starts.
pub(super) fn block_in(statement: Node<'_>) -> Option<Node<'_>> {
    match statement.kind() {
        "statement_block" => Some(statement),
        "expression_statement" => first_named_child(statement).filter(|child| child.kind() == "object"),
        _ => None,
    }
}

/// The only statement of a block.
pub(super) fn only_statement(block: Node<'_>) -> Option<Node<'_>> {
    let mut statements = named_children(block);
    let first = statements.next()?;
    (statements.next().is_none() && !is_two(first)).then_some(first)
}

/// Whether what the grammar takes for one statement is two: `return` and a value on the next line, or a block
/// that it takes for an object and the semicolon behind it.
pub(super) fn is_two(statement: Node<'_>) -> bool {
    match statement.kind() {
        "return_statement" => {
            let keyword = statement.child(0);
            keyword
                .zip(first_named_child(statement))
                .is_some_and(|(keyword, value)| keyword.end_position().row < value.start_position().row)
        }
        "expression_statement" => {
            block_in(statement).is_some_and(|block| block.end_byte() < statement.end_byte())
        }
        _ => false,
    }
}

/// The bytes of the function around `node`, of the whole file where there is none.
pub(super) fn function_around<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Range<usize> {
    file.ancestors(node)
        .take(MAX_OUTWARDS)
        .find(|around| FUNCTIONS.contains(&around.kind()))
        .unwrap_or_else(|| file.tree.root_node())
        .byte_range()
}

/// Whether `block`, which holds only `statement`, cannot lose its braces: they hold a declaration, or keep an
/// `else` behind them from an `if` within them.
pub(super) fn needs_braces(file: &ParsedFile<'_>, block: Node<'_>, statement: Node<'_>) -> bool {
    let is_followed_by_else =
        || file.token_after(block.end_byte()).is_some_and(|token| spells(file, token, "else"));
    is_lexical_declaration(statement) || (takes_else(statement) && is_followed_by_else())
}

fn is_lexical_declaration(statement: Node<'_>) -> bool {
    matches!(
        statement.kind(),
        "lexical_declaration"
            | "using_declaration"
            | "function_declaration"
            | "generator_function_declaration"
            | "class_declaration"
            | "abstract_class_declaration"
    )
}

/// Whether an `else` right behind `statement` would belong to an `if` within it.
fn takes_else(statement: Node<'_>) -> bool {
    let mut last = Some(statement);
    while let Some(node) = last {
        last = match node.kind() {
            "if_statement" => match alternate(node) {
                None => return true,
                alternate => alternate,
            },
            "for_statement" | "for_in_statement" | "labeled_statement" | "with_statement"
            | "while_statement" => node.child_by_field_name("body"),
            _ => None,
        };
    }
    false
}
