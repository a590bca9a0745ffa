//! `SIM300`: `42 == age`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::comparison::Comparison;
use super::padding::{MAX_REWRITTEN_LEN, padded};
use super::string_value::is_constant_string;
use super::syntax::{code_children, utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds comparisons of a constant, or of what looks like one, to something else with the constant on the
    /// left (ruff's `yoda-conditions`).
    ///
    /// ## Why is this bad?
    /// The subject of a question comes first in prose and in most code.
    ///
    /// ## Example
    /// ```python
    /// if 18 <= age:
    ///     enter()
    /// ```
    /// Use instead:
    /// ```python
    /// if age >= 18:
    ///     enter()
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Comments stay where they are. There is no fix for very long comparisons.
    pub struct YodaConditions;
}

static META: Meta = Meta {
    id: "SIM300",
    origin: "ruff",
    category: Category::Style,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds comparisons with the constant on the left.",
    docs: YodaConditions::MANUAL,
};

impl Rule for YodaConditions {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["comparison_operator"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(comparison) = Comparison::of(node) else { return };
        let ([operator], [left, right]) = (&*comparison.operators, &*comparison.operands) else { return };
        let Some(reversed) = reversed(operator.kind()) else { return };
        let likelihood = |operand: &Node<'t>| Likelihood::of(file, *operand);
        if likelihood(left) > likelihood(right) {
            let fix = fix(file, &comparison, reversed);
            out.push(Finding::new(&META, node.byte_range(), "Yoda condition detected").with_fix(fix));
        }
    }
}

/// How likely something is to be a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likelihood {
    /// A variable or a computation.
    Unlikely,
    /// A name in capitals.
    Probably,
    /// A literal.
    Definitely,
}

impl Likelihood {
    /// The least of what `expression` is made of.
    fn of(file: &ParsedFile<'_>, expression: Node<'_>) -> Self {
        let mut least = Self::Definitely;
        let mut open = vec![expression];
        while let Some(node) = open.pop() {
            let node = without_parentheses(node);
            match node.kind() {
                "integer" | "float" | "true" | "false" | "none" | "ellipsis" => {}
                "string" | "concatenated_string" if is_constant_string(file, node) => {}
                "identifier" => least = least.min(Self::of_name(&file.text(node))),
                "attribute" => match node.child_by_field_name("attribute") {
                    Some(name) => least = least.min(Self::of_name(&file.text(name))),
                    None => return Self::Unlikely,
                },
                "tuple" | "list" | "dictionary" | "pair" | "binary_operator" | "unary_operator"
                | "dictionary_splat" => open.extend(code_children(node)),
                _ => return Self::Unlikely,
            }
            if least == Self::Unlikely {
                break;
            }
        }
        least
    }

    fn of_name(name: &str) -> Self {
        let is_constant = !name.chars().any(char::is_lowercase) && name.chars().any(char::is_uppercase);
        if is_constant { Self::Probably } else { Self::Unlikely }
    }
}

fn reversed(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "==" => "==",
        "!=" => "!=",
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        _ => return None,
    })
}

/// The operands change places, with their parentheses; what stands around the operator stays.
fn fix(file: &ParsedFile<'_>, comparison: &Comparison<'_>, reversed: &str) -> Option<Fix> {
    let range = comparison.node.byte_range();
    let ([operator], [left, right]) = (&*comparison.operators, &*comparison.operands) else { return None };
    if range.len() > MAX_REWRITTEN_LEN {
        return None;
    }
    let or_space =
        |gap: std::ops::Range<usize>| utf8(file, gap).map(|gap| if gap.is_empty() { " " } else { gap });
    let text = [
        utf8(file, right.byte_range())?,
        or_space(left.end_byte()..operator.start_byte())?,
        reversed,
        or_space(operator.end_byte()..right.start_byte())?,
        utf8(file, left.byte_range())?,
    ];
    Some(Fix::safe(vec![Edit::replace(range.clone(), padded(file, &range, text.concat()))]))
}
