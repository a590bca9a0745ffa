//! `E713`: `not a in b`.

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
    /// Finds `not a in b`, where membership is tested and then negated (ruff's `not-in-test`).
    ///
    /// ## Why is this bad?
    /// `a not in b` is one operator, reads like a sentence, and leaves no doubt what `not` belongs to.
    ///
    /// ## Example
    /// ```python
    /// if not name in known:
    ///     pass
    /// ```
    /// Use instead:
    /// ```python
    /// if name not in known:
    ///     pass
    /// ```
    ///
    /// ## Fix safety
    /// Safe: both forms mean the same. White space and comments between the operands are not kept, and where
    /// that would lose a comment, the checks of this engine hold the fix back.
    pub struct NotInTest;
}

static META: Meta = Meta {
    id: "E713",
    origin: "ruff",
    category: Category::Style,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Requires `a not in b` instead of `not a in b`.",
    docs: NotInTest::MANUAL,
};

static TEST: NotTest = NotTest {
    meta: &META,
    operator: "in",
    message: "Test for membership should be `not in`",
    negated: "not in",
};

impl Rule for NotInTest {
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
