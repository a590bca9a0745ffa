//! `no-undef-init`: `let a = undefined`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::without_parens;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds variables that are initialised with `undefined`.
    ///
    /// ## Why is this bad?
    /// A variable without an initialiser is `undefined` anyway.
    ///
    /// ## Example
    /// ```js
    /// let found = undefined;
    /// ```
    /// Use instead:
    /// ```js
    /// let found;
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is a fix for `let` only: a `var` in a loop keeps its value from the round before. There is
    /// none for destructuring and where a comment would be lost.
    pub struct NoUndefInit;
}

static META: Meta = Meta {
    id: "no-undef-init",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows initialising variables with `undefined`.",
    docs: NoUndefInit::MANUAL,
};

impl Rule for NoUndefInit {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["variable_declarator"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(check_declarator(file, node));
    }
}

fn check_declarator<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let init = without_parens(node.child_by_field_name("value")?);
    if init.kind() != "undefined" {
        return None;
    }
    let declaration = file.parent(node)?;
    let keyword = declaration.child(0)?.kind();
    if !matches!(keyword, "var" | "let") || !file.scopes()?.is_unshadowed_global(init.start_byte()) {
        return None;
    }
    let pattern = node.child_by_field_name("name")?;
    // A type belongs to the name, as ESLint sees it.
    let target = pattern.start_byte()..node.child_by_field_name("type").unwrap_or(pattern).end_byte();
    let last_token = file.token_before(node.end_byte())?;
    let is_fixed = keyword == "let"
        && !matches!(pattern.kind(), "array_pattern" | "object_pattern")
        && !file.has_comment_in(target.end..last_token.start_byte());
    let fix = is_fixed.then(|| Fix::safe(vec![Edit::delete(target.end..node.end_byte())]));
    let name = String::from_utf8_lossy(file.bytes_of(target));
    let message = format!("It's not necessary to initialize '{name}' to undefined.");
    Some(Finding::new(&META, node.byte_range(), message).with_fix(fix))
}
