//! `no-extra-label`: `break` and `continue` with the label of the innermost loop.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::statement_lists::{FUNCTIONS, LOOPS};
use super::syntax::identifier_name;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `break` and `continue` with a label that names the loop or `switch` that they leave anyway.
    ///
    /// ## Why is this bad?
    /// A label makes the reader look for an outer loop.
    ///
    /// ## Example
    /// ```js
    /// rows: for (const row of rows) {
    ///   if (!row) break rows;
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// rows: for (const row of rows) {
    ///   if (!row) break;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the same statement is left. There is no fix where it would lose a comment.
    pub struct NoExtraLabel;
}

static META: Meta = Meta {
    id: "no-extra-label",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows labels on `break` and `continue` that change nothing.",
    docs: NoExtraLabel::MANUAL,
};

/// How many nodes around a `break` are looked at.
const MAX_OUTWARDS: usize = 500;

impl Rule for NoExtraLabel {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["break_statement", "continue_statement"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let (Some(keyword), Some(label)) = (node.child(0), node.child_by_field_name("label")) else { return };
        let name = identifier_name(file, label);
        if !is_label_of_innermost(file, node, &name) {
            return;
        }
        let range = keyword.end_byte()..label.end_byte();
        let fix = (!file.has_comment_in(range.clone())).then(|| Fix::safe(vec![Edit::delete(range)]));
        let message = format!("This label '{name}' is unnecessary.");
        out.push(Finding::new(&META, label.byte_range(), message).with_fix(fix));
    }
}

/// Whether the innermost loop or `switch` around `jump` is labelled `name`, and no other statement of that label
/// comes first.
fn is_label_of_innermost<'t>(file: &ParsedFile<'t>, jump: Node<'t>, name: &str) -> bool {
    let has_label = |around: Node<'t>| {
        around.kind() == "labeled_statement"
            && around.child_by_field_name("label").is_some_and(|label| identifier_name(file, label) == name)
    };
    let mut around = file.ancestors(jump).take(MAX_OUTWARDS);
    while let Some(node) = around.next() {
        if LOOPS.contains(&node.kind()) || node.kind() == "switch_statement" {
            return around.next().is_some_and(has_label);
        }
        if has_label(node) || FUNCTIONS.contains(&node.kind()) {
            return false;
        }
    }
    false
}
