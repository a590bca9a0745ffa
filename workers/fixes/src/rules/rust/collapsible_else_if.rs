//! `collapsible_else_if`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::collapse::{Options, closing, only_expression, opening, stands_alone};
use super::syntax::{If, can_copy, indent_of, reindent, with_leading_whitespace, without_parens};

rule_type! {
    /// ## What it does
    /// Finds an `else` block that holds nothing but an `if`.
    ///
    /// ## Why is this bad?
    /// `else if` says the same with one level of nesting less.
    ///
    /// ## Example
    /// ```rust
    /// if a {
    ///     first();
    /// } else {
    ///     if b {
    ///         second();
    ///     }
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// if a {
    ///     first();
    /// } else if b {
    ///     second();
    /// }
    /// ```
    ///
    /// ## Options
    /// `lint-commented-code` (default `false`): find it also where a comment stands before the inner `if`.
    ///
    /// ## Fix safety
    /// Safe. Where both branches hold an `if` with `else`, nothing is said: the symmetry may be wanted.
    pub struct CollapsibleElseIf {
        lint_commented_code: bool,
    }
}

static META: Meta = Meta {
    id: "collapsible_else_if",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `else` blocks with nothing but an `if` in them.",
    docs: CollapsibleElseIf::MANUAL,
};

const MESSAGE: &str = "this `else { if .. }` block can be collapsed";

impl CollapsibleElseIf {
    /// As clippy does without a configuration.
    pub const DEFAULT: Self = Self { lint_commented_code: false };
}

impl Rule for CollapsibleElseIf {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let Options { lint_commented_code } = option(options, 0)?;
        Ok(Arc::new(Self { lint_commented_code }))
    }

    // The block and not the whole `if`: an odd character between `else` and the block, which the compiler takes
    // for whitespace, is a syntax error to the grammar.
    fn kinds(&self) -> &'static [&'static str] {
        &["block"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(self.finding(file, node));
    }
}

impl CollapsibleElseIf {
    fn finding<'t>(&self, file: &ParsedFile<'t>, block: Node<'t>) -> Option<Finding> {
        let clause = file.parent(block).filter(|clause| clause.kind() == "else_clause")?;
        let outer = file.parent(clause).filter(|outer| outer.kind() == "if_expression")?;
        let then = outer.child_by_field_name("consequence")?;
        let only = only_expression(file, block)?;
        let inner_place = only.expression?;
        let inner = If::of(without_parens(inner_place))?;
        if inner.otherwise.is_some() && holds_if_else(file, then)
            || !stands_alone(file, block, &only, self.lint_commented_code)
            || is_silenced(file, inner.node, META.id, "pedantic")
        {
            return None;
        }
        let edits = if !can_copy(inner.node) {
            Vec::new()
        } else if self.lint_commented_code {
            self.keeping_comments(file, clause, block, inner.node)
        } else {
            let between = String::from_utf8_lossy(file.bytes_of(then.end_byte()..block.start_byte()));
            let space = if between.ends_with(|last: char| !last.is_whitespace()) { " " } else { "" };
            let text = reindent(&file.text(inner.node), indent_of(file, block.start_byte()));
            vec![Edit::replace(block.byte_range(), format!("{space}{text}"))]
        };
        let fix = can_copy(inner.node).then(|| Fix::safe(edits));
        Some(Finding::new(&META, block.byte_range(), MESSAGE).with_fix(fix))
    }

    /// Takes out `else {` and `}` and leaves all else in its place.
    fn keeping_comments(
        &self,
        file: &ParsedFile<'_>,
        clause: Node<'_>,
        block: Node<'_>,
        inner: Node<'_>,
    ) -> Vec<Edit> {
        let keyword = with_leading_whitespace(file, clause.start_byte()..clause.start_byte() + 4);
        let brace = opening(file, block);
        let mut edits = if keyword.end >= brace.start {
            vec![Edit::delete(keyword.start..brace.end)]
        } else {
            vec![Edit::delete(keyword), Edit::delete(brace)]
        };
        edits.push(Edit::replace(inner.start_byte()..inner.start_byte() + 2, "else if"));
        edits.push(Edit::delete(closing(file, block)));
        edits
    }
}

/// Whether a block holds nothing but an `if` with `else`.
fn holds_if_else<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> bool {
    let inner = only_expression(file, block).and_then(|only| only.expression);
    inner.and_then(|inner| If::of(without_parens(inner))).is_some_and(|inner| inner.otherwise.is_some())
}
