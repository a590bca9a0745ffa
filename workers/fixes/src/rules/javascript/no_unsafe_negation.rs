//! `no-unsafe-negation`: `!key in object` negates the key.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::operator;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `!` on the left of `in` and `instanceof`, which negates the left operand and not the comparison.
    ///
    /// ## Why is this bad?
    /// `!key in object` asks whether the object has a key `"true"` or `"false"`.
    ///
    /// ## Example
    /// ```js
    /// if (!key in object) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (!(key in object)) {}
    /// ```
    ///
    /// ## Options
    /// `enforceForOrderingRelations` (default `false`): also find it on the left of `<`, `>`, `<=` and `>=`.
    ///
    /// ## Fix safety
    /// Only a suggestion: the mended code does something else.
    pub struct NoUnsafeNegation { options: Options }
}

impl NoUnsafeNegation {
    /// The rule as it is without options.
    pub const DEFAULT: Self = Self { options: Options { enforce_for_ordering_relations: false } };
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    enforce_for_ordering_relations: bool,
}

static META: Meta = Meta {
    id: "no-unsafe-negation",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Error,
    summary: "Disallows negating the left operand of a relation.",
    docs: NoUnsafeNegation::MANUAL,
};

impl Rule for NoUnsafeNegation {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, _: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let relation = operator(node);
        let is_wanted = match relation {
            "in" | "instanceof" => true,
            "<" | ">" | "<=" | ">=" => self.options.enforce_for_ordering_relations,
            _ => false,
        };
        let left = node.child_by_field_name("left").filter(|_| is_wanted);
        let Some(left) = left.filter(|left| left.kind() == "unary_expression" && operator(*left) == "!")
        else {
            return;
        };
        let Some(negation) = left.child_by_field_name("operator") else { return };
        let edits = vec![Edit::insert(negation.end_byte(), "("), Edit::insert(node.end_byte(), ")")];
        let message = format!("Unexpected negating the left operand of '{relation}' operator.");
        out.push(Finding::new(&META, left.byte_range(), message).with_fix(Fix::suggestion(edits)));
    }
}
