//! `E714`: `not a is b`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Finding, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::not_tests::{KINDS, NotTest};

rule_type! {
    /// ## What it does
    /// Finds `not a is b`, where identity is tested and then negated (ruff's `not-is-test`).
    ///
    /// ## Why is this bad?
    /// `a is not b` is one operator, reads like a sentence, and leaves no doubt what `not` belongs to.
    ///
    /// ## Example
    /// ```python
    /// if not value is None:
    ///     pass
    /// ```
    /// Use instead:
    /// ```python
    /// if value is not None:
    ///     pass
    /// ```
    ///
    /// ## Fix safety
    /// Safe: both forms mean the same. White space and comments between the operands are not kept, and where
    /// that would lose a comment, the checks of this engine hold the fix back.
    pub struct NotIsTest;
}

static META: Meta = Meta {
    id: "E714",
    origin: "ruff",
    category: Category::Style,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Requires `a is not b` instead of `not a is b`.",
    docs: NotIsTest::MANUAL,
};

static TEST: NotTest = NotTest {
    meta: &META,
    operator: "is",
    message: "Test for object identity should be `is not`",
    negated: "is not",
};

impl Rule for NotIsTest {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        TEST.check(file, node, out);
    }
}
