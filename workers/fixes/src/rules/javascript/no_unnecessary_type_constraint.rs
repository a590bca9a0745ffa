//! `no-unnecessary-type-constraint`: `<T extends any>`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::TYPED;
use super::syntax::{first_named_child, named_children};
use super::type_syntax::without_type_parens;
use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds type parameters that extend `any` or `unknown`.
    ///
    /// ## Why is this bad?
    /// Every type does, so the constraint says nothing.
    ///
    /// ## Example
    /// ```ts
    /// function first<T extends any>(list: T[]) {}
    /// ```
    /// Use instead:
    /// ```ts
    /// function first<T>(list: T[]) {}
    /// ```
    ///
    /// ## Fix safety
    /// Always a suggestion, as in the origin, although nothing changes but the text. In a file where `<T>` could
    /// open a JSX element, the parameter of an arrow function keeps a comma: `<T,>`.
    pub struct NoUnnecessaryTypeConstraint;
}

static META: Meta = Meta {
    id: "no-unnecessary-type-constraint",
    origin: "typescript-eslint",
    category: Category::Redundancy,
    languages: TYPED,
    level: Level::Note,
    summary: "Disallows constraints of type parameters that every type meets.",
    docs: NoUnnecessaryTypeConstraint::MANUAL,
};

impl Rule for NoUnnecessaryTypeConstraint {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["type_parameter"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(check_parameter(file, node));
    }
}

fn check_parameter<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let constraint = node.child_by_field_name("constraint")?;
    let name = node.child_by_field_name("name")?;
    let bound = without_type_parens(first_named_child(constraint)?);
    let text = file.text(bound);
    if bound.kind() != "predefined_type" || !matches!(&*text, "any" | "unknown") {
        return None;
    }
    let list = file.parent(node).filter(|list| list.kind() == "type_parameters")?;
    let needs_comma = is_of_arrow(file, list)
        && opens_like_jsx(file)
        && named_children(list).count() == 1
        && node.child_by_field_name("value").is_none()
        && file.token_after(node.end_byte()).is_none_or(|token| token.kind() != ",");
    let cut = name.end_byte()..bound.end_byte();
    let fix = Fix::suggestion(vec![Edit::replace(cut, if needs_comma { "," } else { "" })]);
    let message = format!(
        "Constraining the generic type `{}` to `{text}` does nothing and is unnecessary.",
        file.text(name)
    );
    Some(Finding::new(&META, node.byte_range(), message).with_fix(fix))
}

fn is_of_arrow<'t>(file: &ParsedFile<'t>, list: Node<'t>) -> bool {
    file.parent(list).is_some_and(|function| function.kind() == "arrow_function")
}

/// Whether `<T>` before an arrow function is an error, or an element, in this file.
fn opens_like_jsx(file: &ParsedFile<'_>) -> bool {
    let extension = file.facts.path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_strict = ["cts", "mts", "tsx"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    is_strict || file.language == Language::Tsx
}
