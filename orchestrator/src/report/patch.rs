//! Patches: one per rule, each applying to the base commit on its own, and the series of all rules, one commit per
//! step, which leads to the fully mended tree.
//!
//! A fix stays out, and is counted by the check that refused it, where its digests do not fit the base blob
//! (`digest`) or its patch does not apply (`applies`); for the series these are `series_digest`, `series_applies`
//! and `series_order`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemas::digest::Digest;
use schemas::job::Pipeline;
use schemas::report::CertificateReport;
use schemas::result::{Mend, apply_edits};

use super::JobInput;
use super::diff::{self, FileDiff};
use super::mail::Mail;
use super::message::CommitText;
use super::repo::FileMends;
use super::verify::{Applied, Mirror};

/// What was made for one repo.
#[derive(Default)]
pub(super) struct Made {
    /// By rule, the series last.
    pub(super) patches: Vec<PatchFile>,
    /// The proof of every fix in the patches: by path, rules alone first.
    pub(super) certificates: Vec<CertificateReport>,
    /// Findings mended by the patches of rules, by rule.
    pub(super) fixed: BTreeMap<String, u64>,
    /// Fixes that were left out, by check.
    pub(super) dropped: BTreeMap<String, u64>,
}

/// One finished patch.
pub(super) struct PatchFile {
    /// `<rule>.patch` or `all.mbox`.
    pub(super) name: String,
    /// The rule's id, or `all`.
    pub(super) rule: String,
    pub(super) n_files: u64,
    pub(super) n_fixes: u64,
    pub(super) bytes: Vec<u8>,
}

/// The changes of one commit to be.
#[derive(Default)]
struct Step {
    rule: String,
    changes: Vec<Change>,
}

impl Step {
    fn diffs(&self) -> Vec<&FileDiff> {
        self.changes.iter().map(|change| &change.diff).collect()
    }

    fn n_fixes(&self) -> u64 {
        self.changes.iter().map(|change| change.n_fixes).sum()
    }
}

/// One mend of one file, checked against the text before.
struct Change {
    diff: FileDiff,
    n_fixes: u64,
    certificate: CertificateReport,
}

/// What a mend that fits its text changes, if anything, and the text after it.
type Checked = (Option<Change>, Vec<u8>);

/// Makes the patches of one repo.
///
/// # Errors
/// If the mirror cannot be opened or lacks the commit.
pub(super) fn make(
    job: &JobInput<'_>,
    mirror: &Path,
    commit: &str,
    files: Vec<FileMends>,
) -> Result<Made, git2::Error> {
    let mirror = Mirror::open(mirror, commit)?;
    let desk = Desk { job, mirror: &mirror, commit, date: commit_date(&mirror.commit()?) };
    let order = rule_order(&files);
    let mut made = Made::default();
    let (mut alone, mut series) = (BTreeMap::new(), BTreeMap::new());
    for file in files {
        desk.take_file(file, order.as_ref(), &mut alone, &mut series, &mut made)?;
    }
    for step in alone.into_values() {
        desk.finish_alone(step, &mut made)?;
    }
    desk.finish_series(series.into_values().collect(), &mut made)?;
    made.certificates.sort_by(|left, right| (&left.path, left.series).cmp(&(&right.path, right.series)));
    Ok(made)
}

/// Rules by the round and the rank in which the engine runs them.
type Series = BTreeMap<(u32, usize), Step>;

/// What all patches of a repo have in common.
struct Desk<'a> {
    job: &'a JobInput<'a>,
    mirror: &'a Mirror,
    commit: &'a str,
    date: String,
}

impl Desk<'_> {
    /// Sorts the mends of one file into the patches of their rules and the steps of the series.
    fn take_file(
        &self,
        file: FileMends,
        order: Option<&BTreeMap<String, usize>>,
        alone: &mut BTreeMap<String, Step>,
        series: &mut Series,
        made: &mut Made,
    ) -> Result<(), git2::Error> {
        // A blob that is not there fits no certificate: its fixes are counted there.
        let base = self.mirror.blob(&file.oid).unwrap_or_default();
        for mend in &file.alone {
            match change(&file, &base, mend, false)? {
                Some((change, _)) => {
                    step_of(alone.entry(mend.rule.clone()).or_default(), mend).changes.extend(change)
                }
                None => drop_fixes(made, "digest", mend),
            }
        }
        let Some(order) = order else {
            file.series.iter().for_each(|mend| drop_fixes(made, "series_order", mend));
            return Ok(());
        };
        let mut text = base;
        for (at, mend) in file.series.iter().enumerate() {
            let Some((change, after)) = change(&file, &text, mend, true)? else {
                // What follows stands on this step.
                file.series[at..].iter().for_each(|mend| drop_fixes(made, "series_digest", mend));
                break;
            };
            let rank = order[&mend.rule];
            step_of(series.entry((mend.round, rank)).or_default(), mend).changes.extend(change);
            text = after;
        }
        Ok(())
    }

    /// Emits the patch of a rule, without the files where it does not apply.
    fn finish_alone(&self, mut step: Step, made: &mut Made) -> Result<(), git2::Error> {
        let base = self.mirror.base_tree()?;
        if self.mirror.apply(&base, &step.diffs()).is_none() {
            let n_before = step.n_fixes();
            step.changes.retain(|change| self.mirror.apply(&base, &[&change.diff]).is_some());
            *made.dropped.entry("applies".to_owned()).or_default() += n_before - step.n_fixes();
        }
        if step.changes.is_empty() {
            return Ok(());
        }
        *made.fixed.entry(step.rule.clone()).or_default() += step.n_fixes();
        made.patches.push(PatchFile {
            name: format!("{}.patch", step.rule),
            n_files: step.changes.len() as u64,
            n_fixes: step.n_fixes(),
            bytes: self.mail(&step, None),
            rule: step.rule,
        });
        made.certificates.extend(step.changes.into_iter().map(|change| change.certificate));
        Ok(())
    }

    /// Emits the series as a whole or not at all: each commit stands on the one before.
    fn finish_series(&self, mut steps: Vec<Step>, made: &mut Made) -> Result<(), git2::Error> {
        steps.retain(|step| !step.changes.is_empty());
        if steps.is_empty() {
            return Ok(());
        }
        let n_fixes = steps.iter().map(Step::n_fixes).sum();
        let mut tree = self.mirror.base_tree()?;
        let mut bytes = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let applied = self.mirror.apply(&tree, &step.diffs());
            let Some(after) = applied.and_then(Applied::into_tree) else {
                *made.dropped.entry("series_applies".to_owned()).or_default() += n_fixes;
                return Ok(());
            };
            tree = after;
            bytes.extend(self.mail(step, Some((at + 1, steps.len()))));
        }
        let paths: BTreeSet<_> =
            steps.iter().flat_map(|step| step.changes.iter().map(|change| &change.diff.path)).collect();
        made.patches.push(PatchFile {
            name: "all.mbox".to_owned(),
            rule: "all".to_owned(),
            n_files: paths.len() as u64,
            n_fixes,
            bytes,
        });
        made.certificates
            .extend(steps.into_iter().flat_map(|step| step.changes).map(|change| change.certificate));
        Ok(())
    }

    fn mail(&self, step: &Step, position: Option<(usize, usize)>) -> Vec<u8> {
        let text = CommitText {
            rule: &step.rule,
            info: self.job.rule(&step.rule),
            fix: self.job.spec.fix,
            position,
            n_fixes: step.n_fixes(),
            n_files: step.changes.len(),
            base: self.commit,
            engine: Pipeline::ENGINE,
        };
        let diffs = step.diffs();
        let diff: Vec<u8> = diffs.iter().flat_map(|file| file.text.iter().copied()).collect();
        let mail = Mail {
            commit: self.commit,
            date: &self.date,
            subject: &text.subject(),
            body: &text.body(),
            stat: &diff::stat(&diffs),
            diff: &diff,
            signature: Pipeline::ENGINE,
        };
        mail.to_bytes()
    }
}

/// Names a new step after its rule.
fn step_of<'a>(step: &'a mut Step, mend: &Mend) -> &'a mut Step {
    if step.rule.is_empty() {
        step.rule.clone_from(&mend.rule);
    }
    step
}

fn drop_fixes(made: &mut Made, check: &str, mend: &Mend) {
    *made.dropped.entry(check.to_owned()).or_default() += u64::from(mend.n_fixes);
}

/// Applies a mend to the text before it, and gives the text after it. `None` if text and certificate do not fit
/// each other; no change where the edits undo each other.
fn change(
    file: &FileMends,
    before: &[u8],
    mend: &Mend,
    series: bool,
) -> Result<Option<Checked>, git2::Error> {
    if Digest::of(before) != mend.certificate.before {
        return Ok(None);
    }
    let Ok(after) = apply_edits(before, &mend.edits) else { return Ok(None) };
    if Digest::of(&after) != mend.certificate.after {
        return Ok(None);
    }
    let diff = diff::of_texts(&file.path, file.mode, before, &after)?;
    let mut certificate = mend.certificate.clone();
    // Only patches that pass these are emitted, and certificates only with their patches.
    certificate.checks.extend(["digest".to_owned(), "applies".to_owned()]);
    let certificate = CertificateReport {
        path: file.path.clone(),
        blob: file.oid.clone(),
        rule: mend.rule.clone(),
        series,
        round: mend.round,
        edits: mend.edits.clone(),
        certificate,
    };
    let n_fixes = u64::from(mend.n_fixes);
    Ok(Some((diff.map(|diff| Change { diff, n_fixes, certificate }), after)))
}

/// The one order in which the engine runs its rules, as the rank of each, read off the steps of all files: a rule
/// stands behind another if some file has them so in one round. Rules that no file orders go by id. `None` if two
/// files disagree, which would be a bug of the engine.
fn rule_order(files: &[FileMends]) -> Option<BTreeMap<String, usize>> {
    let mut before: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        for mend in &file.series {
            before.entry(&mend.rule).or_default();
        }
        for pair in file.series.windows(2).filter(|pair| pair[0].round == pair[1].round) {
            before.entry(&pair[1].rule).or_default().insert(&pair[0].rule);
        }
        if file.series.windows(2).any(|pair| pair[0].round > pair[1].round) {
            return None;
        }
    }
    let mut order = BTreeMap::new();
    while !before.is_empty() {
        let next = before.iter().find(|(_, earlier)| earlier.is_empty()).map(|(&rule, _)| rule)?;
        before.remove(next);
        for earlier in before.values_mut() {
            earlier.remove(next);
        }
        order.insert(next.to_owned(), order.len());
    }
    Some(order)
}

/// The committer's date as mail writes it; the start of 1970 where git has a date that no calendar knows.
fn commit_date(commit: &git2::Commit<'_>) -> String {
    let when = commit.committer().when();
    let offset = chrono::FixedOffset::east_opt(when.offset_minutes().saturating_mul(60));
    chrono::DateTime::from_timestamp(when.seconds(), 0)
        .filter(|date| (0..=9998).contains(&chrono::Datelike::year(date)))
        .unwrap_or_default()
        .with_timezone(&offset.unwrap_or(chrono::FixedOffset::east_opt(0).expect("UTC is in range")))
        .to_rfc2822()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::result::Certificate;

    fn file(steps: &[(u32, &str)]) -> FileMends {
        let digest = Digest::of(b"");
        let mend = |&(round, rule): &(u32, &str)| Mend {
            rule: rule.to_owned(),
            round,
            n_fixes: 1,
            edits: Vec::new(),
            certificate: Certificate {
                engine: String::new(),
                before: digest,
                after: digest,
                checks: Vec::new(),
            },
        };
        FileMends {
            path: "a".into(),
            mode: 0o100_644,
            oid: String::new(),
            alone: Vec::new(),
            series: steps.iter().map(mend).collect(),
        }
    }

    fn order(files: &[FileMends]) -> Option<Vec<String>> {
        let mut rules: Vec<(usize, String)> =
            rule_order(files)?.into_iter().map(|(rule, rank)| (rank, rule)).collect();
        rules.sort();
        Some(rules.into_iter().map(|(_, rule)| rule).collect())
    }

    #[test]
    fn the_order_of_rules_is_merged_from_files_that_each_know_a_part_of_it() {
        let files = [file(&[(1, "z"), (1, "m"), (2, "z")]), file(&[(1, "m"), (1, "a")]), file(&[(1, "b")])];
        assert_eq!(order(&files).unwrap(), ["b", "z", "m", "a"]);
    }

    #[test]
    fn files_that_disagree_on_the_order_have_none() {
        assert_eq!(order(&[file(&[(1, "a"), (1, "b")]), file(&[(1, "b"), (1, "a")])]), None);
        assert_eq!(order(&[file(&[(1, "a"), (1, "a")])]), None);
        assert_eq!(order(&[file(&[(2, "a"), (1, "a")])]), None);
    }
}
