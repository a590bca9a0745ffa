//! `prefer-date-now`: `new Date().getTime()` for `Date.now()`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::keyword_space::part_from_keywords;
use super::member_access::{
    arguments, callee, is_name, is_optional, mark_behind, object_of, plain_member_name,
};
use super::syntax::{operator, without_parens};
use super::touching::merge_touching;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds dates that are made only to be turned into a number: by `getTime` or `valueOf`, by `Number` or
    /// `BigInt`, by a sign or by arithmetic.
    ///
    /// ## Why is this bad?
    /// `Date.now()` gives the same number, says so, and makes no object.
    ///
    /// ## Example
    /// ```js
    /// const start = new Date().getTime();
    /// const elapsed = new Date() - start;
    /// ```
    /// Use instead:
    /// ```js
    /// const start = Date.now();
    /// const elapsed = Date.now() - start;
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the number is the same. A fix that would lose a comment within what is replaced is not applied.
    pub struct PreferDateNow;
}

static META: Meta = Meta {
    id: "prefer-date-now",
    origin: "unicorn",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `Date.now()` for the time as a number.",
    docs: PreferDateNow::MANUAL,
};

const DATE: &str = "Prefer `Date.now()` over `new Date()`.";

impl Rule for PreferDateNow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression", "unary_expression", "binary_expression", "augmented_assignment_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let new_date = |field: &str| {
            let operand = node.child_by_field_name(field).map(without_parens);
            let operand = operand.filter(|operand| is_new_date(file, *operand))?;
            (field == "left" || mark_behind(file, node).is_none()).then_some(operand)
        };
        match node.kind() {
            "call_expression" => {
                out.extend(check_method(file, node).or_else(|| check_conversion(file, node)))
            }
            "unary_expression" => {
                let Some(date) = new_date("argument") else { return };
                match operator(node) {
                    "+" => out.push(finding(node, node, DATE.to_owned(), part_from_keywords(file, node))),
                    "-" => out.push(finding(date, date, DATE.to_owned(), Vec::new())),
                    _ => {}
                }
            }
            "binary_expression" if matches!(operator(node), "-" | "*" | "/" | "%" | "**") => {
                let dates = [new_date("left"), new_date("right")].into_iter().flatten();
                out.extend(dates.map(|date| finding(date, date, DATE.to_owned(), Vec::new())));
            }
            "augmented_assignment_expression"
                if matches!(operator(node), "-=" | "*=" | "/=" | "%=" | "**=") =>
            {
                out.extend(new_date("right").map(|date| finding(date, date, DATE.to_owned(), Vec::new())));
            }
            _ => {}
        }
    }
}

/// `place` is reported, `replaced` gives way to `Date.now()`.
fn finding(place: Node<'_>, replaced: Node<'_>, message: String, mut edits: Vec<Edit>) -> Finding {
    edits.push(Edit::replace(replaced.byte_range(), "Date.now()"));
    Finding::new(&META, place.byte_range(), message).with_fix(Fix::safe(merge_touching(edits)))
}

/// `new Date` without arguments
fn is_new_date<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    node.kind() == "new_expression"
        && callee(node).is_some_and(|callee| is_name(file, callee, "Date"))
        && arguments(node).next().is_none()
}

/// `new Date().getTime()`
fn check_method<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let callee = callee(call)?;
    let method = plain_member_name(file, callee).filter(|name| matches!(&**name, "getTime" | "valueOf"))?;
    let is_plain = !is_optional(call) && !is_optional(callee) && arguments(call).next().is_none();
    if !is_plain || !is_new_date(file, object_of(callee)?) {
        return None;
    }
    let message = format!("Prefer `Date.now()` over `Date#{method}()`.");
    Some(finding(callee.child_by_field_name("property")?, call, message, Vec::new()))
}

/// `Number(new Date())` and `BigInt(new Date())`
fn check_conversion<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let callee = callee(call)?;
    let is_number = is_name(file, callee, "Number");
    if !is_number && !is_name(file, callee, "BigInt") || is_optional(call) {
        return None;
    }
    let mut arguments = arguments(call);
    let date = without_parens(arguments.next()?);
    if arguments.next().is_some() || !is_new_date(file, date) {
        return None;
    }
    Some(if is_number {
        finding(call, call, "Prefer `Date.now()` over `Number(new Date())`.".to_owned(), Vec::new())
    } else {
        finding(date, date, DATE.to_owned(), Vec::new())
    })
}
