//! `PIE808`: `range(0, n)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::arguments::Arguments;
use super::names::is_builtin;
use super::number::Number;
use super::syntax::without_parentheses;

rule_type! {
    /// ## What it does
    /// Finds calls of `range` that start at 0 and have no step (ruff's `unnecessary-range-start`).
    ///
    /// ## Why is this bad?
    /// A range starts at 0 unless told otherwise.
    ///
    /// ## Example
    /// ```python
    /// for index in range(0, 10):
    ///     print(index)
    /// ```
    /// Use instead:
    /// ```python
    /// for index in range(10):
    ///     print(index)
    /// ```
    ///
    /// ## Fix safety
    /// Safe. A comment right behind the 0 is lost.
    pub struct UnnecessaryRangeStart;
}

static META: Meta = Meta {
    id: "PIE808",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `range` with a start of 0.",
    docs: UnnecessaryRangeStart::MANUAL,
};

impl Rule for UnnecessaryRangeStart {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(arguments) = Arguments::of(node).filter(|arguments| arguments.keywords.is_empty()) else {
            return;
        };
        let [start, _] = &*arguments.positional else { return };
        let literal = without_parentheses(*start);
        let is_zero =
            literal.kind() == "integer" && Number::parse(&file.text(literal)) == Some(Number::Int(0));
        let function = node.child_by_field_name("function");
        if is_zero && function.is_some_and(|function| is_builtin(file, function, "range")) {
            let fix = arguments.without(file, *start).map(|edit| Fix::safe(vec![edit]));
            let message = "Unnecessary `start` argument in `range`";
            out.push(Finding::new(&META, literal.byte_range(), message).with_fix(fix));
        }
    }
}
