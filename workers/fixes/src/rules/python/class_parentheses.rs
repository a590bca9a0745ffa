//! `UP039`: `class A():`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{code_children, has_comment_at};

rule_type! {
    /// ## What it does
    /// Finds empty parentheses behind the name of a class (ruff's `unnecessary-class-parentheses`).
    ///
    /// ## Why is this bad?
    /// A class without bases needs none.
    ///
    /// ## Example
    /// ```python
    /// class Reader():
    ///     pass
    /// ```
    /// Use instead:
    /// ```python
    /// class Reader:
    ///     pass
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment.
    pub struct ClassParentheses;
}

static META: Meta = Meta {
    id: "UP039",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds empty parentheses behind the name of a class.",
    docs: ClassParentheses::MANUAL,
};

impl Rule for ClassParentheses {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["class_definition"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(bases) = node.child_by_field_name("superclasses") else { return };
        if code_children(bases).next().is_some() {
            return;
        }
        let range = bases.byte_range();
        let has_comment = has_comment_at(file, &range);
        let applicability = if has_comment { Applicability::Unsafe } else { Applicability::Safe };
        let fix = Fix::new(applicability, vec![Edit::delete(range.clone())]);
        let message = "Unnecessary parentheses after class definition";
        out.push(Finding::new(&META, range, message).with_fix(fix));
    }
}
