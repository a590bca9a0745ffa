//! `E711`: `== None`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Finding, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::comparison::{Comparison, KINDS, for_each_comparison};

rule_type! {
    /// ## What it does
    /// Finds comparisons to `None` by `==` and `!=` (ruff's `none-comparison`).
    ///
    /// ## Why is this bad?
    /// There is one `None`, so identity is what is meant; `==` asks a method that the other operand may
    /// define at will. PEP 8 asks for `is` and `is not`.
    ///
    /// ## Example
    /// ```python
    /// if result == None:
    ///     retry()
    /// ```
    /// becomes
    /// ```python
    /// if result is None:
    ///     retry()
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a type with its own `__eq__` or `__ne__`, such as a column of a table, gives another answer.
    /// There is no fix where it would delete a comment or run two words together.
    pub struct NoneComparison;
}

static META: Meta = Meta {
    id: "E711",
    origin: "ruff",
    category: Category::Bug,
    languages: &[Language::Python],
    level: Level::Warning,
    summary: "Finds comparisons to `None` by `==` and `!=`.",
    docs: NoneComparison::MANUAL,
};

impl Rule for NoneComparison {
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
    let sites = comparison.singleton_sites(file, |operand| operand.kind() == "none");
    for site in &sites {
        let operator = if site.is_equal { "is" } else { "is not" };
        out.push(Finding {
            rule: META.id,
            range: comparison.operand(site.singleton).byte_range(),
            message: format!("Comparison to `None` should be `cond {operator} None`"),
            fix: comparison.fix(file, &sites),
        });
    }
}
