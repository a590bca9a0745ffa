//! `needless_bool_assign`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::replacement::Replacement;
use super::syntax::{If, bool_literal, can_copy, is_same_code, peel_blocks_with_statement, with_parens};

rule_type! {
    /// ## What it does
    /// Finds `if c { x = true; } else { x = false; }`.
    ///
    /// ## Why is this bad?
    /// The condition can be assigned.
    ///
    /// ## Example
    /// ```rust
    /// if count > 0 {
    ///     found = true;
    /// } else {
    ///     found = false;
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// found = count > 0;
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Nothing is said where a comment stands in the expression.
    pub struct NeedlessBoolAssign;
}

static META: Meta = Meta {
    id: "needless_bool_assign",
    origin: "clippy",
    category: Category::Redundancy,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds branches that assign a bool literal each to the same place.",
    docs: NeedlessBoolAssign::MANUAL,
};

impl Rule for NeedlessBoolAssign {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["if_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(finding(file, node));
    }
}

fn finding<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let branches = If::of(node).filter(|branches| !branches.has_let() && can_copy(branches.condition))?;
    let (place, then) = assigned(file, branches.then)?;
    let (other_place, otherwise) = assigned(file, branches.otherwise?)?;
    let whole = with_parens(file, node);
    if !is_same_code(file, place, other_place)
        || file.has_comment_in(whole.byte_range())
        || is_silenced(file, node, META.id, "complexity")
    {
        return None;
    }
    let condition = Replacement::of(file, branches.condition);
    let place = file.text(place);
    let mut text = if then == otherwise {
        format!("{condition}; {place} = {then};")
    } else {
        format!("{place} = {};", if then { condition } else { condition.negated() })
    };
    if file.parent(whole)?.kind() == "else_clause" {
        text = format!("{{ {text} }}");
    }
    let fix = Fix::safe(vec![Edit::replace(whole.byte_range(), text)]);
    let message = "this if-then-else expression assigns a bool literal";
    Some(Finding::new(&META, whole.byte_range(), message).with_fix(fix))
}

/// What a branch that is nothing but `place = true` assigns.
fn assigned<'t>(file: &ParsedFile<'t>, branch: Node<'t>) -> Option<(Node<'t>, bool)> {
    let inner = peel_blocks_with_statement(file, branch);
    if inner.kind() != "assignment_expression" {
        return None;
    }
    let value = bool_literal(file, inner.child_by_field_name("right")?)?;
    Some((inner.child_by_field_name("left")?, value))
}
