//! `modernize-any`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `interface{}`.
    ///
    /// ## Why is this bad?
    /// Since Go 1.18 `any` is the same type and easier to read.
    ///
    /// ## Example
    /// ```go
    /// func Print(values ...interface{}) {}
    /// ```
    /// Use instead:
    /// ```go
    /// func Print(values ...any) {}
    /// ```
    ///
    /// ## Fix safety
    /// Safe for Go 1.18 and later; before, it is only suggested. Nothing is said where the file gives `any` another
    /// meaning. Generated files are not mended.
    pub struct Any;
}

static META: Meta = Meta {
    id: "modernize-any",
    origin: "modernize",
    category: Category::Modernise,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds `interface{}` where `any` says the same.",
    docs: Any::MANUAL,
};

impl Rule for Any {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["interface_type"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if node.named_child_count() > named_comments(node)
            || file.go_names().lookup("any", node.start_byte()).is_some()
        {
            return;
        }
        let fix = (!file.go_names().is_generated())
            .then(|| Fix::safe(vec![Edit::replace(node.byte_range(), "any")]).needing(Gate::Go(1, 18)));
        out.push(Finding::new(&META, node.byte_range(), "interface{} can be replaced by any").with_fix(fix));
    }
}

fn named_comments(node: Node<'_>) -> usize {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() == "comment").count()
}
