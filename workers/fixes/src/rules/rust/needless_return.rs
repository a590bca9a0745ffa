//! `needless_return`

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::syntax::{
    Content, If, MAX_DEPTH, Statement, block_of, content, must_parenthesise, named_children,
    whitespace_before, without_parens,
};
use super::temporaries::{Temporaries, temporaries};

rule_type! {
    /// ## What it does
    /// Finds `return` where the value would be returned anyway: at the end of a function, a closure or an
    /// `async` block, and at the ends of the branches of an `if` or `match` that stands there.
    ///
    /// ## Why is this bad?
    /// The last expression of a body is its value. A `return` there suggests that the function is left early.
    ///
    /// ## Example
    /// ```rust
    /// fn double(x: i32) -> i32 {
    ///     return 2 * x;
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// fn double(x: i32) -> i32 {
    ///     2 * x
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Nothing is said where a temporary such as the guard of a lock would live longer than the variable
    /// that it borrows from; where a call on a local variable may make such a temporary, the fix is only
    /// suggested, since types are not known.
    pub struct NeedlessReturn;
}

static META: Meta = Meta {
    id: "needless_return",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `return` where an expression would do.",
    docs: NeedlessReturn::MANUAL,
};

impl Rule for NeedlessReturn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["function_item", "closure_expression", "async_block"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let search = Search { file };
        let at_end = Place { semicolons: Vec::new(), empty: Empty::Nothing, is_unit_match: None, depth: 0 };
        match node.kind() {
            "closure_expression" => {
                let Some(body) = node.child_by_field_name("body") else { return };
                let is_bare = body.kind() == "return_expression" && named_children(body).is_empty();
                let empty = if is_bare { Empty::Block } else { Empty::Nothing };
                search.expression(body, Place { empty, ..at_end }, false, out);
            }
            "async_block" => {
                let block = named_children(node).into_iter().find(|child| child.kind() == "block");
                block.into_iter().for_each(|block| search.block(block, node.end_byte(), at_end.clone(), out));
            }
            _ => {
                let body = node.child_by_field_name("body");
                body.into_iter().for_each(|body| search.block(body, node.end_byte(), at_end.clone(), out));
            }
        }
    }
}

/// What a `return` without a value leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Empty {
    Nothing,
    Block,
    Unit,
}

/// How an expression stands at the end of a function.
#[derive(Clone, Debug)]
struct Place {
    /// Semicolons behind it, which go with the `return`.
    semicolons: Vec<Range<usize>>,
    empty: Empty,
    /// For an arm of a `match`, whether the `match` is known to be of type `()`.
    is_unit_match: Option<bool>,
    depth: usize,
}

struct Search<'f, 't> {
    file: &'f ParsedFile<'t>,
}

impl<'t> Search<'_, 't> {
    /// A block at the end of something that ends at `end`.
    fn block(&self, block: Node<'t>, end: usize, mut place: Place, out: &mut Vec<Finding>) {
        let Content { statements, tail } = content(self.file, block);
        place.empty = Empty::Nothing;
        place.is_unit_match = None;
        place.depth += 1;
        let Some(last) = tail.or(statements.last().copied()) else { return };
        let Some(expression) = last.expression.filter(|_| !last.has_cfg && place.depth < MAX_DEPTH) else {
            return;
        };
        if let Some(semicolon) = last.semicolon {
            let from = semicolon.start_byte();
            let run = self.file.bytes_of(from..end.max(from));
            let len = run.iter().take_while(|byte| matches!(byte, b' ' | b';')).count();
            place.semicolons.push(from..from + len);
        }
        self.statement(last, expression, place, out);
    }

    fn statement(&self, last: Statement<'t>, expression: Node<'t>, place: Place, out: &mut Vec<Finding>) {
        if last.has_attributes && without_parens(expression).kind() == "return_expression" {
            return;
        }
        self.expression(expression, place, last.semicolon.is_some(), out);
    }

    /// An expression at the end; `has_semicolon` says that its value is thrown away.
    fn expression(&self, outer: Node<'t>, place: Place, has_semicolon: bool, out: &mut Vec<Finding>) {
        let node = without_parens(outer);
        match node.kind() {
            "return_expression" => out.extend(self.finding(outer, node, place)),
            "if_expression" => {
                let Some(branches) = If::of(node) else { return };
                self.block(branches.then, node.end_byte(), place.clone(), out);
                if let Some(otherwise) = branches.otherwise
                    && place.depth < MAX_DEPTH
                {
                    let depth = place.depth + 1;
                    let place = Place { empty: Empty::Nothing, depth, ..place };
                    self.expression(otherwise, place, has_semicolon, out);
                }
            }
            "match_expression" => {
                let Some(body) = node.child_by_field_name("body") else { return };
                let arms =
                    || named_children(body).into_iter().filter_map(|arm| arm.child_by_field_name("value"));
                let is_thrown_away = has_semicolon || !place.semicolons.is_empty();
                let is_unit = is_unit_match(self.file, arms(), is_thrown_away);
                for arm in arms().filter(|_| place.depth < MAX_DEPTH) {
                    let depth = place.depth + 1;
                    let place = Place {
                        empty: Empty::Unit,
                        is_unit_match: Some(is_unit),
                        depth,
                        semicolons: place.semicolons.clone(),
                    };
                    self.expression(arm, place, false, out);
                }
            }
            _ => {
                if let Some(block) = block_of(node) {
                    self.block(block, node.end_byte(), place, out);
                }
            }
        }
    }

    fn finding(&self, outer: Node<'t>, node: Node<'t>, place: Place) -> Option<Finding> {
        let value = named_children(node).into_iter().next();
        let mut range = outer.byte_range();
        let text = match value {
            Some(_) => String::new(),
            None => match (place.is_unit_match, place.empty) {
                (Some(true), _) => "()".to_owned(),
                (Some(false), _) => return None,
                (None, Empty::Block) => "{}".to_owned(),
                (None, Empty::Unit) => "()".to_owned(),
                (None, Empty::Nothing) => {
                    let is_white = |byte| matches!(byte, b' ' | b'\t' | b'\n');
                    range.start = whitespace_before(self.file, range.start, is_white);
                    String::new()
                }
            },
        };
        let kept = value.map_or(Temporaries::Harmless, |value| temporaries(self.file, value));
        if kept == Temporaries::Guarding || is_silenced(self.file, node, META.id, "style") {
            return None;
        }
        let mut edits = match value {
            Some(value) => kept_only(range, value),
            None => vec![Edit::replace(range, text)],
        };
        edits.extend(place.semicolons.into_iter().map(Edit::delete));
        let fix = if kept == Temporaries::Harmless { Fix::safe(edits) } else { Fix::suggestion(edits) };
        Some(Finding::new(&META, outer.byte_range(), "unneeded `return` statement").with_fix(fix))
    }
}

/// Takes `return` away from its value.
fn kept_only(range: Range<usize>, value: Node<'_>) -> Vec<Edit> {
    let (open, close) = if must_parenthesise(value) { ("(", ")") } else { ("", "") };
    let mut edits = vec![Edit::replace(range.start..value.start_byte(), open)];
    if !close.is_empty() || value.end_byte() < range.end {
        edits.push(Edit::replace(value.end_byte()..range.end, close));
    }
    edits
}

/// Whether a `match` at the end of a function is of type `()`. Where its value is the function's, and a bare
/// `return` stands in it, it is, unless no arm has a value at all; where its value is thrown away, one arm has to
/// tell.
fn is_unit_match<'t>(
    file: &ParsedFile<'t>,
    arms: impl Iterator<Item = Node<'t>>,
    is_thrown_away: bool,
) -> bool {
    let kinds: Vec<Arm> = arms.map(|arm| arm_kind(file, arm)).collect();
    let has = |wanted| kinds.contains(&wanted);
    has(Arm::Unit) && !has(Arm::Value) || !is_thrown_away && (has(Arm::Value) || has(Arm::Unknown))
}

/// What the value of an arm of a `match` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Never,
    Unit,
    Value,
    Unknown,
}

fn arm_kind<'t>(file: &ParsedFile<'t>, arm: Node<'t>) -> Arm {
    let mut node = arm;
    for _ in 0..MAX_DEPTH {
        node = without_parens(node);
        match node.kind() {
            "unit_expression"
            | "assignment_expression"
            | "compound_assignment_expr"
            | "for_expression"
            | "while_expression" => return Arm::Unit,
            "return_expression" | "break_expression" | "continue_expression" => return Arm::Never,
            "macro_invocation" => {
                let name = node.child_by_field_name("macro").map(|name| file.text(name));
                return match name.as_deref() {
                    Some("panic" | "unreachable" | "todo" | "unimplemented") => Arm::Never,
                    Some("println" | "eprintln" | "print" | "eprint" | "assert" | "assert_eq") => Arm::Unit,
                    _ => Arm::Unknown,
                };
            }
            "integer_literal" | "float_literal" | "string_literal" | "boolean_literal" | "char_literal"
            | "binary_expression" | "tuple_expression" | "struct_expression" | "array_expression" => {
                return Arm::Value;
            }
            "if_expression" => match If::of(node) {
                Some(If { otherwise: None, .. }) => return Arm::Unit,
                Some(branches) => node = branches.then,
                None => return Arm::Unknown,
            },
            _ => {
                let Some(block) = block_of(node) else { return Arm::Unknown };
                let content = content(file, block);
                match content.tail.and_then(|tail| tail.expression) {
                    Some(tail) => node = tail,
                    None => return last_statement_kind(file, &content),
                }
            }
        }
    }
    Arm::Unknown
}

/// A block without a tail is `()`, unless its last statement leaves it.
fn last_statement_kind<'t>(file: &ParsedFile<'t>, content: &Content<'t>) -> Arm {
    match content.statements.last().and_then(|last| last.expression).map(without_parens) {
        Some(last) if last.kind().ends_with("_expression") || last.kind() == "macro_invocation" => {
            match last.kind() {
                "return_expression" | "break_expression" | "continue_expression" => Arm::Never,
                "macro_invocation" if arm_kind(file, last) == Arm::Never => Arm::Never,
                _ => Arm::Unit,
            }
        }
        _ => Arm::Unit,
    }
}
