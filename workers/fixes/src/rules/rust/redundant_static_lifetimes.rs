//! `redundant_static_lifetimes`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::{is_older_than, is_silenced};
use super::syntax::named_children;

rule_type! {
    /// ## What it does
    /// Finds `'static` in the types of constants and statics: `const NAME: &'static str`.
    ///
    /// ## Why is this bad?
    /// A reference in a constant or static is `'static` anyway, and the types get hard to read.
    ///
    /// ## Example
    /// ```rust
    /// const NAMES: &'static [&'static str] = &["a", "b"];
    /// ```
    /// Use instead:
    /// ```rust
    /// const NAMES: &[&str] = &["a", "b"];
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Constants of traits and `impl` blocks are left alone: there the lifetime cannot be left out.
    pub struct RedundantStaticLifetimes;
}

static META: Meta = Meta {
    id: "redundant_static_lifetimes",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `'static` where constants and statics have it by default.",
    docs: RedundantStaticLifetimes::MANUAL,
};

impl Rule for RedundantStaticLifetimes {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["const_item", "static_item"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(declared) = node.child_by_field_name("type").filter(|_| is_free(file, node)) else { return };
        let message = match node.kind() {
            "const_item" => "constants have by default a `'static` lifetime",
            _ => "statics have by default a `'static` lifetime",
        };
        let mut open = vec![declared];
        while let Some(kind) = open.pop() {
            match kind.kind() {
                "array_type" => open.extend(kind.child_by_field_name("element")),
                "tuple_type" if !is_parenthesised(kind) => open.extend(named_children(kind)),
                "reference_type" => {
                    let Some(target) = kind.child_by_field_name("type") else { continue };
                    out.extend(finding(file, node, kind, target, message));
                    open.push(target);
                }
                _ => {}
            }
        }
    }
}

/// Not of a trait, an `impl` or an `extern` block.
fn is_free<'t>(file: &ParsedFile<'t>, item: Node<'t>) -> bool {
    let Some(around) = file.parent(item) else { return false };
    around.kind() != "declaration_list"
        || file.parent(around).is_some_and(|holder| holder.kind() == "mod_item")
}

/// `(T)`, which is no tuple.
fn is_parenthesised(tuple: Node<'_>) -> bool {
    let mut cursor = tuple.walk();
    !tuple.children(&mut cursor).any(|child| child.kind() == ",")
}

fn finding<'t>(
    file: &ParsedFile<'t>,
    item: Node<'t>,
    reference: Node<'t>,
    target: Node<'t>,
    message: &str,
) -> Option<Finding> {
    let is_named = match target.kind() {
        "type_identifier"
        | "scoped_type_identifier"
        | "generic_type"
        | "primitive_type"
        | "array_type"
        | "unit_type" => true,
        "tuple_type" => !is_parenthesised(target),
        _ => false,
    };
    let lifetime = named_children(reference).into_iter().find(|child| child.kind() == "lifetime")?;
    if !is_named
        || file.bytes_of(lifetime.byte_range()) != b"'static"
        || is_older_than(file, item, (1, 17))
        || is_silenced(file, item, META.id, "style")
    {
        return None;
    }
    let is_mutable = named_children(reference).iter().any(|child| child.kind() == "mutable_specifier");
    let between = reference.start_byte() + 1..target.start_byte();
    let fix = Fix::safe(vec![Edit::replace(between, if is_mutable { "mut " } else { "" })]);
    Some(Finding::new(&META, lifetime.byte_range(), message).with_fix(fix))
}
