//! `needless_return_with_question_mark`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::{before, is_silenced};
use super::syntax::{MAX_DEPTH, content, only_child, without_parens};

rule_type! {
    /// ## What it does
    /// Finds `return Err(…)?;` in the middle of a function.
    ///
    /// ## Why is this bad?
    /// `Err(…)?` returns already.
    ///
    /// ## Example
    /// ```rust
    /// fn check(x: u8) -> Result<(), Error> {
    ///     if x == 0 {
    ///         return Err(Zero)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// fn check(x: u8) -> Result<(), Error> {
    ///     if x == 0 {
    ///         Err(Zero)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Nothing is said where the block around may need a value of its own: `return` stands for any value,
    /// and `Err(…)?;` does not.
    pub struct NeedlessReturnWithQuestionMark;
}

static META: Meta = Meta {
    id: "needless_return_with_question_mark",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `return Err(…)?;` where `Err(…)?;` would do.",
    docs: NeedlessReturnWithQuestionMark::MANUAL,
};

impl Rule for NeedlessReturnWithQuestionMark {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["return_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(value) = only_child(node).filter(|value| is_error(file, *value)) else { return };
        let Some(statement) = file.parent(node).filter(|around| around.kind() == "expression_statement")
        else {
            return;
        };
        if needs_return(file, statement)
            || !before(file, node.start_byte()).is_empty()
            || is_silenced(file, node, META.id, "style")
        {
            return;
        }
        let range = node.start_byte()..value.start_byte();
        let fix = Fix::safe(vec![Edit::delete(range.clone())]);
        let message = "unneeded `return` statement with `?` operator";
        out.push(Finding::new(&META, range, message).with_fix(fix));
    }
}

/// `Err(…)?`
fn is_error(file: &ParsedFile<'_>, value: Node<'_>) -> bool {
    let call = only_child(value).map(without_parens).filter(|_| value.kind() == "try_expression");
    let callee = call
        .filter(|call| call.kind() == "call_expression")
        .and_then(|call| call.child_by_field_name("function"));
    callee.is_some_and(|callee| {
        let path = file.text(callee);
        matches!(&*path, "Err" | "Result::Err") || path.ends_with("result::Result::Err")
    })
}

/// Whether the block of the statement has to have a value, which only `return` can stand for, or whether a
/// `let … else` is around.
fn needs_return<'t>(file: &ParsedFile<'t>, statement: Node<'t>) -> bool {
    let Some(block) = file.parent(statement).filter(|block| block.kind() == "block") else { return true };
    let in_let_else =
        file.ancestors(block).take(MAX_DEPTH).take_while(|around| !is_body(*around)).any(|around| {
            around.kind() == "let_declaration" && around.child_by_field_name("alternative").is_some()
        });
    in_let_else || content(file, block).tail.is_none() && !is_unit(file, block)
}

fn is_body(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_item" | "closure_expression" | "async_block")
}

/// Whether the place of `node` is one for a value of type `()`.
fn is_unit<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let mut node = node;
    for _ in 0..MAX_DEPTH {
        let Some(around) = file.parent(node) else { return false };
        match around.kind() {
            "if_expression" if around.child_by_field_name("alternative").is_none() => return true,
            "loop_expression" | "while_expression" | "for_expression" => return true,
            "let_declaration" => {
                let declared = around.child_by_field_name("type");
                return declared.is_some_and(|declared| declared.kind() == "unit_type");
            }
            "expression_statement" => {
                let Some(block) = file.parent(around) else { return false };
                let tail = content(file, block).tail.map(|tail| tail.node);
                // With a `;` behind, the value may be of any type; without, and not at the end, it is `()`.
                return around.byte_range() == node.byte_range() && tail != Some(around);
            }
            "if_expression" | "else_clause" | "match_arm" | "match_block" | "match_expression"
            | "unsafe_block" => {
                node = around;
            }
            _ => return false,
        }
    }
    false
}
