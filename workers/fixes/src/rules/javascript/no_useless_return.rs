//! `no-useless-return`: `return;` where the function ends anyway.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::return_flow::useless_returns;
use super::statement_lists::{function_around, is_statement_list};
use super::surroundings::statement_range;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `return` without a value where nothing would run without it either.
    ///
    /// ## Why is this bad?
    /// It looks as if something were left out that is not there.
    ///
    /// ## Example
    /// ```js
    /// function log(text) {
    ///   print(text);
    ///   return;
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// function log(text) {
    ///   print(text);
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where the `return` is all of a body without braces, or holds a comment.
    pub struct NoUselessReturn;
}

static META: Meta = Meta {
    id: "no-useless-return",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows `return` where the function ends anyway.",
    docs: NoUselessReturn::MANUAL,
};

impl Rule for NoUselessReturn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[
            "program",
            "function_declaration",
            "function_expression",
            "generator_function",
            "generator_function_declaration",
            "arrow_function",
            "method_definition",
        ]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let body = if node.kind() == "program" { Some(node) } else { node.child_by_field_name("body") };
        let Some(body) = body.filter(|body| matches!(body.kind(), "program" | "statement_block")) else {
            return;
        };
        for useless in useless_returns(file, body, is_generator(node)) {
            out.push(
                Finding::new(&META, statement_range(file, useless), "Unnecessary return statement.")
                    .with_fix(removal(file, useless)),
            );
        }
    }
}

fn is_generator(function: Node<'_>) -> bool {
    let mut cursor = function.walk();
    function.children(&mut cursor).any(|child| child.kind() == "*")
}

fn removal<'t>(file: &ParsedFile<'t>, useless: Node<'t>) -> Option<Fix> {
    let range = statement_range(file, useless);
    let is_removable =
        file.parent(useless).is_some_and(is_statement_list) && !file.has_comment_in(range.clone());
    // Another rule that takes an `else` out must not do so in the same pass.
    is_removable.then(|| Fix::safe(vec![Edit::delete(range)]).claiming(function_around(file, useless)))
}
