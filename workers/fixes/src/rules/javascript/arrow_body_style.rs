//! `arrow-body-style`: `() => { return a; }` or `() => a`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::statement_lists::only_statement;
use super::syntax::{first_named_child, named_children, operator, path_to, without_parens};
use super::token_lines::{first_token_of, last_token_of, may_continue_line, spells, touch_on_line};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds arrow functions whose block does nothing but return a value; with options also those without
    /// a block.
    ///
    /// ## Why is this bad?
    /// The short form says the same.
    ///
    /// ## Example
    /// ```js
    /// const double = (n) => { return n * 2; };
    /// ```
    /// Use instead:
    /// ```js
    /// const double = (n) => n * 2;
    /// ```
    ///
    /// ## Options
    /// The first is `"as-needed"` (default), `"always"` (every arrow function has a block) or `"never"` (none
    /// has). After `"as-needed"`, `{ "requireReturnForObjectLiteral": true }` asks for a block around object
    /// literals.
    ///
    /// ## Fix safety
    /// Safe. There is no fix where the block does more than return a value, or where the value would run into
    /// what follows.
    pub struct ArrowBodyStyle { options: Options }
}

impl ArrowBodyStyle {
    /// The rule as it is without options.
    pub const DEFAULT: Self = Self { options: Options { style: Style::AsNeeded, returns_objects: false } };
}

#[derive(Clone, Debug, Default)]
struct Options {
    style: Style,
    /// An object literal is returned from a block.
    returns_objects: bool,
}

/// When a body is a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Style {
    #[default]
    AsNeeded,
    Always,
    Never,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct AsNeeded {
    require_return_for_object_literal: bool,
}

static META: Meta = Meta {
    id: "arrow-body-style",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires the short form of arrow functions that only return a value.",
    docs: ArrowBodyStyle::MANUAL,
};

impl Rule for ArrowBodyStyle {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let style: Style = option(options, 0)?;
        let details: AsNeeded = option(options, 1)?;
        if options.len() > 2 || (options.len() == 2 && style != Style::AsNeeded) {
            return Err("an object follows \"as-needed\" only".to_owned());
        }
        let returns_objects = details.require_return_for_object_literal;
        Ok(Arc::new(Self { options: Options { style, returns_objects } }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["arrow_function"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let finding = if body.kind() == "statement_block" {
            self.check_block(file, node, body)
        } else {
            self.check_value(file, node, body)
        };
        out.extend(finding);
    }
}

impl ArrowBodyStyle {
    fn check_block<'t>(&self, file: &ParsedFile<'t>, arrow: Node<'t>, body: Node<'t>) -> Option<Finding> {
        let is_empty = named_children(body).next().is_none();
        let returned = only_statement(body)
            .filter(|only| only.kind() == "return_statement")
            .map(|statement| Returned { statement, value: first_named_child(statement) });
        match self.options.style {
            Style::Never => {}
            Style::AsNeeded => {
                let returned = returned.as_ref()?;
                let value = returned.value.map(without_parens);
                if self.options.returns_objects && value.is_some_and(|value| value.kind() == "object") {
                    return None;
                }
            }
            Style::Always => return None,
        }
        let message = match &returned {
            None if is_empty => {
                "Unexpected block statement surrounding arrow body; put a value of `undefined` immediately \
                 after the `=>`."
            }
            None => "Unexpected block statement surrounding arrow body.",
            Some(returned) if returned.begins_with_brace(file) => {
                "Unexpected block statement surrounding arrow body; parenthesize the returned value and move \
                 it immediately after the `=>`."
            }
            Some(_) => {
                "Unexpected block statement surrounding arrow body; move the returned value immediately \
                 after the `=>`."
            }
        };
        let fix = returned.and_then(|returned| returned.unwrap(file, arrow, body));
        Some(Finding::new(&META, body.byte_range(), message).with_fix(fix))
    }

    fn check_value<'t>(&self, file: &ParsedFile<'t>, arrow: Node<'t>, body: Node<'t>) -> Option<Finding> {
        let value = without_parens(body);
        let wants_block = match self.options.style {
            Style::Always => true,
            Style::AsNeeded => self.options.returns_objects && value.kind() == "object",
            Style::Never => false,
        };
        let message = "Expected block statement surrounding arrow body.";
        let finding = || Finding::new(&META, value.byte_range(), message).with_fix(wrap(file, arrow, body));
        wants_block.then(finding)
    }
}

/// The `return` that is all of a body.
struct Returned<'t> {
    statement: Node<'t>,
    value: Option<Node<'t>>,
}

impl<'t> Returned<'t> {
    /// The token behind `return`.
    fn first_value_token(&self, file: &ParsedFile<'t>) -> Option<Node<'t>> {
        let keyword = first_token_of(file, self.statement)?;
        file.token_after(keyword.end_byte()).filter(|token| token.end_byte() <= self.statement.end_byte())
    }

    fn begins_with_brace(&self, file: &ParsedFile<'t>) -> bool {
        self.first_value_token(file).is_some_and(|token| spells(file, token, "{"))
    }

    /// Leaves only the value of the block `body`.
    fn unwrap(&self, file: &ParsedFile<'t>, arrow: Node<'t>, body: Node<'t>) -> Option<Fix> {
        let value = self.value?;
        if file.token_after(body.end_byte()).is_some_and(|next| may_continue_line(file, next)) {
            return None;
        }
        let (open, close) = (first_token_of(file, body)?, last_token_of(file, body)?);
        let (first, last) = (self.first_value_token(file)?, last_token_of(file, self.statement)?);
        let keeps_comments = file.has_comment_in(open.end_byte()..first.start_byte())
            || file.has_comment_in(last.end_byte()..close.start_byte());
        let mut edits = Vec::new();
        if keeps_comments {
            let keyword = file.token_after(open.end_byte())?;
            edits.extend([open, keyword].map(|token| Edit::delete(token.byte_range())));
        } else {
            edits.push(Edit::delete(open.start_byte()..first.start_byte()));
        }
        let needs_parens = self.needs_parens(file, arrow, value);
        let (before, after) = if needs_parens { ("(", ")") } else { ("", "") };
        if needs_parens {
            edits.push(Edit::insert(first.start_byte(), before));
        }
        // What follows the value: its semicolon, and the brace with the space before it.
        let end = if spells(file, last, ";") { last.byte_range() } else { last.end_byte()..last.end_byte() };
        if keeps_comments {
            edits.push(Edit::replace(end, after));
            edits.push(Edit::delete(close.byte_range()));
        } else {
            edits.push(Edit::replace(end.start..close.end_byte(), after));
        }
        Some(Fix::safe(edits))
    }

    fn needs_parens(&self, file: &ParsedFile<'t>, arrow: Node<'t>, value: Node<'t>) -> bool {
        value.kind() != "parenthesized_expression"
            && (self.begins_with_brace(file)
                || value.kind() == "sequence_expression"
                || (is_in_loop_initializer(file, arrow) && holds_in_operator(arrow)))
    }
}

/// Whether `node` stands in the first part of a `for (;;)`.
fn is_in_loop_initializer<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let Some(path) = path_to(file, node) else { return true };
    path.iter().zip(path.iter().skip(1)).any(|(parent, child)| {
        parent.kind() == "for_statement" && parent.child_by_field_name("initializer") == Some(*child)
    })
}

fn holds_in_operator(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    let mut depth = 0_usize;
    loop {
        let at = cursor.node();
        if at.kind() == "binary_expression" && operator(at) == "in" {
            return true;
        }
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while depth == 0 || !cursor.goto_next_sibling() {
            if depth == 0 || !cursor.goto_parent() {
                return false;
            }
            depth -= 1;
        }
    }
}

/// Puts the value into a block that returns it.
fn wrap<'t>(file: &ParsedFile<'t>, arrow: Node<'t>, body: Node<'t>) -> Option<Fix> {
    let first = first_token_of(file, body)?;
    let end = last_token_of(file, arrow)?.end_byte();
    let brace = file.token_after(first.end_byte()).filter(|second| opens_object(file, first, *second));
    let Some((second, closing)) = brace.zip(closing_paren(file, first)) else {
        return Some(Fix::safe(vec![Edit::insert(first.start_byte(), "{return "), Edit::insert(end, "}")]));
    };
    let mut edits = Vec::new();
    if touch_on_line(file, first, second) {
        edits.push(Edit::replace(first.byte_range(), "{return "));
    } else {
        // A line break behind `return` would end the statement.
        edits.push(Edit::replace(first.byte_range(), "{"));
        edits.push(Edit::insert(second.start_byte(), "return "));
    }
    if closing.end_byte() == end {
        edits.push(Edit::replace(closing.byte_range(), "}"));
    } else {
        edits.push(Edit::delete(closing.byte_range()));
        edits.push(Edit::insert(end, "}"));
    }
    Some(Fix::safe(edits))
}

/// Whether the tokens are the parenthesis and the brace that open `({ … })`.
fn opens_object<'t>(file: &ParsedFile<'t>, paren: Node<'t>, brace: Node<'t>) -> bool {
    spells(file, paren, "(")
        && spells(file, brace, "{")
        && file.parent(brace).is_some_and(|parent| parent.kind() == "object")
}

/// The parenthesis that closes `open`.
fn closing_paren<'t>(file: &ParsedFile<'t>, open: Node<'t>) -> Option<Node<'t>> {
    let parens = file.parent(open).filter(|parent| parent.kind() == "parenthesized_expression")?;
    last_token_of(file, parens).filter(|token| spells(file, *token, ")"))
}
