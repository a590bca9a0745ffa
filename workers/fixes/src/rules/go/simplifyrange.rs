//! `simplifyrange`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{is_blank, side};

rule_type! {
    /// ## What it does
    /// Finds `_` in a `range` clause that can be left out, as `gofmt -s` does.
    ///
    /// ## Why is this bad?
    /// `for k := range m` says the same.
    ///
    /// ## Example
    /// ```go
    /// for k, _ := range m {
    /// }
    /// for _ = range m {
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// for k := range m {
    /// }
    /// for range m {
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Generated files are left alone.
    pub struct SimplifyRange;
}

static META: Meta = Meta {
    id: "simplifyrange",
    origin: "gofmt",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds blank identifiers that a `range` clause can do without.",
    docs: SimplifyRange::MANUAL,
};

impl Rule for SimplifyRange {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["range_clause"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let names = side(node, "left");
        let mut cursor = node.walk();
        let Some(range) = node.children(&mut cursor).find(|child| child.kind() == "range") else { return };
        let redundant = match names[..] {
            [key] if is_blank(file, key) => key.start_byte()..range.start_byte(),
            [key, value] if is_blank(file, key) && is_blank(file, value) => {
                key.start_byte()..range.start_byte()
            }
            [key, value] if is_blank(file, value) => key.end_byte()..value.end_byte(),
            _ => return,
        };
        if !file.go_names().is_generated() {
            let fix = Fix::safe(vec![Edit::delete(redundant.clone())]);
            out.push(Finding::new(&META, redundant, "simplify range expression").with_fix(fix));
        }
    }
}
