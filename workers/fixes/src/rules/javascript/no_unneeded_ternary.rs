//! `no-unneeded-ternary`: `a ? true : false` and `a ? a : b`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::static_value::is_identifier;
use super::surroundings::copied;
use super::syntax::{Precedence, identifier_name, operator, precedence, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds conditional expressions that choose between `true` and `false`, and, if asked to, those that
    /// choose between their condition and a default.
    ///
    /// ## Why is this bad?
    /// The condition or its negation is the value already, and `||` gives a default in fewer words.
    ///
    /// ## Example
    /// ```js
    /// const isEmpty = count === 0 ? true : false;
    /// ```
    /// Use instead:
    /// ```js
    /// const isEmpty = count === 0;
    /// ```
    ///
    /// ## Options
    /// - `defaultAssignment` (`true`): with `false`, `a ? a : b` is found, too.
    ///
    /// ## Fix safety
    /// Safe: the value is the same. Unsafe where a comment would be lost. There is no fix where the condition
    /// does not matter but may have effects.
    pub struct NoUnneededTernary {
        bans_defaults: bool,
    }
}

static META: Meta = Meta {
    id: "no-unneeded-ternary",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows conditional expressions where their condition is the value already.",
    docs: NoUnneededTernary::MANUAL,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    default_assignment: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { default_assignment: true }
    }
}

impl NoUnneededTernary {
    /// Without options.
    pub const DEFAULT: Self = Self { bans_defaults: false };
}

impl Rule for NoUnneededTernary {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let options: Options = option(options, 0)?;
        Ok(Arc::new(Self { bans_defaults: !options.default_assignment }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["ternary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let field = |name| node.child_by_field_name(name);
        let (Some(condition), Some(yes), Some(no)) =
            (field("condition"), field("consequence"), field("alternative"))
        else {
            return;
        };
        let ternary = Ternary { file, node, condition, no };
        let (message, text, kept) = match (boolean(yes), boolean(no)) {
            (Some(yes), Some(no)) => (
                "Unnecessary use of boolean literals in conditional expression.",
                ternary.as_boolean(yes, no),
                vec![condition],
            ),
            _ if self.bans_defaults && ternary.repeats_condition(yes) => (
                "Unnecessary use of conditional expression for default assignment.",
                ternary.as_default(),
                vec![condition, no],
            ),
            _ => return,
        };
        let fix = text.map(|text| ternary.fix(text, &kept));
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

fn boolean(node: Node<'_>) -> Option<bool> {
    match without_parens(node).kind() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

struct Ternary<'f, 't> {
    file: &'f ParsedFile<'t>,
    node: Node<'t>,
    /// With the parentheses around it, as is the next.
    condition: Node<'t>,
    no: Node<'t>,
}

impl<'t> Ternary<'_, 't> {
    /// `a ? true : false` in other words.
    fn as_boolean(&self, yes: bool, no: bool) -> Option<String> {
        let test = without_parens(self.condition);
        match (yes, no) {
            _ if yes == no => is_identifier(test).then(|| yes.to_string()),
            (_, true) => self.inverted(test),
            _ if is_boolean(test) => self.text(self.condition).map(str::to_owned),
            _ => self.inverted(test).map(|text| format!("!{text}")),
        }
    }

    /// The condition's opposite.
    fn inverted(&self, test: Node<'t>) -> Option<String> {
        let opposite = match operator(test) {
            "==" => "!=",
            "!=" => "==",
            "===" => "!==",
            "!==" => "===",
            _ => "",
        };
        if test.kind() == "binary_expression" && !opposite.is_empty() {
            let operator = test.child_by_field_name("operator")?.byte_range();
            let left = copied(self.file, test.start_byte()..operator.start)?;
            let right = copied(self.file, operator.end..test.end_byte())?;
            return Some(format!("{left}{opposite}{right}"));
        }
        let text = self.text(self.condition)?;
        Some(if precedence(test) < Precedence::Unary { format!("!({text})") } else { format!("!{text}") })
    }

    /// Whether `yes` is the same name as the condition.
    fn repeats_condition(&self, yes: Node<'t>) -> bool {
        let (test, yes) = (without_parens(self.condition), without_parens(yes));
        is_identifier(test)
            && is_identifier(yes)
            && identifier_name(self.file, test) == identifier_name(self.file, yes)
    }

    /// `a ? a : b` as `a || b`.
    fn as_default(&self) -> Option<String> {
        let test = self.text(self.condition)?;
        let no = self.text(self.no)?;
        let is_loose = precedence(self.no) < Precedence::LogicalOr
            || (self.no.kind() == "binary_expression" && operator(self.no) == "??");
        let is_wrapped = self.no.kind() == "parenthesized_expression";
        Some(if is_loose && !is_wrapped { format!("{test} || ({no})") } else { format!("{test} || {no}") })
    }

    fn text(&self, node: Node<'t>) -> Option<&'t str> {
        copied(self.file, node.byte_range())
    }

    /// The fix to `text`, which holds the nodes `kept`.
    fn fix(&self, text: String, kept: &[Node<'t>]) -> Fix {
        let range = self.node.byte_range();
        let mut at = range.start;
        let mut loses_comment = false;
        for node in kept {
            loses_comment |= self.file.has_comment_in(at..node.start_byte());
            at = node.end_byte();
        }
        loses_comment |= self.file.has_comment_in(at..range.end);
        let applicability = if loses_comment { Applicability::Unsafe } else { Applicability::Safe };
        Fix::new(applicability, vec![Edit::replace(range, text)])
    }
}

/// Whether `node` is a boolean whatever its operands are.
fn is_boolean(node: Node<'_>) -> bool {
    match node.kind() {
        "binary_expression" => matches!(
            operator(node),
            "==" | "===" | "!=" | "!==" | ">" | ">=" | "<" | "<=" | "in" | "instanceof"
        ),
        "unary_expression" => operator(node) == "!",
        _ => false,
    }
}
