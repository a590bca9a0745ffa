//! `S1021`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{can_copy, named_children, operator, side};

rule_type! {
    /// ## What it does
    /// Finds a variable that is declared without a value and assigned by the next statement, and not again.
    ///
    /// ## Why is this bad?
    /// One statement does both.
    ///
    /// ## Example
    /// ```go
    /// var count uint
    /// count = 1
    /// ```
    /// Use instead:
    /// ```go
    /// var count uint = 1
    /// ```
    ///
    /// ## Fix safety
    /// Safe. A comment between the two goes, as in staticcheck. Nothing is said where the value refers to the variable:
    /// a function that calls itself needs the declaration before. Generated files are left alone.
    pub struct MergeDeclaration;
}

static META: Meta = Meta {
    id: "S1021",
    origin: "staticcheck",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds a declaration and an assignment that one statement could do.",
    docs: MergeDeclaration::MANUAL,
};

impl Rule for MergeDeclaration {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["block"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(list) = named_children(node).into_iter().find(|child| child.kind() == "statement_list")
        else {
            return;
        };
        let statements = named_children(list);
        for pair in statements.windows(2) {
            out.extend(finding(file, pair[0], pair[1]));
        }
    }
}

fn finding<'t>(file: &ParsedFile<'t>, declaration: Node<'t>, assignment: Node<'t>) -> Option<Finding> {
    if declaration.kind() != "var_declaration" || assignment.kind() != "assignment_statement" {
        return None;
    }
    let spec = only_spec(declaration)?;
    let mut cursor = spec.walk();
    let names: Vec<_> = spec.children_by_field_name("name", &mut cursor).collect();
    let (name, target, value) =
        match (&names[..], &side(assignment, "left")[..], &side(assignment, "right")[..]) {
            ([name], [target], [value]) if operator(assignment) == "=" => (*name, *target, *value),
            _ => return None,
        };
    let known = file.go_names();
    let id = known.id_at(name.start_byte())?;
    let object = known.at(name.start_byte())?;
    let is_in_value = |at: &usize| value.byte_range().contains(at);
    if spec.child_by_field_name("value").is_some()
        || target.kind() != "identifier"
        || known.id_at(target.start_byte()) != Some(id)
        || object.n_assignments > 1
        || object.uses.iter().any(is_in_value)
        || known.is_generated()
        || !can_copy(value)
    {
        return None;
    }
    let kind =
        spec.child_by_field_name("type").map_or_else(String::new, |kind| format!(" {}", file.text(kind)));
    let text = format!("var {}{kind} = {}", file.text(name), file.text(value));
    let fix = Fix::safe(vec![Edit::replace(declaration.start_byte()..assignment.end_byte(), text)]);
    let message = "should merge variable declaration with assignment on next line";
    Some(Finding::new(&META, declaration.byte_range(), message).with_fix(fix))
}

/// The one spec of `var x T` or `var ( x T )`.
fn only_spec(declaration: Node<'_>) -> Option<Node<'_>> {
    let only = |node| match named_children(node)[..] {
        [child] => Some(child),
        _ => None,
    };
    let child = only(declaration)?;
    if child.kind() == "var_spec_list" { only(child) } else { Some(child) }
}
