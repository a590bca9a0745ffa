//! `S1002`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::go::Kind;
use crate::source::ParsedFile;

use super::alignment::realign;
use super::booleans::is_bool;
use super::syntax::{can_copy, operator};

rule_type! {
    /// ## What it does
    /// Finds comparisons by `==` and `!=` with `true` and `false`, and with constants that are one of both.
    ///
    /// ## Why is this bad?
    /// The comparison adds nothing to a condition.
    ///
    /// ## Example
    /// ```go
    /// if done == true && failed != true {
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// if done && !failed {
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Types are not known: only what the text shows to be of a boolean type is found, such as variables
    /// that are declared so and functions of the same file, so less is found than staticcheck finds. Tests and
    /// generated files are left alone.
    pub struct BoolConstant;
}

static META: Meta = Meta {
    id: "S1002",
    origin: "staticcheck",
    category: Category::Redundancy,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds comparisons with boolean constants.",
    docs: BoolConstant::MANUAL,
};

impl Rule for BoolConstant {
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
        let Some(simplified) = simplified(file, node) else { return };
        if file.facts.path.ends_with("_test.go") || file.go_names().is_generated() {
            return;
        }
        let message =
            format!("should omit comparison to bool constant, can be simplified to {}", simplified.text);
        let fix = simplified.is_sound.then(|| {
            let mut edits = vec![Edit::replace(node.byte_range(), simplified.text)];
            edits.extend(realign(file, node.byte_range(), &|token| edits_at(file, token)));
            Fix::safe(edits)
        });
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

struct Simplified {
    text: String,
    /// Whether `!` before the text negates all of it.
    is_sound: bool,
}

fn simplified<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Simplified> {
    let is_equal = match operator(node) {
        "==" => true,
        "!=" => false,
        _ => return None,
    };
    let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
    let (other, value) = match bool_constant(file, left) {
        Some(value) => (right, value),
        None => (left, bool_constant(file, right)?),
    };
    // Two constants are of no type yet.
    if !can_copy(node) || bool_constant(file, other).is_some() || !is_bool(file, other) {
        return None;
    }
    let is_negated = is_equal != value;
    let source = file.text(other);
    let bare = source.trim_start_matches('!');
    let n_negations = usize::from(is_negated) + source.len() - bare.len();
    let text = if n_negations % 2 == 1 { format!("!{bare}") } else { bare.to_owned() };
    let is_sound = !is_negated || other.kind() != "binary_expression";
    Some(Simplified { text, is_sound })
}

/// What the rule does at the operator of a comparison.
fn edits_at<'t>(file: &ParsedFile<'t>, token: Node<'_>) -> Vec<Edit> {
    if !matches!(token.kind(), "==" | "!=") {
        return Vec::new();
    }
    let node = file.tokens_in(token.byte_range()).first().and_then(|token| file.parent(*token));
    let edit = node.and_then(|node| {
        let simplified = simplified(file, node)?;
        Some(Edit::replace(node.byte_range(), simplified.text))
    });
    edit.into_iter().collect()
}

/// `true`, `false`, or a constant of the file that is declared as one of them, without a type of its own.
fn bool_constant<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<bool> {
    let mut node = node;
    for _ in 0..8 {
        match node.kind() {
            "true" => return Some(true),
            "false" => return Some(false),
            "identifier" => {
                let object = file.go_names().at(node.start_byte())?;
                let is_plain = object.declared.is_none_or(|kind| file.bytes_of(kind.byte_range()) == b"bool");
                node = object.value.filter(|_| object.kind == Kind::Constant && is_plain)?;
            }
            _ => return None,
        }
    }
    None
}
