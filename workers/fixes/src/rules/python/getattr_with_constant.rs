//! `B009`: `getattr` with a constant name.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::arguments::exactly;
use super::identifier::{is_mangled, is_name, is_normal};
use super::names::is_builtin;
use super::padding::{MAX_REWRITTEN_LEN, padded};
use super::string_value::text_of;
use super::syntax::{has_comment_at, utf8};

rule_type! {
    /// ## What it does
    /// Finds calls of `getattr` with an attribute name that is written out and no default (ruff's
    /// `get-attr-with-constant`).
    ///
    /// ## Why is this bad?
    /// Such a call does what a dot does, also when the attribute is missing, and takes longer to read.
    ///
    /// ## Example
    /// ```python
    /// value = getattr(options, "depth")
    /// ```
    /// Use instead:
    /// ```python
    /// value = options.depth
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment, and for a name that is not in the normal form NFKC: Python
    /// brings names into that form, but not the argument of `getattr`.
    /// There is no fix for very long calls.
    pub struct GetattrWithConstant;
}

static META: Meta = Meta {
    id: "B009",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `getattr` with an attribute name that is written out.",
    docs: GetattrWithConstant::MANUAL,
};

impl Rule for GetattrWithConstant {
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
        let Some([object, name]) = exactly::<2>(node) else { return };
        let Some(name) = text_of(file, name).filter(|name| is_name(name) && !is_mangled(name)) else {
            return;
        };
        let function = node.child_by_field_name("function");
        if function.is_some_and(|function| is_builtin(file, function, "getattr")) {
            let message = "Do not call `getattr` with a constant attribute value. It is not any safer than normal \
                           property access.";
            out.push(
                Finding::new(&META, node.byte_range(), message).with_fix(fix(file, node, object, &name)),
            );
        }
    }
}

fn fix(file: &ParsedFile<'_>, call: Node<'_>, object: Node<'_>, name: &str) -> Option<Fix> {
    if call.byte_range().len() > MAX_REWRITTEN_LEN {
        return None;
    }
    let object_text = utf8(file, object.byte_range())?;
    let is_plain = matches!(object.kind(), "identifier" | "attribute" | "subscript" | "call")
        && !object_text.contains(['\r', '\n']);
    let text = if is_plain { format!("{object_text}.{name}") } else { format!("({object_text}).{name}") };
    let range = call.byte_range();
    let is_safe = is_normal(name) && !has_comment_at(file, &range);
    let edits = vec![Edit::replace(range.clone(), padded(file, &range, text))];
    Some(if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) })
}
