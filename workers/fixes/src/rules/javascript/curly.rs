//! `curly`: braces around the bodies of control statements.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::statement_lists::{alternate, block_in, needs_braces, only_statement};
use super::surroundings::statement_range;
use super::syntax::Token;
use super::token_lines::{
    first_token_of, last_token_of, may_continue_line, share_line, spells, touch_on_line,
};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds bodies of `if`, `else` and loops without braces; with options also braces that are not needed.
    ///
    /// ## Why is this bad?
    /// A statement that is added to a body without braces is not part of it, whatever its indentation says.
    ///
    /// ## Example
    /// ```js
    /// if (done) close();
    /// ```
    /// Use instead:
    /// ```js
    /// if (done) {close();}
    /// ```
    ///
    /// ## Options
    /// The first is one of
    /// - `"all"` (default): every body has braces;
    /// - `"multi"`: only bodies of more than one statement have braces;
    /// - `"multi-line"`: a body without braces stands on the line of its head;
    /// - `"multi-or-nest"`: only bodies of more than one line have braces.
    ///
    /// After any but `"all"`, `"consistent"` asks all branches of an `if` to have braces, or none.
    ///
    /// ## Fix safety
    /// Safe: braces around one statement change nothing. There is no fix where a statement without its braces
    /// would run into what follows for want of a semicolon.
    pub struct Curly { options: Options }
}

impl Curly {
    /// The rule as it is without options.
    pub const DEFAULT: Self = Self { options: Options { style: Style::All, consistent: false } };
}

#[derive(Clone, Debug, Default)]
struct Options {
    style: Style,
    consistent: bool,
}

/// Which bodies have braces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Style {
    #[default]
    All,
    Multi,
    MultiLine,
    MultiOrNest,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Modifier {
    Consistent,
}

static META: Meta = Meta {
    id: "curly",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires braces around the bodies of control statements.",
    docs: Curly::MANUAL,
};

impl Rule for Curly {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let style: Style = option(options, 0)?;
        let modifier: Option<Modifier> = option(options, 1)?;
        let consistent = modifier.is_some();
        if options.len() > 2 || (consistent && style == Style::All) {
            return Err("\"consistent\" follows \"multi\", \"multi-line\" or \"multi-or-nest\"".to_owned());
        }
        Ok(Arc::new(Self { options: Options { style, consistent } }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["if_statement", "while_statement", "do_statement", "for_statement", "for_in_statement"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let bodies = match node.kind() {
            // The head of a chain answers for all of it.
            "if_statement" if file.parent(node).is_some_and(|parent| parent.kind() == "else_clause") => {
                return;
            }
            "if_statement" => self.branches(file, node),
            _ => loop_body(file, node).into_iter().map(|body| self.judge(file, body)).collect(),
        };
        out.extend(bodies.into_iter().filter_map(|judged| judged.finding(file)));
    }
}

impl Curly {
    /// The branches of a chain of `if … else if … else`.
    fn branches<'t>(&self, file: &ParsedFile<'t>, head: Node<'t>) -> Vec<Judged<'t>> {
        let mut judged = Vec::new();
        let mut next = Some(head);
        while let Some(node) = next {
            next = None;
            let consequent = node.child_by_field_name("consequence");
            let body = consequent.map(|node| Body::new(node, "if", true));
            judged.extend(body.map(|body| self.judge(file, body)));
            match alternate(node) {
                Some(other) if other.kind() == "if_statement" => next = Some(other),
                Some(node) => {
                    judged.push(self.judge(file, Body::new(node, "else", false)));
                }
                None => {}
            }
        }
        if self.options.consistent {
            let any = judged.iter().any(|judged| judged.wants_block.unwrap_or(judged.body.is_block()));
            for judged in &mut judged {
                judged.wants_block = Some(any);
            }
        }
        judged
    }

    fn judge<'t>(&self, file: &ParsedFile<'t>, body: Body<'t>) -> Judged<'t> {
        let statement = if body.is_block() { only_statement(body.node) } else { Some(body.node) };
        let wants_block = match statement {
            None => Some(true),
            Some(statement) if body.is_block() && needs_braces(file, body.node, statement) => Some(true),
            Some(statement) => match self.options.style {
                Style::All => Some(true),
                Style::Multi => Some(false),
                Style::MultiLine if is_on_line_of_head(file, body.node) => None,
                Style::MultiLine => Some(true),
                Style::MultiOrNest => {
                    let is_explained = body.is_block()
                        && file.has_comment_in(body.node.start_byte()..statement.start_byte());
                    Some(!is_one_line(file, statement) || is_explained)
                }
            },
        };
        Judged { body, wants_block }
    }
}

/// The body of a control statement.
#[derive(Clone, Copy)]
struct Body<'t> {
    node: Node<'t>,
    /// What stands before it: `if`, `else`, `for-of`.
    keyword: &'static str,
    /// Whether the message speaks of the condition.
    has_condition: bool,
}

impl<'t> Body<'t> {
    fn new(statement: Node<'t>, keyword: &'static str, has_condition: bool) -> Self {
        Self { node: block_in(statement).unwrap_or(statement), keyword, has_condition }
    }

    fn is_block(&self) -> bool {
        matches!(self.node.kind(), "statement_block" | "object")
    }
}

fn loop_body<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Body<'t>> {
    let (keyword, has_condition) = match node.kind() {
        "while_statement" => ("while", true),
        "for_statement" => ("for", true),
        "do_statement" => ("do", false),
        _ => {
            let operator = node.child_by_field_name("operator")?;
            (if spells(file, operator, "in") { "for-in" } else { "for-of" }, false)
        }
    };
    Some(Body::new(node.child_by_field_name("body")?, keyword, has_condition))
}

/// A body and whether it should be a block; `None` if either will do.
struct Judged<'t> {
    body: Body<'t>,
    wants_block: Option<bool>,
}

impl<'t> Judged<'t> {
    fn finding(&self, file: &ParsedFile<'t>) -> Option<Finding> {
        let Body { node, keyword, has_condition } = self.body;
        let wants_block = self.wants_block?;
        if wants_block == self.body.is_block() {
            return None;
        }
        let range = statement_range(file, node);
        let verb = if wants_block { "Expected" } else { "Unnecessary" };
        let condition = if has_condition { " condition" } else { "" };
        let fix = if wants_block { Some(add_braces(&range)) } else { self.remove_braces(file) };
        let message = format!("{verb} {{ after '{keyword}'{condition}.");
        Some(Finding::new(&META, range, message).with_fix(fix))
    }

    fn remove_braces(&self, file: &ParsedFile<'t>) -> Option<Fix> {
        let block = self.body.node;
        let (open, close) = (first_token_of(file, block)?, last_token_of(file, block)?);
        if needs_semicolon(file, close) {
            return None;
        }
        let before = if joins_keyword(file, open) { " " } else { "" };
        let edits = vec![Edit::replace(open.byte_range(), before), Edit::delete(close.byte_range())];
        Some(Fix::safe(edits))
    }
}

fn add_braces(body: &Range<usize>) -> Fix {
    Fix::safe(vec![Edit::insert(body.start, "{"), Edit::insert(body.end, "}")])
}

/// Whether `do` or `else` would be one word with what follows the brace `open`.
fn joins_keyword(file: &ParsedFile<'_>, open: Node<'_>) -> bool {
    let before = file.token_before(open.start_byte()).filter(|token| token.end_byte() == open.start_byte());
    before
        .zip(file.token_after(open.end_byte()))
        .is_some_and(|(before, first)| !Token::of(file, before).can_touch(Token::of(file, first)))
}

/// Whether the last statement in a block needs the brace `close` for want of a semicolon.
fn needs_semicolon<'t>(file: &ParsedFile<'t>, close: Node<'t>) -> bool {
    let (Some(last), Some(next)) =
        (file.token_before(close.start_byte()), file.token_after(close.end_byte()))
    else {
        return false;
    };
    if spells(file, last, ";") || closes_block_statement(file, last) {
        return false;
    }
    touch_on_line(file, last, next)
        || may_continue_line(file, next)
        || spells(file, last, "++")
        || spells(file, last, "--")
}

/// Whether `brace` ends a block that is not the body of a function expression or method.
fn closes_block_statement<'t>(file: &ParsedFile<'t>, brace: Node<'t>) -> bool {
    let block = Some(brace).filter(|brace| brace.kind() == "}").and_then(|brace| file.parent(brace));
    let Some((block, owner)) = block.and_then(|block| Some((block, file.parent(block)?))) else {
        return false;
    };
    match block.kind() {
        "statement_block" => !matches!(
            owner.kind(),
            "function_expression" | "generator_function" | "arrow_function" | "method_definition"
        ),
        "object" => block_in(owner) == Some(block),
        _ => false,
    }
}

/// Whether `body` ends on the line on which the token before it starts, its semicolon left out.
fn is_on_line_of_head<'t>(file: &ParsedFile<'t>, body: Node<'t>) -> bool {
    let before = file.token_before(body.start_byte());
    before.zip(last_but_semicolon(file, body)).is_some_and(|(before, last)| share_line(file, before, last))
}

/// Whether `statement` stands on one line, its semicolon left out.
fn is_one_line<'t>(file: &ParsedFile<'t>, statement: Node<'t>) -> bool {
    statement.kind() == "empty_statement"
        || first_token_of(file, statement)
            .zip(last_but_semicolon(file, statement))
            .is_some_and(|(first, last)| share_line(file, first, last))
}

fn last_but_semicolon<'t>(file: &ParsedFile<'t>, statement: Node<'t>) -> Option<Node<'t>> {
    let last = last_token_of(file, statement)?;
    if spells(file, last, ";") { file.token_before(last.start_byte()) } else { Some(last) }
}
