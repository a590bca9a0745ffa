//! `use-isnan`: comparisons with `NaN`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::is_global;
use super::member_access::{
    arguments, callee, is_member_access, is_name, mark_behind, member_name, object_of,
};
use super::syntax::{named_children, operator, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds comparisons with `NaN` and `Number.NaN`: by operators, by `switch`, and, if asked to, by
    /// `indexOf` and `lastIndexOf`.
    ///
    /// ## Why is this bad?
    /// `NaN` equals nothing, not even itself, so the answer is always the same.
    ///
    /// ## Example
    /// ```js
    /// if (size === NaN) {}
    /// ```
    /// Use instead:
    /// ```js
    /// if (Number.isNaN(size)) {}
    /// ```
    ///
    /// ## Options
    /// - `enforceForSwitchCase` (`true`): also look at `switch (NaN)` and `case NaN:`.
    /// - `enforceForIndexOf` (`false`): also look at `indexOf(NaN)` and `lastIndexOf(NaN)`.
    ///
    /// ## Fix safety
    /// Always a suggestion, and only for `==`, `===`, `!=`, `!==` and for `indexOf`: the answer changes, which
    /// is the point.
    pub struct UseIsnan { options: Options }
}

/// What ESLint's configuration can say.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    enforce_for_switch_case: bool,
    enforce_for_index_of: bool,
}

impl Options {
    const DEFAULT: Self = Self { enforce_for_switch_case: true, enforce_for_index_of: false };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl UseIsnan {
    /// The rule without options.
    pub const DEFAULT: Self = Self { options: Options::DEFAULT };
}

static META: Meta = Meta {
    id: "use-isnan",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Error,
    summary: "Requires `isNaN` instead of comparisons with `NaN`.",
    docs: UseIsnan::MANUAL,
};

impl Rule for UseIsnan {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression", "switch_statement", "switch_case", "call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(match node.kind() {
            "binary_expression" => check_comparison(file, node),
            "call_expression" if self.options.enforce_for_index_of => check_search(file, node),
            "switch_statement" | "switch_case" if self.options.enforce_for_switch_case => {
                check_switch(file, node)
            }
            _ => None,
        });
    }
}

/// Whether `node` is `NaN`, `Number.NaN` or a sequence that ends with either.
fn is_nan<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let mut node = without_parens(node);
    if node.kind() == "sequence_expression" {
        while node.kind() == "sequence_expression" {
            let Some(last) = named_children(node).last() else { return false };
            node = last;
        }
        node = without_parens(node);
    }
    if is_name(file, node, "NaN") {
        return is_global(file, node, "NaN");
    }
    is_member_access(node)
        && member_name(file, node).is_some_and(|name| name == "NaN")
        && object_of(node).is_some_and(|object| is_global(file, object, "Number"))
}

fn is_sequence(node: Node<'_>) -> bool {
    without_parens(node).kind() == "sequence_expression"
}

fn check_comparison<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let comparison = operator(node);
    if !matches!(comparison, "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=") {
        return None;
    }
    let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
    let mark = mark_behind(file, node);
    let whole = mark.unwrap_or(node).byte_range();
    let (nan, other) = if is_nan(file, left) {
        (left, right)
    } else if mark.is_none() && is_nan(file, right) {
        (right, left)
    } else {
        return None;
    };
    let is_equality = matches!(comparison, "==" | "===" | "!=" | "!==");
    let fix = (is_equality && !is_sequence(nan)).then(|| {
        let negation = if comparison.starts_with('!') { "!" } else { "" };
        let kept = without_parens(other);
        let (open, close) = if is_sequence(other) { ("((", "))") } else { ("(", ")") };
        let kept = kept.start_byte()..if mark.is_some() { whole.end } else { kept.end_byte() };
        let edits = vec![
            Edit::replace(whole.start..kept.start, format!("{negation}Number.isNaN{open}")),
            Edit::replace(kept.end..whole.end, close),
        ];
        Fix::suggestion(edits)
    });
    Some(Finding::new(&META, whole, "Use the isNaN function to compare with NaN.").with_fix(fix))
}

fn check_switch<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let value = node.child_by_field_name("value")?;
    let message = if node.kind() == "switch_case" {
        "'case NaN' can never match. Use Number.isNaN before the switch."
    } else {
        "'switch(NaN)' can never match a case clause. Use Number.isNaN instead of the switch."
    };
    is_nan(file, value).then(|| Finding::new(&META, node.byte_range(), message))
}

/// `a.indexOf(NaN)`
fn check_search<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let callee = callee(call).filter(|callee| is_member_access(*callee))?;
    let method = member_name(file, callee)?;
    let replacement = match &*method {
        "indexOf" => "findIndex",
        "lastIndexOf" => "findLastIndex",
        _ => return None,
    };
    let mut arguments = arguments(call);
    let sought = arguments.next()?;
    let (second, third) = (arguments.next(), arguments.next());
    if third.is_some() || !is_nan(file, sought) {
        return None;
    }
    let computed = callee.child_by_field_name("index");
    let property = computed.map(without_parens).or_else(|| callee.child_by_field_name("property"));
    let name = if computed.is_some() { format!("\"{replacement}\"") } else { replacement.to_owned() };
    let fix = property.filter(|_| second.is_none() && !is_sequence(sought)).map(|property| {
        Fix::suggestion(vec![
            Edit::replace(property.byte_range(), name),
            Edit::replace(without_parens(sought).byte_range(), "Number.isNaN"),
        ])
    });
    let message = format!("Array prototype method '{method}' cannot find NaN.");
    Some(Finding::new(&META, call.byte_range(), message).with_fix(fix))
}
