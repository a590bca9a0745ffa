//! `no-lonely-if`: `else { if (a) {} }`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::statement_lists::{block_in, needs_braces, only_statement};
use super::surroundings::statement_range;
use super::syntax::keep_only;
use super::token_lines::{last_token_of, may_continue_line, spells, touch_on_line};
use crate::rule::{Category, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds an `if` that is the only statement in the block of an `else`.
    ///
    /// ## Why is this bad?
    /// `else if` says the same with one level less.
    ///
    /// ## Example
    /// ```js
    /// if (small) {
    ///   walk();
    /// } else {
    ///   if (large) {
    ///     drive();
    ///   }
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// if (small) {
    ///   walk();
    /// } else if (large) {
    ///   drive();
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where a comment stands in the block beside the `if`, or where the statement
    /// would run into what follows for want of a semicolon.
    pub struct NoLonelyIf;
}

static META: Meta = Meta {
    id: "no-lonely-if",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows `if` as the only statement in the block of an `else`.",
    docs: NoLonelyIf::MANUAL,
};

impl Rule for NoLonelyIf {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["else_clause"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, clause: Node<'t>, out: &mut Vec<Finding>) {
        let Some(block) = only_statement(clause).filter(|node| node.kind() == "statement_block") else {
            return;
        };
        let lonely = only_statement(block).filter(|statement| statement.kind() == "if_statement");
        let Some(lonely) = lonely.filter(|lonely| !needs_braces(file, block, *lonely)) else { return };
        let message = "Unexpected if as the only statement in an else block.";
        out.push(
            Finding::new(&META, statement_range(file, lonely), message).with_fix(unwrap(file, block, lonely)),
        );
    }
}

/// Takes the braces of `block` off.
fn unwrap<'t>(file: &ParsedFile<'t>, block: Node<'t>, lonely: Node<'t>) -> Option<Fix> {
    let (whole, kept) = (block.byte_range(), statement_range(file, lonely));
    if file.has_comment_in(whole.start..kept.start) || file.has_comment_in(kept.end..whole.end) {
        return None;
    }
    let consequent = lonely.child_by_field_name("consequence")?;
    if block_in(consequent).is_none() && joins_next(file, consequent, whole.end) {
        return None;
    }
    let touches_else = file.token_before(whole.start).is_some_and(|token| token.end_byte() == whole.start);
    let before = if touches_else { " " } else { "" };
    Some(Fix::safe(keep_only(whole.clone(), kept, before, "")).claiming(whole))
}

/// Whether `consequent` has no semicolon of its own and needs the brace that ends at byte `end` for one.
fn joins_next(file: &ParsedFile<'_>, consequent: Node<'_>, end: usize) -> bool {
    let (Some(last), Some(next)) = (last_token_of(file, consequent), file.token_after(end)) else {
        return false;
    };
    !spells(file, last, ";")
        && (touch_on_line(file, last, next)
            || may_continue_line(file, next)
            || spells(file, last, "++")
            || spells(file, last, "--"))
}
