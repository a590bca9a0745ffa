//! `B010`: `setattr` with a constant name.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::arguments::exactly;
use super::generator::attribute_assignment;
use super::identifier::{is_mangled, is_name, is_normal};
use super::names::is_builtin;
use super::string_value::text_of;
use super::syntax::{has_comment_at, statement_value};

rule_type! {
    /// ## What it does
    /// Finds statements that call `setattr` with an attribute name that is written out (ruff's
    /// `set-attr-with-constant`).
    ///
    /// ## Why is this bad?
    /// Such a call does what an assignment does, and takes longer to read.
    ///
    /// ## Example
    /// ```python
    /// setattr(options, "depth", 3)
    /// ```
    /// Use instead:
    /// ```python
    /// options.depth = 3
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment, and for a name that is not in the normal form NFKC: Python
    /// brings names into that form, but not the argument of `setattr`. There is no fix for a call in
    /// parentheses, nor for very long ones.
    pub struct SetattrWithConstant;
}

static META: Meta = Meta {
    id: "B010",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `setattr` with an attribute name that is written out.",
    docs: SetattrWithConstant::MANUAL,
};

impl Rule for SetattrWithConstant {
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
        let Some([object, name, value]) = exactly::<3>(node) else { return };
        let is_wanted = |name: &String| is_name(name) && name != "__debug__" && !is_mangled(name);
        let Some(name) = text_of(file, name).filter(is_wanted) else { return };
        let Some(statement) = statement_of(file, node) else { return };
        let function = node.child_by_field_name("function");
        if function.is_some_and(|function| is_builtin(file, function, "setattr")) {
            let message = "Do not call `setattr` with a constant attribute value. It is not any safer than normal \
                           property access.";
            let is_bare = statement.byte_range() == node.byte_range();
            let text = is_bare.then(|| attribute_assignment(file, object, &name, value)).flatten();
            let fix = text.map(|text| {
                let edits = vec![Edit::replace(node.byte_range(), text)];
                let is_safe = is_normal(&name) && !has_comment_at(file, &node.byte_range());
                if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) }
            });
            out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
        }
    }
}

/// The statement that `call` is all of.
fn statement_of<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Node<'t>> {
    let statement = file.ancestors(call).find(|around| around.kind() != "parenthesized_expression")?;
    statement_value(statement).is_some_and(|value| value.id() == call.id()).then_some(statement)
}
