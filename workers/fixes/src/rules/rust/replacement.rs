//! Text for the place of an expression, with parentheses only where they are needed: what clippy's `Sugg` does.

use std::fmt;

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{operator, without_parens};

/// An expression as text, with what its outermost operator is.
#[derive(Clone, Debug)]
pub(super) enum Replacement {
    /// Binds tighter than any operator.
    Closed(String),
    /// May need parentheses: `&a`, `if`, a closure.
    Open(String),
    /// A binary expression, a cast, an assignment or a range: left side, operator with its blanks, right side.
    Binary(String, &'static str, String),
    /// `!` or `-`.
    Unary(&'static str, Box<Replacement>),
}

/// The operators of binary expressions, so that a replacement can hold them.
const OPERATORS: &[&str] = &[
    " + ", " - ", " * ", " / ", " % ", " && ", " || ", " ^ ", " & ", " | ", " << ", " >> ", " == ", " < ",
    " <= ", " != ", " >= ", " > ",
];

const COMPOUND: &[&str] = &[" += ", " -= ", " *= ", " /= ", " %= ", " ^= ", " &= ", " |= ", " <<= ", " >>= "];

/// A chain of unary operators longer than this stays text.
const MAX_UNARY: usize = 64;

impl Replacement {
    /// The expression as it is, parentheses included.
    pub(super) fn of(file: &ParsedFile<'_>, node: Node<'_>) -> Self {
        Self::nested(file, node, MAX_UNARY)
    }

    fn nested(file: &ParsedFile<'_>, node: Node<'_>, depth: usize) -> Self {
        let inner = without_parens(node);
        let text = || file.text(node).into_owned();
        let field =
            |name: &'static str| inner.child_by_field_name(name).map(|node| file.text(node).into_owned());
        let binary = |left: &'static str, operator, right: &'static str| match (field(left), field(right)) {
            (Some(left), Some(right)) => Self::Binary(left, operator, right),
            _ => Self::Open(text()),
        };
        match inner.kind() {
            "unary_expression" => {
                let operator = match operator(inner) {
                    "!" => "!",
                    "-" => "-",
                    _ => return Self::Open(text()),
                };
                match inner.named_child(0) {
                    Some(operand) if depth > 0 && operand.end_byte() == inner.end_byte() => {
                        Self::Unary(operator, Box::new(Self::nested(file, operand, depth - 1)))
                    }
                    _ => Self::Open(text()),
                }
            }
            "binary_expression" => match spaced(OPERATORS, operator(inner)) {
                Some(operator) => binary("left", operator, "right"),
                None => Self::Open(text()),
            },
            "compound_assignment_expr" => match spaced(COMPOUND, operator(inner)) {
                Some(operator) => binary("left", operator, "right"),
                None => Self::Open(text()),
            },
            "assignment_expression" => binary("left", " = ", "right"),
            "type_cast_expression" => binary("value", " as ", "type"),
            "range_expression" => Self::Binary(text(), "", String::new()),
            "reference_expression"
            | "if_expression"
            | "closure_expression"
            | "match_expression"
            | "let_condition"
            | "let_chain" => Self::Open(text()),
            _ => Self::Closed(text()),
        }
    }

    /// Negates a condition; a comparison turns into its opposite.
    pub(super) fn negated(self) -> Self {
        let opposite = |operator: &str| {
            Some(match operator {
                " == " => " != ",
                " != " => " == ",
                " < " => " >= ",
                " >= " => " < ",
                " > " => " <= ",
                " <= " => " > ",
                _ => return None,
            })
        };
        match self {
            Self::Unary("!", inner) => *inner,
            Self::Binary(left, operator, right) if let Some(opposite) = opposite(operator) => {
                Self::Binary(left, opposite, right)
            }
            other => Self::Open(format!("!{}", other.into_operand())),
        }
    }

    /// `self & other`.
    pub(super) fn and_bits(self, other: Self) -> Self {
        let side = |side: Self| match side {
            // All that binds less tightly than `&`, and the same operator on either side needs none.
            Self::Binary(_, " & ", _) => side.to_string(),
            Self::Binary(_, operator, _) if binds_tighter_than_and(operator) => side.to_string(),
            Self::Binary(..) => format!("({side})"),
            _ => side.to_string(),
        };
        Self::Binary(side(self), " & ", side(other))
    }

    /// In parentheses if it could need them.
    pub(super) fn in_parens(self) -> Self {
        match self {
            Self::Closed(_) => self,
            Self::Open(text) if is_parenthesised(&text) => Self::Open(text),
            Self::Open(text) => Self::Closed(format!("({text})")),
            Self::Binary(..) | Self::Unary(..) => Self::Closed(format!("({self})")),
        }
    }

    fn into_operand(self) -> Self {
        let is_unary = match &self {
            Self::Unary(..) => true,
            Self::Binary(..) => false,
            Self::Closed(text) | Self::Open(text) => text.starts_with(['*', '!', '-', '&']),
        };
        if is_unary { self } else { self.in_parens() }
    }
}

fn spaced(operators: &[&'static str], operator: &str) -> Option<&'static str> {
    operators.iter().find(|known| known.trim() == operator).copied()
}

fn binds_tighter_than_and(operator: &str) -> bool {
    matches!(operator.trim(), "+" | "-" | "*" | "/" | "%" | "<<" | ">>" | "as")
}

impl fmt::Display for Replacement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(text) | Self::Open(text) => formatter.write_str(text),
            Self::Binary(left, operator, right) => write!(formatter, "{left}{operator}{right}"),
            Self::Unary(operator, inner) => write!(formatter, "{operator}{}", inner.clone().into_operand()),
        }
    }
}

/// Whether the first parenthesis of the text closes at its end.
fn is_parenthesised(text: &str) -> bool {
    let mut depth = 0_usize;
    if !text.starts_with('(') {
        return false;
    }
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1 == text.len();
        }
    }
    false
}
