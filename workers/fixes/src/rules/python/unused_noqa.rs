//! `RUF100`: `# noqa` that suppresses nothing.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Ran, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;
use crate::suppressions::noqa::Directive;

use super::lines::{is_blank, line_end, line_start, next_line};
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

static META: Meta = Meta {
    id: "RUF100",
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

    fn edits_comments(&self) -> bool {
        true
    }

    /// Finds nothing by itself: what a comment suppresses is known when all rules have run.
    fn check<'t>(&self, _file: &ParsedFile<'t>, _node: Node<'t>, _out: &mut Vec<Finding>) {}

    fn check_suppressions(&self, file: &ParsedFile<'_>, ran: &Ran, out: &mut Vec<Finding>) {
        let noqa = file.suppressions().noqa().filter(|noqa| !noqa.exempt_file_from(META.id));
        let Some(noqa) = noqa.filter(|_| !file.tree.root_node().has_error()) else { return };
        let is_alone = ran.enabled.iter().all(|rule| *rule == META.id);
        for line in &noqa.lines {
            out.extend(finding(file, &line.directive, ran, is_alone, false, |code| {
                line.has_suppressed(code)
            }));
        }
        for directive in &noqa.files {
            out.extend(finding(file, directive, ran, is_alone, true, |code| noqa.file_has_suppressed(code)));
        }
    }
}

/// What is to be said of one directive.
fn finding(
    file: &ParsedFile<'_>,
    directive: &Directive<'_>,
    ran: &Ran,
    is_alone: bool,
    is_for_file: bool,
    is_used: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let Some(codes) = &directive.codes else {
        let fix = Fix::safe(vec![delete_comment(file, &directive.range)]);
        let message = "Unused blanket `noqa` directive";
        return is_alone.then(|| Finding::new(&META, directive.range.clone(), message).with_fix(fix));
    };
    let judged = Judged::of(codes, is_used, |code| ran.heard.contains(&code), is_alone)?;
    judged.finding(file, directive, is_for_file)
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
            } else if code == META.id {
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
        Edit::delete(start..next_line(bytes, end))
    } else if to < end && bytes[to] == b'#' {
        Edit::delete(range.start..to)
    } else {
        Edit::delete(from..end)
    }
}
