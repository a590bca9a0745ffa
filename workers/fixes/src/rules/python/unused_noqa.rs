//! `RUF100`: `# noqa` that suppresses nothing.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::line_breaks::{full_line_end, is_blank, line_end, line_start};
use super::noqa::{Directive, Directives};
use super::ruff_codes::{current, is_known};
use super::syntax::utf8;

rule_type! {
    /// ## What it does
    /// Finds `# noqa` comments that suppress nothing (ruff's `unused-noqa`).
    ///
    /// On its own the rule takes every other rule for switched off, as `ruff --select RUF100` does: all codes
    /// that ruff knows are reported. Together with other rules it judges the codes of those rules only, since
    /// another linter may need the rest, and leaves comments without codes alone.
    ///
    /// ## Why is this bad?
    /// Such a comment says that something is wrong where nothing is, and will hide it should it come back.
    ///
    /// ## Example
    /// ```python
    /// import os  # noqa: F401
    ///
    /// print(os.sep)
    /// ```
    /// Use instead:
    /// ```python
    /// import os
    ///
    /// print(os.sep)
    /// ```
    ///
    /// ## Fix safety
    /// Safe for the code. The fix deletes a comment, or the codes in it that suppress nothing, and the words
    /// behind it, which ruff takes for its explanation.
    pub struct UnusedNoqa;
}

/// The rule's id.
pub(super) const ID: &str = "RUF100";

static META: Meta = Meta {
    id: ID,
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `# noqa` comments that suppress nothing.",
    docs: UnusedNoqa::MANUAL,
};

impl Rule for UnusedNoqa {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module"]
    }

    /// Finds nothing by itself: what a comment suppresses is known when all rules have run. See
    /// [`noqa::apply`](super::noqa::apply).
    fn check<'t>(&self, _file: &ParsedFile<'t>, _node: Node<'t>, _out: &mut Vec<Finding>) {}
}

/// Reports the directives that suppress nothing. `rules` are those of the run, and `found` says of each finding
/// which rule it is from, suppressed or not.
pub(super) fn check(
    file: &ParsedFile<'_>,
    directives: &Directives<'_>,
    rules: &[&'static str],
    found: &[&'static str],
    out: &mut Vec<Finding>,
) {
    if directives.exempt_file_from(ID) {
        return;
    }
    let is_alone = rules.iter().all(|rule| *rule == ID);
    let found: HashSet<&'static str> = found.iter().copied().collect();
    let of_lines = directives.lines.iter().map(|line| (&line.directive, Some(&line.suppressed)));
    let of_files = directives.files.iter().map(|directive| (directive, None));
    for (directive, suppressed) in of_lines.chain(of_files) {
        let Some(codes) = &directive.codes else {
            if is_alone {
                let fix = Fix::safe(vec![delete_comment(file, &directive.range)]);
                let message = "Unused blanket `noqa` directive";
                out.push(Finding::new(&META, directive.range.clone(), message).with_fix(fix));
            }
            continue;
        };
        let is_used = |code: &str| suppressed.unwrap_or(&found).contains(code);
        let judged = Judged::of(codes, is_used, |code| rules.contains(&code), is_alone);
        out.extend(judged.and_then(|judged| judged.finding(file, directive, suppressed.is_none())));
    }
}

/// The codes of a directive, by what is to be said of them.
#[derive(Default)]
struct Judged<'c> {
    valid: Vec<&'c str>,
    unmatched: Vec<&'c str>,
    disabled: Vec<&'c str>,
    duplicated: Vec<&'c str>,
}

impl<'c> Judged<'c> {
    /// `None` for a directive that suppresses this very rule.
    fn of(
        codes: &[&'c str],
        is_used: impl Fn(&str) -> bool,
        runs: impl Fn(&str) -> bool,
        is_alone: bool,
    ) -> Option<Self> {
        let mut judged = Self::default();
        let mut seen = HashSet::new();
        for &written in codes {
            let code = current(written);
            let list = if !seen.insert(written) {
                &mut judged.duplicated
            } else if code == ID {
                return None;
            } else if is_used(code) {
                &mut judged.valid
            } else if runs(code) {
                &mut judged.unmatched
            } else if !is_alone {
                &mut judged.valid
            } else if is_known(code) {
                &mut judged.disabled
            } else {
                continue;
            };
            list.push(written);
        }
        Some(judged)
    }

    fn finding(
        &self,
        file: &ParsedFile<'_>,
        directive: &Directive<'_>,
        is_for_file: bool,
    ) -> Option<Finding> {
        let reasons =
            [("unused", &self.unmatched), ("non-enabled", &self.disabled), ("duplicated", &self.duplicated)];
        let said: Vec<String> = reasons
            .into_iter()
            .filter(|(_, codes)| !codes.is_empty())
            .map(|(reason, codes)| {
                let quoted: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
                format!("{reason}: {}", quoted.join(", "))
            })
            .collect();
        if said.is_empty() {
            return None;
        }
        let edit = if self.valid.is_empty() {
            delete_comment(file, &directive.range)
        } else {
            let text = utf8(file, directive.range.clone())?;
            let opening = match (is_for_file, text.contains("flake8")) {
                (false, _) => "# noqa: ",
                (true, true) => "# flake8: noqa: ",
                (true, false) => "# ruff: noqa: ",
            };
            Edit::replace(directive.range.clone(), format!("{opening}{}", self.valid.join(", ")))
        };
        let message = format!("Unused `noqa` directive ({})", said.join("; "));
        Some(Finding::new(&META, directive.range.clone(), message).with_fix(Fix::safe(vec![edit])))
    }
}

/// Deletes a directive: with its line if there is nothing else, alone if another comment follows, else with
/// all that follows.
fn delete_comment(file: &ParsedFile<'_>, range: &Range<usize>) -> Edit {
    let bytes = file.bytes;
    let (start, end) = (line_start(bytes, range.start), line_end(bytes, range.start));
    let is_blank = |byte: &&u8| is_blank(**byte);
    let blank_before = bytes[start..range.start].iter().rev().take_while(is_blank).count();
    let blank_behind = bytes[range.end..end].iter().take_while(is_blank).count();
    let (from, to) = (range.start - blank_before, range.end + blank_behind);
    if from == start && to == end {
        Edit::delete(start..full_line_end(bytes, end))
    } else if to < end && bytes[to] == b'#' {
        Edit::delete(range.start..to)
    } else {
        Edit::delete(from..end)
    }
}
