//! The checks that a change must pass before it is emitted, each a comparison of the text before and after.

use std::collections::HashSet;
use std::ops::Range;

use super::analysis::{Analysis, Setup};
use super::change::Change;
use super::edits::{apply, are_well_formed, select};
use crate::certificate::Check;
use crate::rule::{Edit, Finding, Rule};

/// The UTF-8 byte order mark.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Checks that need no parse: where the edits lie and what bytes they bring.
pub(crate) fn check_edits(before: &[u8], edits: &[Edit]) -> Result<(), Check> {
    if !are_well_formed(edits, before.len()) {
        return Err(Check::ClaimedBytes);
    }
    if before.starts_with(BOM) && edits.iter().any(|edit| edit.range.start < BOM.len()) {
        return Err(Check::Bom);
    }
    // Bytes that are not UTF-8 cannot be in an edit's text, so an edit over them would lose them.
    if edits.iter().any(|edit| std::str::from_utf8(&before[edit.range.clone()]).is_err()) {
        return Err(Check::Encoding);
    }
    let (had, has) = (LineEnds::of(before), LineEnds::of(&apply(before, edits)));
    let none_before = had == LineEnds::default();
    if !none_before && (has.lf && !had.lf || has.crlf && !had.crlf || has.cr && !had.cr) {
        return Err(Check::LineEnds);
    }
    Ok(())
}

/// Which line ends occur in a text.
#[derive(Default, PartialEq, Eq)]
struct LineEnds {
    lf: bool,
    crlf: bool,
    cr: bool,
}

impl LineEnds {
    fn of(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if at > 0 && bytes[at - 1] == b'\r' => found.crlf = true,
                b'\n' => found.lf = true,
                b'\r' if bytes.get(at + 1) != Some(&b'\n') => found.cr = true,
                _ => {}
            }
        }
        found
    }
}

/// Checks one change of one rule: form, and that no other rule newly fires. `after` is `before` with `change`.
pub(crate) fn check_change(
    setup: &Setup<'_>,
    rule: &dyn Rule,
    before: &Analysis,
    after: &Analysis,
    change: &Change,
) -> Result<(), Check> {
    check_form(before, after, rule.edits_comments().then_some(change))?;
    let uncovers = rule.hands_over_to();
    let new: Vec<&Finding> = new_findings(before, after, change)
        .into_iter()
        .filter(|finding| finding.rule != rule.meta().id && !uncovers.contains(&finding.rule))
        .collect();
    if new.is_empty() || can_be_mended(setup, after, &new) { Ok(()) } else { Err(Check::NoNewFindings) }
}

/// Checks that nothing but code changed. Where comments may be `edited`, those outside of the edits stay.
fn check_form(before: &Analysis, after: &Analysis, edited: Option<&Change>) -> Result<(), Check> {
    if after.n_errors > before.n_errors {
        return Err(Check::Parses);
    }
    let keeps_comments = match edited {
        Some(change) => keeps_other_comments(before, after, change),
        None => after.comment_texts().eq(before.comment_texts()),
    };
    if keeps_comments { Ok(()) } else { Err(Check::Comments) }
}

/// Whether the comments that `change` leaves alone are comments still, and no others came to be than at its edits.
fn keeps_other_comments(before: &Analysis, after: &Analysis, change: &Change) -> bool {
    let mut kept = before.comments.iter().filter_map(|comment| change.place_of(comment)).peekable();
    let places = change.mended_places();
    let is_edited = |comment: &Range<usize>| {
        places.iter().any(|place| place.start <= comment.end && comment.start <= place.end)
    };
    let are_known =
        after.comments.iter().all(|comment| kept.next_if_eq(comment).is_some() || is_edited(comment));
    are_known && kept.next().is_none()
}

/// Findings of `after` that are not findings of `before` where they come from. A finding comes from where its
/// first byte does, or its last: an edit at one end of a larger finding does not make that finding new. One in text
/// that replaces other text is not new if the other had one that says the same.
fn new_findings<'a>(before: &Analysis, after: &'a Analysis, change: &Change) -> Vec<&'a Finding> {
    let by_start: HashSet<_> =
        before.findings.iter().map(|old| (old.rule, old.range.start, old.message.as_str())).collect();
    let by_end: HashSet<_> =
        before.findings.iter().map(|old| (old.rule, old.range.end, old.message.as_str())).collect();
    let is_known = |finding: &&Finding| {
        let message = finding.message.as_str();
        let start = change.origin_of(finding.range.start);
        let last = finding.range.end.checked_sub(1).and_then(|last| change.origin_of(last));
        start.is_some_and(|start| by_start.contains(&(finding.rule, start, message)))
            || last.is_some_and(|last| by_end.contains(&(finding.rule, last + 1, message)))
    };
    let mut moved = HashSet::new();
    let mut has_moved = |finding: &Finding| {
        let Some(replaced) = change.replaced_at(finding.range.start) else { return false };
        let from = before.findings.partition_point(|old| old.range.start < replaced.start);
        let olds = before.findings.iter().enumerate().skip(from);
        let mut olds = olds.take_while(|(_, old)| old.range.start < replaced.end).filter(|(_, old)| {
            old.range.end <= replaced.end && old.rule == finding.rule && old.message == finding.message
        });
        olds.any(|(at, _)| moved.insert(at))
    };
    after.findings.iter().filter(|finding| !is_known(finding) && !has_moved(finding)).collect()
}

/// Whether the new findings' own fixes, applied to `after` at once, mend them and keep the form: then the series
/// will apply them, and the text does not stay worse than it was.
fn can_be_mended(setup: &Setup<'_>, after: &Analysis, new: &[&Finding]) -> bool {
    if !new.iter().all(|finding| setup.allows(finding)) {
        return false;
    }
    let Some(max) = setup.max else { return false };
    let findings: Vec<Finding> = new.iter().map(|finding| (*finding).clone()).collect();
    let selected = select(&findings, max);
    let edits: Vec<Edit> = super::settle::edits_of(&after.bytes, &selected);
    if selected.len() < findings.len() || check_edits(&after.bytes, &edits).is_err() {
        return false;
    }
    let mended = setup.analyse(apply(&after.bytes, &edits));
    let change = Change::of(after.bytes.len(), &edits);
    let edits_comments =
        |finding: &&Finding| setup.rule(finding.rule).is_some_and(|rule| rule.edits_comments());
    let edited = new.iter().all(edits_comments).then_some(&change);
    check_form(after, &mended, edited).is_ok()
        && new_findings(after, &mended, &change).is_empty()
        && mended.findings.len() + new.len() <= after.findings.len()
}

/// Checks of a rule that has settled: nothing of it is left where it mended.
pub(crate) fn check_silent(
    setup: &Setup<'_>,
    rule: &str,
    before: &Analysis,
    after: &Analysis,
    change: &Change,
) -> Result<(), Check> {
    let places = change.mended_places();
    let overlaps = |finding: &Finding| {
        let at = places.partition_point(|place| place.end <= finding.range.start);
        places.get(at).is_some_and(|place| place.start < finding.range.end)
    };
    let was_there = |finding: &Finding| {
        before.findings_of(rule).any(|old| {
            old.message == finding.message
                && setup.allows(old) == setup.allows(finding)
                && (change.origin_of(finding.range.start) == Some(old.range.start)
                    || finding.range.end.checked_sub(1).and_then(|last| change.origin_of(last))
                        == old.range.end.checked_sub(1))
        })
    };
    if after.findings_of(rule).any(|finding| overlaps(finding) && !was_there(finding)) {
        return Err(Check::Silent);
    }
    Ok(())
}
