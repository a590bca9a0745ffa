//! Writes the report of a job into the store: loads what the report needs, runs the report on a blocking thread,
//! stores its files one after the other. `run.json` is not among them: it comes last and says that the job ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use schemas::ledger::LedgerSums;
use schemas::plan::{BatchPlan, Origin, RepoPlan};
use schemas::report::ReuseRun;
use schemas::reuse::{SnapshotRow, file_key, recipe_digest};
use schemas::{BatchId, Digest, JobId, JobSpec, Language, Pipeline, RepoSlug};
use serde::Serialize;
use tensor_store::{Error, Key, Store};
use tracing::warn;

use crate::earlier::Earlier;
use crate::prepare::Prepared;
use crate::report::{self, JobInput, RepoInput, ScannedRepo};
use crate::rows::{Reader, RepoRows};
use crate::service::Service;

/// What is known of a job when everything is accounted for.
#[derive(Clone)]
pub struct Input {
    /// Which job.
    pub job: JobId,
    /// As submitted.
    pub spec: JobSpec,
    /// One per repo.
    pub slugs: Vec<RepoSlug>,
    /// What the results must have been made with.
    pub pipeline: Pipeline,
    /// How each repo came out of preparation.
    pub repos: Vec<Result<Prepared, String>>,
    /// Why batches are dead. A batch that has a result all the same is done.
    pub dead: BTreeMap<BatchId, String>,
}

/// A report that is stored.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Whether a repo, a batch or a file failed.
    pub partial: bool,
    /// Files that the model read in windows.
    pub files_in_windows: u64,
    /// What was taken from earlier results.
    pub reuse: ReuseRun,
    /// Plans or results are gone since they were made; then there is no report, and the job has to be gone through
    /// again. Holds the batches whose results are gone or damaged.
    pub lost: Option<BTreeSet<BatchId>>,
}

/// Writes the report, or, for a dry run, the plan.
///
/// # Errors
/// If something cannot be read or stored. A missing result is no error: its batch is dead.
pub async fn write(service: &Service, input: Input) -> anyhow::Result<Written> {
    let (store, earlier) = (service.store.clone(), Arc::clone(&service.earlier));
    let runtime = tokio::runtime::Handle::current();
    let writing = tokio::task::spawn_blocking(move || {
        let shell = Shell { store, earlier, runtime, input };
        if shell.input.spec.dry_run { shell.write_plan() } else { shell.write_report() }
    });
    writing.await.context("the report panicked")?
}

struct Shell {
    store: Store,
    earlier: Arc<Earlier>,
    runtime: tokio::runtime::Handle,
    input: Input,
}

/// One repo in `plan.json`: what a dry run shows.
#[derive(Serialize)]
struct PlannedRepo<'a> {
    repo: &'a RepoSlug,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    ledger: LedgerSums,
    files: u64,
    tokens: u64,
    batches: u64,
}

impl Shell {
    fn write_report(&self) -> anyhow::Result<Written> {
        let job = JobInput {
            spec: &self.input.spec,
            slugs: &self.input.slugs,
            catalogue: schemas::rules::catalogue(),
        };
        let mut written = Written::default();
        let made = report::write_all(
            &job,
            &mut |repo| {
                let (input, reuse) = self.load(repo, &mut written.lost)?;
                written.reuse.add(reuse);
                if written.lost.is_some() {
                    // The others are looked at too, so that all that is lost is done again at once.
                    for other in repo + 1..self.input.slugs.len() {
                        self.load(other, &mut written.lost)?;
                    }
                    anyhow::bail!("results are lost");
                }
                Ok(input)
            },
            &mut |file, bytes| self.put(file, bytes),
        );
        if written.lost.is_some() {
            return Ok(written);
        }
        let report = made?;
        written.partial = report.partial || !written.reuse.audit_differs.is_empty();
        written.files_in_windows = report.totals.files_in_windows;
        Ok(written)
    }

    fn write_plan(&self) -> anyhow::Result<Written> {
        let planned = |(slug, prepared): (&'_ RepoSlug, &Result<Prepared, String>)| match prepared {
            Ok(prepared) => serde_json::to_value(PlannedRepo {
                repo: slug,
                commit: Some(&prepared.commit),
                error: None,
                ledger: prepared.ledger.clone(),
                files: prepared.batches.iter().map(|batch| batch.n_files).sum(),
                tokens: prepared.batches.iter().map(|batch| batch.n_tokens).sum(),
                batches: prepared.batches.len() as u64,
            }),
            Err(reason) => serde_json::to_value(PlannedRepo {
                repo: slug,
                commit: None,
                error: Some(reason),
                ledger: LedgerSums::default(),
                files: 0,
                tokens: 0,
                batches: 0,
            }),
        };
        let repos: Result<Vec<_>, _> = self.input.slugs.iter().zip(&self.input.repos).map(planned).collect();
        let plan = serde_json::json!({
            "version": 1,
            "tokens_counted": self.input.spec.model.is_some(),
            "repos": repos?,
        });
        self.put("plan.json", (serde_json::to_string_pretty(&plan)? + "\n").into_bytes())?;
        Ok(Written { partial: self.input.repos.iter().any(Result::is_err), ..Written::default() })
    }

    /// Plan and results of one repo; they are kept for the next night.
    fn load(
        &self,
        repo: usize,
        lost: &mut Option<BTreeSet<BatchId>>,
    ) -> anyhow::Result<(RepoInput, ReuseRun)> {
        let prepared = match &self.input.repos[repo] {
            Ok(prepared) => prepared,
            Err(reason) => {
                let failed = RepoInput::Failed { reason: reason.clone(), commit: None };
                return Ok((failed, ReuseRun::default()));
            }
        };
        let key = Key::job_plan(self.input.job.as_str(), repo);
        let plan: RepoPlan = match self.runtime.block_on(self.store.get_sealed(&key)) {
            Ok(plan) => plan,
            Err(error @ (Error::NotFound { .. } | Error::Corrupt { .. })) => {
                warn!(%error, "plan is lost, the repo is planned again");
                lost.get_or_insert_default();
                let failed = RepoInput::Failed { reason: error.to_string(), commit: None };
                return Ok((failed, ReuseRun::default()));
            }
            Err(error) => return Err(error.into()),
        };
        let reader = Reader {
            store: &self.store,
            runtime: &self.runtime,
            pipeline: &self.input.pipeline,
            dead: &self.input.dead,
            slug: &self.input.slugs[repo],
        };
        let rows = reader.read(&plan)?;
        if rows.missing.is_empty() && rows.unreadable.is_empty() {
            self.keep(repo, &plan, &rows)?;
        } else {
            self.earlier.give_up(&rows.unreadable);
            lost.get_or_insert_default().extend(&rows.missing);
        }
        let scanned = ScannedRepo { plan, files: rows.files, mirror: prepared.mirror.clone() };
        Ok((RepoInput::Scanned(scanned), rows.reuse))
    }

    /// Keeps what came out for the next night. A file in which a rule failed is done again then.
    fn keep(&self, repo: usize, plan: &RepoPlan, rows: &RepoRows) -> anyhow::Result<()> {
        let pipeline = &self.input.pipeline;
        let rules = plan.rules.as_deref().unwrap_or(&pipeline.rules);
        let mut recipes: BTreeMap<Language, Digest> = BTreeMap::new();
        let mut kept = Vec::with_capacity(rows.files.len());
        for (&entry, file) in &rows.files {
            let language =
                plan.entries.get(entry as usize).and_then(|entry| Language::of_path(entry.path.as_bytes()));
            let (Ok(file), Some(&inputs), Some(language)) = (file, rows.inputs.get(&entry), language) else {
                continue;
            };
            if file.rule_failures.is_empty() {
                let recipe =
                    *recipes.entry(language).or_insert_with(|| recipe_digest(pipeline, rules, language));
                kept.push(SnapshotRow { key: file_key(inputs, recipe), inputs, file: file.clone() });
            }
        }
        let origin = |batch: &BatchPlan| Origin::Batch { id: batch.id, sources: batch.sources };
        let done: Vec<Origin> = plan.batches.iter().map(origin).collect();
        let keeping = self.earlier.keep(&self.input.spec.repos[repo], pipeline, rules, kept, &done);
        Ok(self.runtime.block_on(keeping)?)
    }

    fn put(&self, file: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let key = Key::job_report(self.input.job.as_str(), file);
        Ok(self.runtime.block_on(self.store.put(&key, bytes.into()))?)
    }
}
