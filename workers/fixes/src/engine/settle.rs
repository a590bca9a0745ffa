//! One rule until it settles: pass after pass, each pass checked, fixes that fail a check left out.

use super::analysis::{Analysis, Setup};
use super::change::Change;
use super::checks::{check_change, check_edits, check_silent};
use super::edits::{LineEnd, apply, select};
use crate::certificate::Check;
use crate::rule::{Edit, Finding, Rule};

/// A rule that still finds something to fix after this many passes does not settle.
const MAX_PASSES: usize = 10;
/// How many subsets one pass tries when not all its fixes pass together; what is not settled then is dropped.
/// It bounds the work on a file where a rule fails hundreds of times.
const MAX_TRIALS: usize = 64;

/// What one rule, run alone, makes of a text.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The last text; `None` if the rule changes nothing.
    pub(crate) after: Option<Analysis>,
    /// Edits of the first text; empty if the rule changes nothing.
    pub(crate) edits: Vec<Edit>,
    /// Fixes that failed a check, by the start of their findings in the first text where that is known.
    pub(crate) dropped: Vec<(Option<usize>, Check)>,
}

impl Settled {
    fn unchanged(dropped: Vec<(Option<usize>, Check)>) -> Self {
        Self { after: None, edits: Vec::new(), dropped }
    }
}

/// The edits of selected fixes, in order, with the line ends of the text.
pub(crate) fn edits_of(bytes: &[u8], selected: &[&Finding]) -> Vec<Edit> {
    let line_end = LineEnd::of(bytes);
    let fixes = selected.iter().filter_map(|finding| finding.fix.as_ref());
    fixes.flat_map(|fix| line_end.edits_of(fix)).collect()
}

/// Applies the fixes of `rule` to `base` until none is left that passes the checks.
pub(crate) fn settle(setup: &Setup<'_>, rule: &dyn Rule, base: &Analysis) -> Settled {
    let mut change = Change::none(base.bytes.len());
    let mut current: Option<Analysis> = None;
    for _ in 0..MAX_PASSES {
        let text = current.as_ref().unwrap_or(base);
        let pass = one_pass(setup, rule, text);
        let Some((edits, next)) = pass.applied else {
            let dropped =
                pass.dropped.into_iter().map(|(start, check)| (change.origin_of(start), check)).collect();
            return finish(setup, rule, base, current, &change, dropped);
        };
        change.stack(&edits);
        current = Some(next);
    }
    let n_fixes = base.findings_of(rule.meta().id).filter(|finding| setup.allows(finding));
    Settled::unchanged(n_fixes.map(|finding| (Some(finding.range.start), Check::Idempotent)).collect())
}

/// The checks of the whole change, as whoever replays the certificate will make them.
fn finish(
    setup: &Setup<'_>,
    rule: &dyn Rule,
    base: &Analysis,
    after: Option<Analysis>,
    change: &Change,
    dropped: Vec<(Option<usize>, Check)>,
) -> Settled {
    let Some(after) = after else { return Settled::unchanged(dropped) };
    let checked = change.edits(&base.bytes).ok_or(Check::Encoding).and_then(|edits| {
        check_whole(setup, rule, base, &after, &edits)?;
        Ok(edits)
    });
    match checked {
        Ok(edits) if edits.is_empty() => Settled::unchanged(dropped),
        Ok(edits) => Settled { after: Some(after), edits, dropped },
        Err(check) => {
            let fixable = base.findings_of(rule.meta().id).filter(|finding| setup.allows(finding));
            Settled::unchanged(fixable.map(|finding| (Some(finding.range.start), check)).collect())
        }
    }
}

/// All checks but `idempotent` of a settled rule's edits.
pub(crate) fn check_whole(
    setup: &Setup<'_>,
    rule: &dyn Rule,
    base: &Analysis,
    after: &Analysis,
    edits: &[Edit],
) -> Result<(), Check> {
    check_edits(&base.bytes, edits)?;
    if apply(&base.bytes, edits) != after.bytes {
        return Err(Check::ClaimedBytes);
    }
    let change = Change::of(base.bytes.len(), edits);
    check_change(setup, rule, base, after, &change)?;
    check_silent(setup, rule.meta().id, base, after, &change)
}

/// Whether `rule` finds nothing more to do.
pub(crate) fn is_settled(setup: &Setup<'_>, rule: &dyn Rule, text: &Analysis) -> bool {
    one_pass(setup, rule, text).applied.is_none()
}

struct Pass {
    /// The edits that passed and the text with them; `None` if there are none.
    applied: Option<(Vec<Edit>, Analysis)>,
    /// Starts of findings whose fixes failed.
    dropped: Vec<(usize, Check)>,
}

/// Applies as many fixes of `rule` as one pass takes and the checks let through.
fn one_pass(setup: &Setup<'_>, rule: &dyn Rule, text: &Analysis) -> Pass {
    let mut candidates: Vec<Finding> =
        text.findings_of(rule.meta().id).filter(|finding| setup.allows(finding)).cloned().collect();
    let mut dropped = Vec::new();
    let Some(max) = setup.max else { return Pass { applied: None, dropped } };
    while !candidates.is_empty() && !setup.clock.is_in_vain() {
        let selected = select(&candidates, max);
        let mut failed = Vec::new();
        let passed = passing(setup, rule, text, &selected, &mut failed);
        if passed.applied.is_some() {
            dropped.extend(failed);
            return Pass { applied: passed.applied, dropped };
        }
        // A fix that failed must not keep the ones it overlaps from being tried.
        let gone: Vec<Finding> = selected.into_iter().cloned().collect();
        candidates.retain(|finding| !gone.contains(finding));
        dropped.extend(failed);
    }
    Pass { applied: None, dropped }
}

/// The fixes of `selected` that pass together: all, or what is left after halving the set until the ones that
/// fail stand alone.
fn passing(
    setup: &Setup<'_>,
    rule: &dyn Rule,
    text: &Analysis,
    selected: &[&Finding],
    failed: &mut Vec<(usize, Check)>,
) -> Pass {
    let check = match try_fixes(setup, rule, text, selected) {
        Ok(applied) => return Pass { applied: Some(applied), dropped: Vec::new() },
        Err(check) => check,
    };
    let mut good: Vec<&Finding> = Vec::new();
    let mut open = vec![(selected.to_vec(), check)];
    let mut n_trials = 0;
    while let Some((set, check)) = open.pop() {
        if set.len() == 1 || n_trials >= MAX_TRIALS || setup.clock.is_in_vain() {
            failed.extend(set.iter().map(|finding| (finding.range.start, check)));
            continue;
        }
        n_trials += 2;
        let (left, right) = set.split_at(set.len() / 2);
        for half in [right, left] {
            match try_fixes(setup, rule, text, half) {
                Ok(_) => good.extend(half),
                Err(check) => open.push((half.to_vec(), check)),
            }
        }
    }
    good.sort_by_key(|finding| (finding.range.start, finding.range.end));
    let good = select_again(&good, selected);
    if good.is_empty() {
        return Pass { applied: None, dropped: Vec::new() };
    }
    match try_fixes(setup, rule, text, &good) {
        Ok(applied) => Pass { applied: Some(applied), dropped: Vec::new() },
        // Each half passes and the whole does not: take none of them rather than search all subsets.
        Err(check) => {
            failed.extend(good.iter().map(|finding| (finding.range.start, check)));
            Pass { applied: None, dropped: Vec::new() }
        }
    }
}

/// The good ones in the order of the selection, which is the order of their edits.
fn select_again<'f>(good: &[&'f Finding], selected: &[&'f Finding]) -> Vec<&'f Finding> {
    selected.iter().filter(|one| good.iter().any(|other| std::ptr::eq(*other, **one))).copied().collect()
}

fn try_fixes(
    setup: &Setup<'_>,
    rule: &dyn Rule,
    text: &Analysis,
    fixes: &[&Finding],
) -> Result<(Vec<Edit>, Analysis), Check> {
    if setup.clock.is_in_vain() {
        return Err(Check::Idempotent);
    }
    let edits = edits_of(&text.bytes, fixes);
    check_edits(&text.bytes, &edits)?;
    let next = apply(&text.bytes, &edits);
    if next == text.bytes {
        return Err(Check::Idempotent);
    }
    let next = setup.analyse(next);
    // A rule that fails on its own work proves nothing by its silence.
    if next.failures.iter().any(|(failed, _)| *failed == rule.meta().id) || setup.clock.was_up() {
        return Err(Check::Idempotent);
    }
    check_change(setup, rule, text, &next, &Change::of(text.bytes.len(), &edits))?;
    Ok((edits, next))
}
