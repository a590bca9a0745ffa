//! `no-regex-spaces`: `/a  b/`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::member_access::{arguments, callee, is_name};
use super::regex_syntax::{Mode, Pattern};
use super::syntax::{string_value, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds several spaces in a row in regular expressions, in literals and in strings that are given to
    /// `RegExp`. Spaces in character classes are left alone.
    ///
    /// ## Why is this bad?
    /// It is hard to see how many spaces the expression wants.
    ///
    /// ## Example
    /// ```js
    /// const indented = /^    \S/;
    /// ```
    /// Use instead:
    /// ```js
    /// const indented = /^ {4}\S/;
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the expression matches the same. There is no fix in a string with escapes. One pass mends the
    /// first such place of an expression.
    pub struct NoRegexSpaces;
}

static META: Meta = Meta {
    id: "no-regex-spaces",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Disallows several spaces in a row in regular expressions.",
    docs: NoRegexSpaces::MANUAL,
};

impl Rule for NoRegexSpaces {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["regex", "call_expression", "new_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(match node.kind() {
            "regex" => check_literal(file, node),
            _ => check_call(file, node),
        });
    }
}

fn check_literal(file: &ParsedFile<'_>, node: Node<'_>) -> Option<Finding> {
    let text = std::str::from_utf8(file.bytes_of(node.byte_range())).ok()?;
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    let (spaces, n_spaces) = find_spaces(pattern, pattern, flags)?;
    Some(finding(node, n_spaces, Some(node.start_byte() + 1 + spaces.start)))
}

/// `RegExp("a  b")` and `new RegExp("a  b", "u")`
fn check_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let callee = callee(call).filter(|callee| is_name(file, *callee, "RegExp"))?;
    let mut arguments = arguments(call).map(without_parens);
    let pattern = arguments.next()?;
    let raw = std::str::from_utf8(file.bytes_of(pattern.byte_range())).ok()?;
    let value = string_value(file, pattern)?;
    let raw = raw.get(1..raw.len() - 1)?;
    let flags = match arguments.next() {
        Some(flags) => string_value(file, flags)?,
        None => "".into(),
    };
    let (spaces, n_spaces) = find_spaces(raw, &value, &flags)?;
    if !file.scopes()?.is_unshadowed_global(callee.start_byte()) {
        return None;
    }
    let start = (raw == value).then(|| pattern.start_byte() + 1 + spaces.start);
    Some(finding(call, n_spaces, start))
}

/// The first spaces in a row, outside of classes, and how many they are.
fn find_spaces(raw: &str, pattern: &str, flags: &str) -> Option<(Range<usize>, usize)> {
    if !raw.contains("  ") || !pattern.contains("  ") {
        return None;
    }
    let classes = Pattern::read(pattern, Mode::of(flags)?)?.classes;
    let is_outside = |spaces: &Range<usize>| {
        classes.iter().filter(|class| !class.is_calculation).all(|class| !class.range.contains(&spaces.start))
    };
    rows(pattern).find(is_outside).map(|spaces| (spaces.clone(), spaces.len()))
}

/// Rows of at least two spaces; one that is followed by a quantifier is left out of the row.
fn rows(pattern: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = pattern.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(|&byte| byte == b' ')?;
            let end = bytes[start..].iter().position(|&byte| byte != b' ').map_or(bytes.len(), |n| start + n);
            at = end;
            let is_quantified = matches!(bytes.get(end), Some(b'+' | b'*' | b'?' | b'{'));
            let row = start..end - usize::from(is_quantified);
            if row.len() >= 2 {
                return Some(row);
            }
        }
    })
}

/// `start` is where the spaces lie in the file, if they may be mended there.
fn finding(node: Node<'_>, n_spaces: usize, start: Option<usize>) -> Finding {
    let message = format!("Spaces are hard to count. Use {{{n_spaces}}}.");
    let fix = start.map(|start| {
        let spaces = start..start + n_spaces;
        Fix::safe(vec![Edit::replace(spaces.start + 1..spaces.end, format!("{{{n_spaces}}}"))])
            .claiming(spaces)
    });
    Finding::new(&META, node.byte_range(), message).with_fix(fix)
}
