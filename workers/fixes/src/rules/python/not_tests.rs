//! What `E713` and `E714` share: `not a in b` and `not a is b`.

use tree_sitter::Node;

use crate::rule::{Edit, Finding, Fix, Meta};
use crate::source::ParsedFile;

use super::comparison::Comparison;
use super::padding::{pad_end, pad_start};
use super::quoted_expressions::check_quoted_too;
use super::syntax::without_parentheses;

/// The node kinds that [`check_not`] takes.
pub(super) const KINDS: &[&str] = &["not_operator", "type"];

/// A comparison that reads better with `not` in its middle.
pub(super) struct NotTest {
    /// The rule that looks for it.
    pub(super) meta: &'static Meta,
    /// `in` or `is`.
    pub(super) operator: &'static str,
    /// What is found, in ruff's words.
    pub(super) message: &'static str,
    /// `not in` or `is not`.
    pub(super) negated: &'static str,
}

impl NotTest {
    /// Looks at `node` (of one of [`KINDS`]): at `not` before a single comparison.
    pub(super) fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        check_quoted_too(file, node, &["not_operator"], &["not"], out, |file, not, out| {
            out.extend(self.check_not(file, not));
        });
    }

    fn check_not(&self, file: &ParsedFile<'_>, not: Node<'_>) -> Option<Finding> {
        let operand = without_parentheses(not.child_by_field_name("argument")?);
        if operand.kind() != "comparison_operator" {
            return None;
        }
        let comparison = Comparison::of(operand)?;
        let [operator] = comparison.operators.as_slice() else { return None };
        if operator.kind() != self.operator {
            return None;
        }
        let fix = self.fix(file, not, &comparison);
        Some(Finding::new(self.meta, operand.byte_range(), self.message).with_fix(fix))
    }

    /// Keeps the operands as they are written, and replaces all that is between and around them.
    fn fix(&self, file: &ParsedFile<'_>, not: Node<'_>, comparison: &Comparison<'_>) -> Option<Fix> {
        let [left, right] = comparison.operands.as_slice() else { return None };
        let (start, end) = (not.start_byte(), not.end_byte());
        let edits = vec![
            Edit::replace(start..left.start_byte(), pad_start(file, start, String::new())),
            Edit::replace(left.end_byte()..right.start_byte(), format!(" {} ", self.negated)),
            Edit::replace(right.end_byte()..end, pad_end(file, end, String::new())),
        ];
        Some(Fix::safe(edits))
    }
}
