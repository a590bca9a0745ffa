//! `operator-assignment`: `a = a + b` instead of `a += b`, or the other way round.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::same_reference::{Keys, is_same_reference};
use super::static_value::{holds_optional_link, is_identifier, is_literal, is_member};
use super::surroundings::{copied, is_parenthesised};
use super::syntax::{Token, binary_precedence, operator, precedence, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds assignments that repeat their target as an operand: `a = a + b`. With the option `"never"` it
    /// finds the short forms instead.
    ///
    /// ## Why is this bad?
    /// `a += b` says once what is changed, and the reader need not compare two names.
    ///
    /// ## Example
    /// ```js
    /// total = total + price;
    /// ```
    /// Use instead:
    /// ```js
    /// total += price;
    /// ```
    ///
    /// ## Options
    /// `"always"` (the default) asks for the short form, `"never"` for the long one.
    ///
    /// ## Fix safety
    /// Safe. There is no fix where an object would be evaluated once instead of twice or the other way round
    /// (`a.b.c = a.b.c + 1`), where the operands would change places (`a = b * a`), or where a comment would
    /// be lost; where parentheses hold one, the fix is unsafe.
    pub struct OperatorAssignment {
        mode: Mode,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Always,
    Never,
}

static META: Meta = Meta {
    id: "operator-assignment",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `a += b` instead of `a = a + b`.",
    docs: OperatorAssignment::MANUAL,
};

impl OperatorAssignment {
    /// Without options.
    pub const DEFAULT: Self = Self { mode: Mode::Always };
}

impl Rule for OperatorAssignment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { mode: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["assignment_expression", "augmented_assignment_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return;
        };
        let assignment = Assignment { node, left: without_parens(left), right: without_parens(right) };
        let finding = match (self.mode, node.kind()) {
            (Mode::Always, "assignment_expression") => assignment.check_long(file),
            (Mode::Never, "augmented_assignment_expression") => assignment.check_short(file),
            _ => None,
        };
        out.extend(finding);
    }
}

struct Assignment<'t> {
    node: Node<'t>,
    left: Node<'t>,
    right: Node<'t>,
}

impl<'t> Assignment<'t> {
    /// `a = a + b`
    fn check_long(&self, file: &ParsedFile<'t>) -> Option<Finding> {
        if self.right.kind() != "binary_expression" {
            return None;
        }
        let operation = operator(self.right);
        let is_commutative = matches!(operation, "*" | "&" | "^" | "|");
        if !is_commutative && !matches!(operation, "+" | "-" | "/" | "%" | "<<" | ">>" | ">>>" | "**") {
            return None;
        }
        let repeats = |operand| is_same_reference(file, self.left, operand, Keys::AsWritten);
        let first = self.right.child_by_field_name("left")?;
        let fix = if repeats(first) {
            self.shorten(file, without_parens(first))
        } else if is_commutative && repeats(self.right.child_by_field_name("right")?) {
            None
        } else {
            return None;
        };
        let message = format!("Assignment (=) can be replaced with operator assignment ({operation}=).");
        Some(Finding::new(&META, self.node.byte_range(), message).with_fix(fix))
    }

    fn shorten(&self, file: &ParsedFile<'t>, repeated: Node<'t>) -> Option<Fix> {
        let mut cursor = self.node.walk();
        let equals = self.node.children(&mut cursor).find(|child| child.kind() == "=")?;
        let operation = self.right.child_by_field_name("operator")?;
        let cut = equals.start_byte()..operation.end_byte();
        if !can_be_fixed(self.left)
            || !can_be_fixed(repeated)
            || file.has_comment_in(equals.end_byte()..operation.start_byte())
        {
            return None;
        }
        let mut edits = vec![Edit::replace(cut, format!("{}=", operation.kind()))];
        let rest = self.right.end_byte()..self.node.end_byte();
        let loses_comment = file.has_comment_in(rest.clone());
        if !rest.is_empty() {
            edits.push(Edit::delete(rest));
        }
        let applicability = if loses_comment { Applicability::Unsafe } else { Applicability::Safe };
        Some(Fix::new(applicability, edits).claiming(self.node.byte_range()))
    }

    /// `a += b`
    fn check_short(&self, file: &ParsedFile<'t>) -> Option<Finding> {
        let short = operator(self.node);
        if matches!(short, "&&=" | "||=" | "??=") {
            return None;
        }
        let message = format!("Unexpected operator assignment ({short}) shorthand.");
        Some(Finding::new(&META, self.node.byte_range(), message).with_fix(self.lengthen(file, short)))
    }

    fn lengthen(&self, file: &ParsedFile<'t>, short: &str) -> Option<Fix> {
        let operation = short.strip_suffix('=')?;
        let token = self.node.child_by_field_name("operator")?.byte_range();
        let first = file.token_after(self.node.start_byte())?;
        if !can_be_fixed(self.left) || file.has_comment_in(first.end_byte()..token.start) {
            return None;
        }
        let target = copied(file, self.node.start_byte()..token.start)?;
        let operand = self.right.byte_range();
        let wraps =
            precedence(self.right) <= binary_precedence(operation) && !is_parenthesised(file, &operand);
        let space = if !wraps && glues_behind_operator(file, token.end, operation) { " " } else { "" };
        let mut edits = vec![Edit::replace(token, format!("= {target}{operation}{space}"))];
        if wraps {
            edits.push(Edit::insert(operand.start, "("));
            edits.push(Edit::insert(operand.end, ")"));
        }
        Some(Fix::safe(edits).claiming(self.node.byte_range()))
    }
}

/// Whether `operation` and what starts at byte `at`, a comment included, would be read as one.
fn glues_behind_operator(file: &ParsedFile<'_>, at: usize, operation: &str) -> bool {
    if file.has_comment_in(at..at + 1) {
        return operation == "/";
    }
    super::surroundings::glues_behind(file, at, Token::Punctuator(operation.as_bytes()))
}

/// Whether `node` is evaluated without effects: a name, or a plain property of one.
fn can_be_fixed(node: Node<'_>) -> bool {
    if !is_member(node) || holds_optional_link(node) {
        return is_identifier(node);
    }
    let object = node.child_by_field_name("object").map(without_parens);
    let is_plain = object.is_some_and(|object| is_identifier(object) || object.kind() == "this");
    is_plain && node.child_by_field_name("index").is_none_or(|index| is_literal(without_parens(index)))
}
