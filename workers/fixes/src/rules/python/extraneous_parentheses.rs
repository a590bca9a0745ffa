//! `UP034`: `print((x))`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::leaf_tokens::tokens_within;

rule_type! {
    /// ## What it does
    /// Finds parentheses right within parentheses, such as those around the only argument of a call
    /// (ruff's `extraneous-parentheses`).
    ///
    /// ## Why is this bad?
    /// They change nothing and look as if they did: as if the argument were a tuple.
    ///
    /// ## Example
    /// ```python
    /// print(("done"))
    /// ```
    /// Use instead:
    /// ```python
    /// print("done")
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Tuples and `yield` keep their parentheses.
    pub struct ExtraneousParentheses;
}

static META: Meta = Meta {
    id: "UP034",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds parentheses right within parentheses.",
    docs: ExtraneousParentheses::MANUAL,
};

impl Rule for ExtraneousParentheses {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if !file.bytes.contains(&b'(') {
            return;
        }
        let tokens = tokens_within(node);
        let mut tokens = tokens.iter();
        while let Some(token) = tokens.next() {
            if token.kind() == "("
                && let Some(range) = extraneous(&mut tokens)
            {
                let (open, close) = (range.start..range.start + 1, range.end - 1..range.end);
                let fix = Fix::safe(vec![Edit::delete(open), Edit::delete(close)]);
                out.push(Finding::new(&META, range, "Avoid extraneous parentheses").with_fix(fix));
            }
        }
    }
}

/// The parentheses that start behind one just read, if another one closes right behind them.
///
/// What is read is not looked at again: as in ruff, parentheses within others are found in a later pass.
fn extraneous(tokens: &mut std::slice::Iter<'_, Node<'_>>) -> Option<Range<usize>> {
    let open = tokens.next().filter(|token| token.kind() == "(")?;
    let mut depth = 1_usize;
    let mut is_empty = true;
    let close = loop {
        let token = tokens.next()?;
        match token.kind() {
            "," | "yield" if depth == 1 => return None,
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break token;
        }
        is_empty = false;
    };
    // ruff reads the token behind even if it has no use for it, and `()` ends the look before that.
    let is_closed = !is_empty && tokens.next()?.kind() == ")";
    is_closed.then_some(open.start_byte()..close.end_byte())
}
