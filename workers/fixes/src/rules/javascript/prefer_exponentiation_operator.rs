//! `prefer-exponentiation-operator`: `Math.pow(a, b)` instead of `a ** b`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::global_members::calls_reached_from;
use super::misread::is_cut_short;
use super::statement_start::{needs_preceding_semicolon, starts_expression_statement};
use super::static_value::holds_optional_link;
use super::surroundings::{
    copied, glues_before, glues_behind, is_parenthesised, place_in, token_at, token_until,
};
use super::syntax::{Place, Precedence, named_children, operator, precedence, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds calls of `Math.pow`, also by another name.
    ///
    /// ## Why is this bad?
    /// `**` is shorter, reads like the other operators of arithmetic and also takes values of type `BigInt`.
    ///
    /// ## Example
    /// ```js
    /// const area = Math.PI * Math.pow(radius, 2);
    /// ```
    /// Use instead:
    /// ```js
    /// const area = Math.PI * radius ** 2;
    /// ```
    ///
    /// ## Fix safety
    /// Safe: numbers give the same result. There is no fix where a comment would be lost or where there are
    /// not just two arguments.
    pub struct PreferExponentiationOperator;
}

static META: Meta = Meta {
    id: "prefer-exponentiation-operator",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `**` instead of `Math.pow`.",
    docs: PreferExponentiationOperator::MANUAL,
};

impl Rule for PreferExponentiationOperator {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["identifier"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let text = file.bytes_of(node.byte_range());
        let may_lead_there = matches!(text, b"Math" | b"globalThis" | b"window" | b"self" | b"global");
        if !may_lead_there && !text.contains(&b'\\') {
            return;
        }
        for call in calls_reached_from(file, node, &["Math", "pow"]) {
            let message = "Use the '**' operator instead of 'Math.pow'.";
            out.push(Finding::new(&META, call.byte_range(), message).with_fix(fix(file, call)));
        }
    }
}

fn fix<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Fix> {
    let range = call.byte_range();
    let mut arguments = named_children(call.child_by_field_name("arguments")?);
    let (Some(base), Some(exponent), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return None;
    };
    let has_spread = [base, exponent].iter().any(|argument| argument.kind() == "spread_element");
    if has_spread || file.has_comment_in(range.clone()) {
        return None;
    }
    let (base, exponent) = (without_parens(base), without_parens(exponent));
    let wraps_base = precedence(base) <= Precedence::Power
        || matches!(base.kind(), "unary_expression" | "await_expression");
    let wraps_exponent = precedence(exponent) < Precedence::Power;
    let starts_statement = starts_expression_statement(file, call);
    let wraps_all = needs_parens(file, call)
        || (!wraps_base && starts_statement && would_begin_declaration(file, base.start_byte()));
    let (mut before, mut behind) = ("", "");
    if !wraps_all {
        if !wraps_base && glues_before(file, range.start, token_at(file, base.start_byte())?) {
            before = " ";
        }
        if !wraps_exponent && glues_behind(file, range.end, token_until(file, exponent.end_byte())?) {
            behind = " ";
        }
    }
    let base = in_parens_if(copied(file, base.byte_range())?, wraps_base);
    let exponent = in_parens_if(copied(file, exponent.byte_range())?, wraps_exponent);
    let power = in_parens_if(&format!("{base}**{exponent}"), wraps_all);
    if before.is_empty()
        && starts_statement
        && power.starts_with(['(', '[', '/', '`'])
        && needs_preceding_semicolon(file, range.start)
    {
        before = ";";
    }
    let edit = Edit::replace(range, format!("{before}{power}{behind}"));
    Some(Fix::safe(vec![edit]).needing(Gate::EcmaScript(2016)))
}

fn in_parens_if(text: &str, wraps: bool) -> String {
    if wraps { format!("({text})") } else { text.to_owned() }
}

/// Whether the token at byte `at` would make a declaration or block of the statement that it starts.
fn would_begin_declaration(file: &ParsedFile<'_>, at: usize) -> bool {
    file.token_after(at).is_some_and(|token| matches!(token.kind(), "{" | "function" | "class"))
}

/// Whether a power in the place of `call` needs parentheses.
fn needs_parens<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> bool {
    let Some(place) = place_in(file, call) else { return false };
    let binds_tighter = binds_tighter(file, place, holds_optional_link(call));
    binds_tighter && !is_parenthesised(file, &call.byte_range())
}

/// Whether the parent takes only what is stronger than a power, or may. ESLint does not look closely where the call
/// is an optional chain.
fn binds_tighter<'t>(file: &ParsedFile<'t>, place: Place<'t>, is_chain: bool) -> bool {
    let parent = place.parent;
    match parent.kind() {
        "class_heritage" | "extends_clause" => true,
        "unary_expression"
        | "await_expression"
        | "update_expression"
        | "member_expression"
        | "as_expression"
        | "satisfies_expression"
        | "non_null_expression"
        | "instantiation_expression" => true,
        "subscript_expression" => is_chain || place.is_field("object"),
        "call_expression" => place.is_field("function"),
        "new_expression" => place.is_field("constructor"),
        "binary_expression" => {
            (operator(parent) == "**" && (is_chain || !place.is_field("right"))) || is_cut_short(file, parent)
        }
        // The arguments of `import()` are none to ESLint.
        "arguments" if is_chain => true,
        "arguments" => file
            .parent(parent)
            .and_then(|call| call.child_by_field_name("function"))
            .is_some_and(|function| function.kind() == "import"),
        _ => false,
    }
}
