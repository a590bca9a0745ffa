//! `ST1017`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{MAX_DEPTH, can_copy, named_children, operator};

rule_type! {
    /// ## What it does
    /// Finds `==` and `!=` with a constant on the left and none on the right: `"" == name`.
    ///
    /// ## Why is this bad?
    /// It reads backwards. In languages where `=` is an expression it guards against a slip that Go does not allow.
    ///
    /// ## Example
    /// ```go
    /// if 42 == x {
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// if x == 42 {
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where a comment stands in the comparison. Generated files are left alone.
    pub struct Yoda;
}

static META: Meta = Meta {
    id: "ST1017",
    origin: "staticcheck",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds comparisons with the constant on the left.",
    docs: Yoda::MANUAL,
};

impl Rule for Yoda {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let sides = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        let (Some(left), Some(right)) = sides else { return };
        let operator = operator(node);
        if !matches!(operator, "==" | "!=")
            || !can_copy(node)
            || !is_constant(left)
            || is_constant(right)
            || file.go_names().is_generated()
        {
            return;
        }
        let fix = (!file.has_comment_in(node.byte_range())).then(|| {
            let text = format!("{} {operator} {}", file.text(right), file.text(left));
            Fix::safe(vec![Edit::replace(node.byte_range(), text)])
        });
        out.push(Finding::new(&META, node.byte_range(), "don't use Yoda conditions").with_fix(fix));
    }
}

/// Whether an expression is made of literals alone.
fn is_constant(node: Node<'_>) -> bool {
    let mut open = vec![node];
    let mut n_seen = 0;
    while let Some(node) = open.pop() {
        n_seen += 1;
        match node.kind() {
            _ if n_seen > MAX_DEPTH => return false,
            "int_literal"
            | "float_literal"
            | "imaginary_literal"
            | "rune_literal"
            | "interpreted_string_literal"
            | "raw_string_literal" => {}
            "unary_expression" if matches!(operator(node), "+" | "-" | "^" | "!") => {
                open.extend(node.child_by_field_name("operand"));
            }
            "binary_expression" | "parenthesized_expression" => open.extend(named_children(node)),
            _ => return false,
        }
    }
    true
}
