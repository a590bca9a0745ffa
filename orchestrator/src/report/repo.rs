//! What became of one repo: the plan's ledger with final outcomes, findings in the order of the tree, sums, and the
//! mends that `patch` makes patches of.

use std::path::PathBuf;

use schemas::digest::Digest;
use schemas::ids::RepoSlug;
use schemas::job::RepoSpec;
use schemas::ledger::{LedgerEntry, LedgerSums, Outcome};
use schemas::path::RepoPath;
use schemas::report::{
    FailedFile, FileTensorsReport, FindingReport, RepoReport, RuleFailureReport, Totals, WindowedFile,
};
use schemas::result::{Finding, Mend, ScannedFile};
use schemas::rules::Level;

use super::{JobInput, RepoInput, ScannedRepo};

/// What the results of one repo say.
pub(super) struct RepoFacts {
    /// Complete but for its patches.
    pub(super) report: RepoReport,
    /// Every entry with its final outcome.
    pub(super) ledger: Vec<LedgerEntry>,
    /// By path.
    pub(super) tensors: Vec<FileTensorsReport>,
    /// Files with something to mend, by path.
    pub(super) mends: Vec<FileMends>,
    /// Where the base blobs are; `None` for a failed repo.
    pub(super) mirror: Option<PathBuf>,
    /// What its patches may touch at most.
    pub(super) ceilings: settings::Limits,
}

/// The mends of one file.
pub(super) struct FileMends {
    pub(super) path: RepoPath,
    /// As `git ls-tree` prints it.
    pub(super) mode: u32,
    /// The base blob, hex.
    pub(super) oid: String,
    pub(super) alone: Vec<Mend>,
    pub(super) series: Vec<Mend>,
}

/// Sums up the repo of that index.
pub(super) fn facts(job: &JobInput<'_>, index: usize, input: RepoInput) -> RepoFacts {
    let (spec, slug) = (&job.spec.repos[index], &job.slugs[index]);
    let mut facts = RepoFacts {
        report: empty_report(spec, slug),
        ledger: Vec::new(),
        tensors: Vec::new(),
        mends: Vec::new(),
        mirror: None,
        ceilings: settings::Limits::default(),
    };
    match input {
        RepoInput::Failed { reason, commit } => {
            facts.report.error = Some(without_local_path(&reason, spec, slug));
            facts.report.commit = commit;
            facts.report.totals.repos_failed = 1;
        }
        RepoInput::Scanned(scanned) => {
            facts.report.totals.repos = 1;
            facts.take(job, scanned);
            facts.settle();
        }
    }
    facts
}

fn empty_report(spec: &RepoSpec, slug: &RepoSlug) -> RepoReport {
    RepoReport {
        repo: slug.clone(),
        url: public_url(spec),
        rev: spec.rev.clone(),
        commit: None,
        error: None,
        totals: Totals::default(),
        failed: Vec::new(),
        in_windows: Vec::new(),
        rule_failures: Vec::new(),
        findings: Vec::new(),
        patches: Vec::new(),
    }
}

/// Where the repo is for everyone: no user, password, query or fragment; nothing for a folder of this machine.
fn public_url(spec: &RepoSpec) -> Option<String> {
    if spec.is_local() {
        return None;
    }
    let Ok(mut url) = url::Url::parse(&spec.url) else {
        // `user@host:path`, which ssh understands and URLs do not.
        return Some(spec.url.rsplit_once('@').map_or(&*spec.url, |(_, rest)| rest).to_owned());
    };
    url.set_query(None);
    url.set_fragment(None);
    if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
        // Only a URL without a host refuses, and that is no place for others to clone from.
        return None;
    }
    Some(url.to_string())
}

/// Errors of git name the folder that was not there; a report names the repo instead.
fn without_local_path(reason: &str, spec: &RepoSpec, slug: &RepoSlug) -> String {
    let folder = spec.url.strip_prefix("file://").unwrap_or(&spec.url).trim_end_matches('/');
    if !spec.is_local() || folder.is_empty() {
        return reason.to_owned();
    }
    reason.replace(&spec.url, slug.as_str()).replace(folder, slug.as_str())
}

impl RepoFacts {
    /// Moves plan and results into the facts, in any order.
    fn take(&mut self, job: &JobInput<'_>, scanned: ScannedRepo) {
        let ScannedRepo { plan, mut files, mirror } = scanned;
        self.report.commit = Some(plan.commit);
        self.ledger = plan.entries;
        self.ceilings = plan.ceilings;
        self.mirror = Some(mirror);
        for (at, entry) in (0..).zip(0..self.ledger.len()) {
            if self.ledger[entry].outcome != Outcome::Scanned {
                continue;
            }
            match files.remove(&at) {
                Some(Ok(file)) => self.take_file(job, entry, file),
                Some(Err(reason)) => self.fail(entry, &reason),
                None => self.fail(entry, "it has no result"),
            }
        }
    }

    fn fail(&mut self, entry: usize, reason: &str) {
        if let Some(entry) = self.ledger.get_mut(entry) {
            entry.outcome = Outcome::Failed { reason: reason.to_owned() };
        }
    }

    fn take_file(&mut self, job: &JobInput<'_>, entry: usize, file: ScannedFile) {
        let Some(entry) = self.ledger.get(entry) else { return };
        let (path, totals) = (&entry.path, &mut self.report.totals);
        totals.syntax_errors += u64::from(file.syntax_errors);
        for dropped in &file.dropped {
            *totals.dropped.entry(dropped.check.clone()).or_default() += u64::from(dropped.n);
        }
        if let Some(tokens) = file.tokens {
            totals.tokens += tokens.n_tokens;
            if tokens.windows.len() > 1 {
                totals.files_in_windows += 1;
                self.report.in_windows.push(WindowedFile {
                    path: path.clone(),
                    n_tokens: tokens.n_tokens,
                    n_windows: u32::try_from(tokens.windows.len()).unwrap_or(u32::MAX),
                });
            }
            if !tokens.windows.is_empty() {
                self.tensors.push(FileTensorsReport {
                    repo: self.report.repo.clone(),
                    path: path.clone(),
                    n_tokens: tokens.n_tokens,
                    windows: tokens.windows,
                });
            }
        }
        self.report.rule_failures.extend(file.rule_failures.into_iter().map(|failure| RuleFailureReport {
            path: path.clone(),
            rule: failure.rule,
            reason: failure.reason,
        }));
        self.report.findings.extend(file.findings.into_iter().map(|finding| {
            *totals.findings.entry(finding.rule.clone()).or_default() += 1;
            finding_report(job, path, finding)
        }));
        if !(file.alone.is_empty() && file.series.is_empty()) {
            self.mends.push(FileMends {
                path: path.clone(),
                mode: entry.mode,
                oid: entry.oid.clone(),
                alone: file.alone,
                series: file.series,
            });
        }
    }

    /// Brings everything into the order of the report, and sums up the ledger.
    fn settle(&mut self) {
        self.report.findings.sort_by(|left, right| finding_order(left).cmp(&finding_order(right)));
        self.report.rule_failures.sort_by(|left, right| {
            (&left.path, &left.rule, &left.reason).cmp(&(&right.path, &right.rule, &right.reason))
        });
        self.report.in_windows.sort_by(|left, right| left.path.cmp(&right.path));
        self.tensors.sort_by(|left, right| left.path.cmp(&right.path));
        self.mends.sort_by(|left, right| left.path.cmp(&right.path));
        let mut sums = LedgerSums::default();
        for entry in &self.ledger {
            sums.count(&entry.outcome);
            if let Outcome::Failed { reason } = &entry.outcome {
                self.report.failed.push(FailedFile { path: entry.path.clone(), reason: reason.clone() });
            }
        }
        self.report.failed.sort_by(|left, right| left.path.cmp(&right.path));
        self.report.totals.ledger = sums;
    }
}

fn finding_report(job: &JobInput<'_>, path: &RepoPath, finding: Finding) -> FindingReport {
    FindingReport {
        path: path.clone(),
        place: finding.place,
        // A rule outside the catalogue cannot be submitted; were it so, its findings would still count.
        level: job.rule(&finding.rule).map_or(Level::Warning, |rule| rule.level),
        rule: finding.rule,
        message: finding.message,
        fix: finding.fix,
        fingerprint: fingerprint(path, finding.fingerprint),
    }
}

/// The finding's own fingerprint does not know its file.
fn fingerprint(path: &RepoPath, finding: Digest) -> Digest {
    let mut bytes = Vec::with_capacity(path.as_bytes().len() + 33);
    bytes.extend_from_slice(path.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(finding.as_bytes());
    Digest::of(&bytes)
}

fn finding_order(finding: &FindingReport) -> (&RepoPath, u64, u64, &str, &str, Digest) {
    let place = &finding.place;
    (&finding.path, place.start, place.end, &finding.rule, &finding.message, finding.fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(url: &str) -> RepoSpec {
        RepoSpec { url: url.to_owned(), rev: None }
    }

    #[test]
    fn a_url_loses_what_only_its_owner_may_know() {
        let public = |url: &str| public_url(&spec(url));
        assert_eq!(public("https://me:secret@h.org/a/b.git?t=1#x").unwrap(), "https://h.org/a/b.git");
        assert_eq!(public("ssh://git@h.org/a/b").unwrap(), "ssh://h.org/a/b");
        assert_eq!(public("git@h.org:a/b.git").unwrap(), "h.org:a/b.git");
        assert_eq!(public("/home/me/code"), None);
        assert_eq!(public("file:///home/me/code"), None);
    }

    #[test]
    fn the_reason_of_a_failed_local_repo_does_not_name_its_folder() {
        let slug = RepoSlug::from_text("code");
        let reason = "no repository at '/home/me/code': not found";
        let clean = |url: &str| without_local_path(reason, &spec(url), &slug);
        assert_eq!(clean("/home/me/code"), "no repository at 'code': not found");
        assert_eq!(clean("file:///home/me/code/"), "no repository at 'code': not found");
        assert_eq!(clean("https://h.org/a"), reason);
    }

    #[test]
    fn a_fingerprint_belongs_to_a_path() {
        let own = Digest::of(b"finding");
        assert_ne!(fingerprint(&"a.js".into(), own), fingerprint(&"b.js".into(), own));
    }
}
