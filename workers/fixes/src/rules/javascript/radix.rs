//! `radix`: `parseInt("071")` without a base.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::is_undefined;
use super::number_parsing::parse_int_call;
use super::static_value::{Value, is_literal, literal_value};
use super::syntax::{named_children, operator, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds calls of `parseInt` and `Number.parseInt` without a second argument, or with one that is no base.
    ///
    /// ## Why is this bad?
    /// Without a base, a text that starts with `0x` is read as hexadecimal, and old engines read one that
    /// starts with `0` as octal.
    ///
    /// ## Example
    /// ```js
    /// const day = parseInt(text);
    /// ```
    /// Use instead:
    /// ```js
    /// const day = parseInt(text, 10);
    /// ```
    ///
    /// ## Options
    /// `"always"` and `"as-needed"` are accepted and change nothing.
    ///
    /// ## Fix safety
    /// There is a suggestion only, which adds `10`: the text may be meant to be hexadecimal.
    pub struct Radix;
}

static META: Meta = Meta {
    id: "radix",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Requires the base of the number in calls of `parseInt`.",
    docs: Radix::MANUAL,
};

/// Once told when to look; no longer.
#[derive(Default, Deserialize)]
enum Mode {
    #[default]
    #[serde(rename = "always")]
    Always,
    #[serde(rename = "as-needed")]
    AsNeeded,
}

impl Rule for Radix {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Json]) -> Result<Arc<dyn Rule>, String> {
        let (Mode::Always | Mode::AsNeeded) = option(options, 0)?;
        Ok(Arc::new(self.clone()))
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some((_, list)) = parse_int_call(file, node) else { return };
        let mut arguments = named_children(list);
        let (first, second) = (arguments.next(), arguments.next());
        let has_spread = [first, second].iter().flatten().any(|argument| argument.kind() == "spread_element");
        if has_spread {
            return;
        }
        let finding = |message| Finding::new(&META, node.byte_range(), message);
        match (first, second) {
            (None, _) => out.push(finding("Missing parameters.")),
            (_, None) => out.push(finding("Missing radix parameter.").with_fix(suggestion(file, list))),
            (_, Some(radix)) if !may_be_radix(file, without_parens(radix)) => {
                out.push(finding("Invalid radix parameter, must be an integer between 2 and 36."));
            }
            _ => {}
        }
    }
}

/// Adds `10`.
fn suggestion(file: &ParsedFile<'_>, arguments: Node<'_>) -> Option<Fix> {
    let close = arguments.end_byte().checked_sub(1)?;
    let has_comma = file.token_before(close)?.kind() == ",";
    Some(Fix::suggestion(vec![Edit::insert(close, if has_comma { " 10," } else { ", 10" })]))
}

/// Whether `node` is the base of numbers, as far as one can see.
fn may_be_radix<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    if node.kind() == "unary_expression" {
        let argument = node.child_by_field_name("argument").map(without_parens);
        return match (operator(node), argument.and_then(|number| literal_value(file, number))) {
            ("+", Some(Value::Number(value))) => is_radix(value),
            ("-", Some(Value::Number(value))) => is_radix(-value),
            _ => true,
        };
    }
    if is_literal(node) {
        return matches!(literal_value(file, node), Some(Value::Number(value)) if is_radix(value));
    }
    !is_undefined(file, node)
}

fn is_radix(value: f64) -> bool {
    (2.0..=36.0).contains(&value) && value.fract() == 0.0
}
