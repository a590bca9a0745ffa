//! `collapsible_if`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::engine::walk;
use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::collapse::{Options, closing, is_let, only_expression, opening, parens, stands_alone};
use super::syntax::{If, operator, with_parens, without_parens};

rule_type! {
    /// ## What it does
    /// Finds an `if` that holds nothing but another `if`, both without `else`.
    ///
    /// ## Why is this bad?
    /// `&&` says the same with one level of nesting less.
    ///
    /// ## Example
    /// ```rust
    /// if ready {
    ///     if count > 0 {
    ///         start();
    ///     }
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// if ready
    ///     && count > 0 {
    ///         start();
    ///     }
    /// ```
    /// rustfmt does the rest.
    ///
    /// ## Options
    /// `lint-commented-code` (default `false`): find it also where a comment stands before the inner `if`.
    ///
    /// ## Fix safety
    /// Safe. A condition that is a `let` is looked at only in files that chain `let` with `&&` already, which
    /// needs edition 2024 and Rust 1.88.
    pub struct CollapsibleIf {
        lint_commented_code: bool,
    }
}

static META: Meta = Meta {
    id: "collapsible_if",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds nested `if`s that `&&` could join.",
    docs: CollapsibleIf::MANUAL,
};

impl CollapsibleIf {
    /// As clippy does without a configuration.
    pub const DEFAULT: Self = Self { lint_commented_code: false };
}

impl Rule for CollapsibleIf {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let Options { lint_commented_code } = option(options, 0)?;
        Ok(Arc::new(Self { lint_commented_code }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["if_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(self.finding(file, node));
    }
}

impl CollapsibleIf {
    fn finding<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
        let outer = If::of(node).filter(|outer| outer.otherwise.is_none())?;
        let only = only_expression(file, outer.then)?;
        let inner_place = only.expression?;
        let inner = If::of(without_parens(inner_place)).filter(|inner| inner.otherwise.is_none())?;
        if !stands_alone(file, outer.then, &only, self.lint_commented_code)
            || is_silenced(file, inner.node, META.id, "style")
        {
            return None;
        }
        let needs_chain = is_let(outer.condition) || is_let(inner.condition);
        if needs_chain && !chains_let(file) {
            return None;
        }
        let (before, behind) = parens(inner_place);
        let keyword = inner.node.start_byte()..inner.node.start_byte() + 2;
        let mut edits = vec![
            Edit::delete(opening(file, outer.then)),
            Edit::delete(closing(file, outer.then)),
            Edit::replace(before.start..keyword.end, "&&"),
        ];
        if !behind.is_empty() {
            edits.push(Edit::delete(behind));
        }
        for condition in [outer.condition, inner.condition].into_iter().filter(|node| is_or(*node)) {
            edits.push(Edit::insert(condition.start_byte(), "("));
            edits.push(Edit::insert(condition.end_byte(), ")"));
        }
        let mut fix = Fix::safe(merged(edits));
        if needs_chain {
            fix = fix.needing(Gate::Rust(1, 88));
        }
        let range = with_parens(file, node).byte_range();
        Some(Finding::new(&META, range, "this `if` statement can be collapsed").with_fix(fix))
    }
}

/// Joins edits that touch, as `)` behind a condition and the brace behind it do.
fn merged(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        match joined.last_mut() {
            Some(last) if last.range.end == edit.range.start => {
                last.range.end = edit.range.end;
                last.text.push_str(&edit.text);
            }
            _ => joined.push(edit),
        }
    }
    joined
}

fn is_or(condition: Node<'_>) -> bool {
    let condition = without_parens(condition);
    condition.kind() == "binary_expression" && operator(condition) == "||"
}

/// Whether the file has a condition such as `a && let Some(b) = c`.
fn chains_let(file: &ParsedFile<'_>) -> bool {
    let mut found = false;
    walk(file.tree, |node, _| {
        found |= node.kind() == "let_chain";
        !found
    });
    found
}
