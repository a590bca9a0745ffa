//! `E712`: `== True`.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;
use unicode_width::UnicodeWidthStr;

use crate::language::Language;
use crate::rule::{Applicability, Category, Finding, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::comparison::{Comparison, KINDS, SingletonSite, bool_value, for_each_comparison};

rule_type! {
    /// ## What it does
    /// Finds comparisons to `True` and `False` by `==` and `!=` (ruff's `true-false-comparison`).
    ///
    /// ## Why is this bad?
    /// The comparison adds nothing to a condition, and for a value that is truthy without being `True` it
    /// answers the wrong question. PEP 8 asks for `if flag:` and `if not flag:`.
    ///
    /// ## Example
    /// ```python
    /// if ready == True and failed == False:
    ///     start()
    /// ```
    /// becomes
    /// ```python
    /// if ready and not failed:
    ///     start()
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `2 == True` is false while `2` is truthy, and a type with its own `__eq__` or `__ne__` gives
    /// another answer. There is no fix where it would delete a comment or run two words together.
    pub struct TrueFalseComparison;
}

static META: Meta = Meta {
    id: "E712",
    origin: "ruff",
    category: Category::Bug,
    languages: &[Language::Python],
    level: Level::Warning,
    summary: "Finds comparisons to `True` and `False` by `==` and `!=`.",
    docs: TrueFalseComparison::MANUAL,
};

/// Longer conditions are not quoted in messages.
const MAX_QUOTED_WIDTH: usize = 50;

impl Rule for TrueFalseComparison {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        for_each_comparison(file, node, out, check);
    }
}

fn check(file: &ParsedFile<'_>, comparison: &Comparison<'_>, out: &mut Vec<Finding>) {
    let mut sites = comparison.singleton_sites(file, |operand| bool_value(operand).is_some());
    sites.retain(|site| !is_said_before(comparison, *site));
    for site in &sites {
        out.push(Finding {
            rule: META.id,
            range: comparison.node.byte_range(),
            message: message(file, comparison, *site),
            fix: comparison.fix(file, &sites),
        });
    }
}

/// `True == True` is found once, at its left operand.
fn is_said_before(comparison: &Comparison<'_>, site: SingletonSite) -> bool {
    site.is_equal
        && site.singleton > site.other
        && bool_value(comparison.operand(site.singleton)) == bool_value(comparison.operand(site.other))
}

fn message(file: &ParsedFile<'_>, comparison: &Comparison<'_>, site: SingletonSite) -> String {
    if comparison.operators.len() > 1 {
        return "Avoid equality comparisons to `True` or `False`".to_owned();
    }
    let truth = bool_value(comparison.operand(site.singleton)) == Some(true);
    let literal = if truth { "True" } else { "False" };
    let comparisons = if site.is_equal { "equality" } else { "inequality" };
    let condition = quotable(file, comparison.operand(site.other));
    if truth == site.is_equal {
        format!("Avoid {comparisons} comparisons to `{literal}`; use `{condition}:` for truth checks")
    } else {
        format!("Avoid {comparisons} comparisons to `{literal}`; use `not {condition}:` for false checks")
    }
}

fn quotable<'t>(file: &ParsedFile<'t>, condition: Node<'_>) -> Cow<'t, str> {
    // Some characters have no width, but a text as long as this is wide enough without a look.
    if condition.byte_range().len() > 16 * MAX_QUOTED_WIDTH {
        return "...".into();
    }
    let text = file.text(condition);
    if text.width() > MAX_QUOTED_WIDTH || text.contains(['\r', '\n']) { "...".into() } else { text }
}
