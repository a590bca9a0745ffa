//! `S1005`

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::go::Kind;
use crate::source::ParsedFile;

use super::syntax::{called, is_blank, operator, side, without_parens};

rule_type! {
    /// ## What it does
    /// Finds `_` that can be left out: `x, _ = <-ch`, `_ = <-ch`, `for _ = range s` and `for k, _ := range m`.
    ///
    /// ## Why is this bad?
    /// It says that something is thrown away where nothing has to be taken.
    ///
    /// ## Example
    /// ```go
    /// _ = <-done
    /// for k, _ := range m {
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// <-done
    /// for k := range m {
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Nothing is said of a `range` over a function. Generated files are left alone.
    pub struct BlankAssignment;
}

static META: Meta = Meta {
    id: "S1005",
    origin: "staticcheck",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds blank identifiers that can be left out.",
    docs: BlankAssignment::MANUAL,
};

impl Rule for BlankAssignment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["assignment_statement", "short_var_declaration", "receive_statement", "range_clause"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let found = match node.kind() {
            "range_clause" => in_range(file, node),
            _ => in_receive(file, node).into_iter().collect(),
        };
        if found.is_empty() || file.go_names().is_generated() {
            return;
        }
        for (place, deleted) in found {
            let fix = Fix::safe(vec![Edit::delete(deleted)]);
            out.push(
                Finding::new(&META, place, "unnecessary assignment to the blank identifier").with_fix(fix),
            );
        }
    }
}

/// Where it is said, and what goes.
type Found = (Range<usize>, Range<usize>);

/// `x, _ = <-ch` and `_ = <-ch`
fn in_receive(file: &ParsedFile<'_>, node: Node<'_>) -> Option<Found> {
    let right = side(node, "right");
    let is_received = |value: &Node<'_>| value.kind() == "unary_expression" && operator(*value) == "<-";
    let ([received], left) = (&right[..], &side(node, "left")[..]) else { return None };
    let deleted = match left {
        _ if !is_received(received) => return None,
        [first, second] if is_blank(file, *second) => first.end_byte()..second.end_byte(),
        [only] if is_blank(file, *only) => node.start_byte()..received.start_byte(),
        _ => return None,
    };
    Some((node.byte_range(), deleted))
}

fn in_range<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Vec<Found> {
    let mut cursor = node.walk();
    let Some(range) = node.children(&mut cursor).find(|child| child.kind() == "range") else {
        return Vec::new();
    };
    let names = side(node, "left");
    let found = match names[..] {
        [key] if is_blank(file, key) => (key.byte_range(), key.start_byte()..range.start_byte()),
        [key, value] if is_blank(file, key) && is_blank(file, value) => {
            (key.byte_range(), key.start_byte()..range.start_byte())
        }
        [key, value] if is_blank(file, value) => (value.byte_range(), key.end_byte()..value.end_byte()),
        _ => return Vec::new(),
    };
    // Before Go 1.4 there had to be a variable.
    if file.facts.target.go.is_some_and(|version| version < (1, 4)) {
        return Vec::new();
    }
    let is_over_function = node.child_by_field_name("right").is_some_and(|over| is_function(file, over));
    if is_over_function { Vec::new() } else { vec![found] }
}

/// Whether an expression is a function, as far as the text tells.
fn is_function<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let node = without_parens(node);
    match node.kind() {
        "func_literal" => true,
        "call_expression" => called(file, node, &["maps", "slices"])
            .is_some_and(|(_, name)| matches!(&*name, "All" | "Backward" | "Chunk" | "Keys" | "Values")),
        "identifier" => file.go_names().at(node.start_byte()).is_some_and(|object| {
            let is_iterator =
                |kind: Node<'_>| kind.kind() == "function_type" || file.text(kind).starts_with("iter.Seq");
            object.kind == Kind::Function
                || object.declared.is_some_and(is_iterator)
                || object.value.is_some_and(|value| value.kind() == "func_literal")
        }),
        _ => false,
    }
}
