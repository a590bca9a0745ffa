//! `no-extra-non-null-assertion`: `a!!` and `a!?.b`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::TYPED;
use super::member_access::{is_member_access, is_optional};
use super::parentheses::place_around;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `!` behind a value that is asserted again or read by `?.`.
    ///
    /// ## Why is this bad?
    /// The second `!` does nothing, and `!` before `?.` says that the value is there where `?.` says that it
    /// may be missing.
    ///
    /// ## Example
    /// ```ts
    /// const name = user!!.name;
    /// const size = box!?.size;
    /// ```
    /// Use instead:
    /// ```ts
    /// const name = user!.name;
    /// const size = box?.size;
    /// ```
    ///
    /// ## Fix safety
    /// Safe: `!` has no effect when the program runs.
    pub struct NoExtraNonNullAssertion;
}

static META: Meta = Meta {
    id: "no-extra-non-null-assertion",
    origin: "typescript-eslint",
    category: Category::Bug,
    languages: TYPED,
    level: Level::Warning,
    summary: "Disallows non-null assertions before another one or before `?.`.",
    docs: NoExtraNonNullAssertion::MANUAL,
};

impl Rule for NoExtraNonNullAssertion {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["non_null_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(place) = place_around(file, node) else { return };
        let is_extra = match place.parent.kind() {
            "non_null_expression" => true,
            "call_expression" => place.is_field("function") && is_optional(place.parent),
            _ if is_member_access(place.parent) => place.is_field("object") && is_optional(place.parent),
            _ => false,
        };
        if is_extra {
            let end = node.end_byte();
            let fix = Fix::safe(vec![Edit::delete(end - 1..end)]);
            let message = "Forbidden extra non-null assertion.";
            out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
        }
    }
}
