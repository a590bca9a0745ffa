//! The report: what people read in the morning, and the patches that they apply.
//!
//! Called once per job, when every batch is accounted for. Everything here is a function of the job's spec, its
//! plans, its results and the base commits: no clock, no job id, no path of this machine, no order of arrival. Two
//! runs of a job give the same bytes.
//!
//! Reading order: [`write_all`] → `repo` (final ledger and findings of one repo) → `patch` (rules and series) →
//! `diff` (one file) → `verify` (does it apply) → `message` and `mail` (what `git am` reads) → `markdown`, `sarif`.

mod diff;
mod mail;
mod markdown;
mod message;
mod patch;
mod repo;
mod sarif;
mod verify;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemas::ids::RepoSlug;
use schemas::job::JobSpec;
use schemas::plan::{EntryIndex, RepoPlan};
use schemas::report::{RepoReport, Report, Tensors, Totals};
use schemas::rules::RuleInfo;
use schemas::{Digest, FixLevel, Pipeline};
use serde::Serialize;

use self::repo::RepoFacts;
use crate::rows::FileOutcome;

/// What is known of a job before its repos are looked at.
#[derive(Clone, Copy, Debug)]
pub struct JobInput<'a> {
    /// As submitted.
    pub spec: &'a JobSpec,
    /// One per repo of the spec, in its order; see [`schemas::job::repo_slugs`].
    pub slugs: &'a [RepoSlug],
    /// What is known of the rules: [`schemas::rules::catalogue`].
    pub catalogue: &'a [RuleInfo],
}

impl JobInput<'_> {
    fn rule(&self, id: &str) -> Option<&RuleInfo> {
        self.catalogue.iter().find(|rule| rule.id == id)
    }
}

/// How one repo ended.
#[derive(Clone, Debug)]
pub enum RepoInput {
    /// There is no plan.
    Failed {
        /// Why, for people.
        reason: String,
        /// The commit, if that much was known.
        commit: Option<String>,
    },
    /// Planned, and every file is done or failed.
    Scanned(ScannedRepo),
}

/// A repo whose files are all accounted for.
#[derive(Clone, Debug)]
pub struct ScannedRepo {
    /// Commit and ledger.
    pub plan: RepoPlan,
    /// What came out for each scanned entry. One that is missing here counts as failed.
    pub files: BTreeMap<EntryIndex, FileOutcome>,
    /// The bare repository that holds the commit.
    pub mirror: PathBuf,
}

/// No report could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller could not give the plan and the results of a repo.
    #[error("results of repo `{repo}` could not be loaded")]
    Load {
        /// Which repo.
        repo: RepoSlug,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
    /// The caller could not store an artifact.
    #[error("artifact `{file}` could not be stored")]
    Store {
        /// Which, relative to the report.
        file: String,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
    /// The bare repository cannot be read, or does not hold the commit.
    #[error("mirror of repo `{repo}` could not be read")]
    Mirror {
        /// Which repo.
        repo: RepoSlug,
        /// What git says.
        #[source]
        source: git2::Error,
    },
}

/// Gives the outcome of the repo of that index. Called once for each repo of the spec, in order.
pub type LoadRepo<'a> = dyn FnMut(usize) -> anyhow::Result<RepoInput> + 'a;

/// Stores one artifact: its path relative to the report, and its bytes.
pub type StoreArtifact<'a> = dyn FnMut(&str, Vec<u8>) -> anyhow::Result<()> + 'a;

/// Makes every artifact of a job: `report.json`, `report.md`, `report.sarif`, `tensors.json`, and for each repo
/// `ledger/<repo>.jsonl`, `patches/<repo>/<rule>.patch`, `patches/<repo>/all.mbox` and
/// `patches/<repo>/certificates.json` where there is something to mend. Blocks: reads mirrors, diffs files.
///
/// Results of one repo are held at a time; of the others, only what the report says of them.
///
/// # Errors
/// [`Error`] if a repo cannot be loaded, an artifact not stored, or a mirror not read. A fix that does not stand
/// its checks is no error: it is left out and counted.
pub fn write_all(
    job: &JobInput<'_>,
    load: &mut LoadRepo<'_>,
    store: &mut StoreArtifact<'_>,
) -> Result<Report, Error> {
    let mut tensors = Tensors::default();
    let mut repos = Vec::with_capacity(job.slugs.len());
    for index in 0..job.slugs.len() {
        let input = load(index).map_err(|source| Error::Load { repo: job.slugs[index].clone(), source })?;
        let mut facts = repo::facts(job, index, input);
        tensors.files.append(&mut facts.tensors);
        put_ledger(&facts, store)?;
        put_patches(job, &mut facts, store)?;
        repos.push(facts.report);
    }
    let report = build_report(job, repos);
    put(store, "report.json", to_json_lines(&report))?;
    put(store, "report.md", markdown::render(&report, job.catalogue).into_bytes())?;
    put(store, "report.sarif", to_json_lines(&sarif::log(&report, job.catalogue)))?;
    put(store, "tensors.json", to_json_lines(&tensors))?;
    Ok(report)
}

fn build_report(job: &JobInput<'_>, repos: Vec<RepoReport>) -> Report {
    let mut totals = Totals::default();
    for repo in &repos {
        add_totals(&mut totals, &repo.totals);
    }
    Report {
        version: 1,
        engine: Pipeline::ENGINE.to_owned(),
        partial: totals.repos_failed > 0 || totals.ledger.failed > 0,
        rules: job.spec.rules.iter().map(|rule| rule.id.clone()).collect(),
        fix: job.spec.fix,
        model: job.spec.model.clone(),
        totals,
        repos,
    }
}

fn add_totals(sum: &mut Totals, repo: &Totals) {
    sum.repos += repo.repos;
    sum.repos_failed += repo.repos_failed;
    sum.ledger.add(&repo.ledger);
    sum.tokens += repo.tokens;
    sum.files_in_windows += repo.files_in_windows;
    sum.syntax_errors += repo.syntax_errors;
    add_counts(&mut sum.findings, &repo.findings);
    add_counts(&mut sum.fixed, &repo.fixed);
    add_counts(&mut sum.dropped, &repo.dropped);
}

fn add_counts(sum: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (key, n) in counts {
        *sum.entry(key.clone()).or_default() += n;
    }
}

/// One line per entry of the tree, with its final outcome.
fn put_ledger(facts: &RepoFacts, store: &mut StoreArtifact<'_>) -> Result<(), Error> {
    if facts.ledger.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::new();
    for entry in &facts.ledger {
        serde_json::to_writer(&mut lines, entry).expect("an entry has string keys, and memory takes it");
        lines.push(b'\n');
    }
    put(store, &format!("ledger/{}.jsonl", facts.report.repo), lines)
}

/// Makes and stores the patches of a repo, and writes into its report what they hold.
fn put_patches(
    job: &JobInput<'_>,
    facts: &mut RepoFacts,
    store: &mut StoreArtifact<'_>,
) -> Result<(), Error> {
    let (Some(mirror), Some(commit)) = (&facts.mirror, &facts.report.commit) else { return Ok(()) };
    if facts.mends.is_empty() || job.spec.fix == FixLevel::None {
        return Ok(());
    }
    let slug = facts.report.repo.clone();
    let made = patch::make(job, mirror, commit, std::mem::take(&mut facts.mends))
        .map_err(|source| Error::Mirror { repo: slug.clone(), source })?;
    for patch in made.patches {
        if is_over(&facts.ceilings, &patch) {
            *facts.report.totals.dropped.entry(CEILING.to_owned()).or_default() += patch.n_fixes;
            continue;
        }
        let file = format!("patches/{slug}/{}", patch.name);
        facts.report.patches.push(schemas::report::PatchReport {
            rule: patch.rule,
            file: file.clone(),
            digest: Digest::of(&patch.bytes),
            n_files: patch.n_files,
            n_fixes: patch.n_fixes,
        });
        put(store, &file, patch.bytes)?;
    }
    if !made.certificates.is_empty() {
        put(store, &format!("patches/{slug}/certificates.json"), to_json_lines(&made.certificates))?;
    }
    facts.report.totals.fixed = made.fixed;
    add_counts(&mut facts.report.totals.dropped, &made.dropped);
    Ok(())
}

/// The check in [`Totals::dropped`] of fixes whose patch is over a ceiling of the repository.
const CEILING: &str = "ceiling";

fn is_over(ceilings: &settings::Limits, patch: &patch::PatchFile) -> bool {
    ceilings.files.is_some_and(|max| patch.n_files > u64::from(max))
        || ceilings.edits.is_some_and(|max| patch.n_fixes > u64::from(max))
}

fn to_json_lines<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("reports have string keys only");
    bytes.push(b'\n');
    bytes
}

fn put(store: &mut StoreArtifact<'_>, file: &str, bytes: Vec<u8>) -> Result<(), Error> {
    store(file, bytes).map_err(|source| Error::Store { file: file.to_owned(), source })
}
