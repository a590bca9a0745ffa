//! `valid-typeof`: `typeof a === "strnig"`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{named_children, operator, string_value, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds comparisons of `typeof` with anything that it never gives.
    ///
    /// ## Why is this bad?
    /// The comparison has always the same result: a misspelled type, or `undefined` where `"undefined"` was
    /// meant.
    ///
    /// ## Example
    /// ```js
    /// if (typeof value === undefined) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (typeof value === "undefined") {}
    /// ```
    ///
    /// ## Options
    /// `requireStringLiterals` (default `false`): also find comparisons with anything but a string or another
    /// `typeof`.
    ///
    /// ## Fix safety
    /// Only a suggestion, for `undefined`: the mended code does something else.
    pub struct ValidTypeof { options: Options }
}

impl ValidTypeof {
    /// The rule as it is without options.
    pub const DEFAULT: Self = Self { options: Options { require_string_literals: false } };
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    require_string_literals: bool,
}

static META: Meta = Meta {
    id: "valid-typeof",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Error,
    summary: "Requires comparisons of `typeof` with strings that it can give.",
    docs: ValidTypeof::MANUAL,
};

/// What `typeof` gives.
const TYPES: &[&str] =
    &["symbol", "undefined", "object", "boolean", "number", "string", "function", "bigint"];

impl Rule for ValidTypeof {
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

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if !matches!(operator(node), "==" | "===" | "!=" | "!==") {
            return;
        }
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return;
        };
        let (left, right) = (without_parens(left), without_parens(right));
        match (is_typeof(left), is_typeof(right)) {
            (true, false) => out.extend(self.judge(file, right)),
            (false, true) => out.extend(self.judge(file, left)),
            _ => {}
        }
    }
}

fn is_typeof(node: Node<'_>) -> bool {
    node.kind() == "unary_expression" && operator(node) == "typeof"
}

impl ValidTypeof {
    /// Judges what `typeof` is compared with.
    fn judge<'t>(&self, file: &ParsedFile<'t>, value: Node<'t>) -> Option<Finding> {
        let required = self.options.require_string_literals;
        let not_string = "Typeof comparisons should be to string literals.";
        let invalid = "Invalid typeof comparison value.";
        let finding = |message: &str| Finding::new(&META, value.byte_range(), message);
        if let Some(is_type) = is_literal_type(file, value) {
            return (!is_type).then(|| finding(invalid));
        }
        if value.kind() == "undefined" && file.scopes()?.is_unshadowed_global(value.start_byte()) {
            let edits = vec![Edit::replace(value.byte_range(), "\"undefined\"")];
            let message = if required { not_string } else { invalid };
            return Some(finding(message).with_fix(Fix::suggestion(edits)));
        }
        required.then(|| finding(not_string))
    }
}

/// Whether a literal is the name of a type; `None` for anything but literals.
fn is_literal_type(file: &ParsedFile<'_>, node: Node<'_>) -> Option<bool> {
    match node.kind() {
        "string" => Some(string_value(file, node).is_some_and(|value| TYPES.contains(&&*value))),
        "number" | "regex" | "true" | "false" | "null" => Some(false),
        "template_string" if !named_children(node).any(|part| part.kind() == "template_substitution") => {
            Some(TYPES.contains(&file.text(node).trim_matches('`')))
        }
        _ => None,
    }
}
