//! Writes the report of a job into the store: loads what the report needs, runs the report on a blocking thread,
//! stores its files one after the other. `run.json` is not among them: it comes last and says that the job ended.

use std::collections::BTreeMap;

use anyhow::Context;
use schemas::ledger::LedgerSums;
use schemas::plan::RepoPlan;
use schemas::result::BatchResult;
use schemas::{BatchId, Digest, JobId, JobSpec, RepoSlug};
use serde::Serialize;
use tensor_store::{Key, Store};

use crate::prepare::Prepared;
use crate::report::{self, BatchOutcome, JobInput, RepoInput, ScannedRepo};
use crate::service::Service;

/// What is known of a job when everything is accounted for.
pub struct Input {
    /// Which job.
    pub job: JobId,
    /// As submitted.
    pub spec: JobSpec,
    /// One per repo.
    pub slugs: Vec<RepoSlug>,
    /// What the results must have been made with.
    pub pipeline: Digest,
    /// How each repo came out of preparation.
    pub repos: Vec<Result<Prepared, String>>,
    /// Why batches are dead. A batch that has a result all the same is done.
    pub dead: BTreeMap<BatchId, String>,
}

/// A report that is stored.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Whether a repo, a batch or a file failed.
    pub partial: bool,
    /// Files that the model read in windows.
    pub files_in_windows: u64,
}

/// Writes the report, or, for a dry run, the plan.
///
/// # Errors
/// If something cannot be read or stored. A missing result is no error: its batch is dead.
pub async fn write(service: &Service, input: Input) -> anyhow::Result<Written> {
    let store = service.store.clone();
    let runtime = tokio::runtime::Handle::current();
    let writing = tokio::task::spawn_blocking(move || {
        let shell = Shell { store, runtime, input };
        if shell.input.spec.dry_run { shell.write_plan() } else { shell.write_report() }
    });
    writing.await.context("the report panicked")?
}

struct Shell {
    store: Store,
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
        let report =
            report::write_all(&job, &mut |repo| self.load(repo), &mut |file, bytes| self.put(file, bytes))?;
        Ok(Written { partial: report.partial, files_in_windows: report.totals.files_in_windows })
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
        Ok(Written { partial: self.input.repos.iter().any(Result::is_err), files_in_windows: 0 })
    }

    /// Plan and results of one repo.
    fn load(&self, repo: usize) -> anyhow::Result<RepoInput> {
        let prepared = match &self.input.repos[repo] {
            Ok(prepared) => prepared,
            Err(reason) => return Ok(RepoInput::Failed { reason: reason.clone(), commit: None }),
        };
        let plan: RepoPlan =
            self.runtime.block_on(self.store.get_sealed(&Key::job_plan(self.input.job.as_str(), repo)))?;
        let mut outcomes = BTreeMap::new();
        for batch in &plan.batches {
            outcomes.insert(batch.id, self.outcome(batch.id)?);
        }
        Ok(RepoInput::Scanned(ScannedRepo { plan, outcomes, mirror: prepared.mirror.clone() }))
    }

    /// The store decides: a result counts whatever was said of its batch.
    fn outcome(&self, batch: BatchId) -> anyhow::Result<BatchOutcome> {
        let read = self.runtime.block_on(self.store.get_sealed::<BatchResult>(&Key::results(batch.digest())));
        let dead = |reason: String| Ok(BatchOutcome::Dead { reason });
        match read {
            Ok(result) if result.batch == batch && result.pipeline == self.input.pipeline => {
                Ok(BatchOutcome::Done(result))
            }
            Ok(_) => dead("its result is of another batch".to_owned()),
            Err(error @ tensor_store::Error::Corrupt { .. }) => dead(error.to_string()),
            Err(tensor_store::Error::NotFound { .. }) => {
                dead(self.input.dead.get(&batch).cloned().unwrap_or_else(|| "it has no result".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn put(&self, file: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let key = Key::job_report(self.input.job.as_str(), file);
        Ok(self.runtime.block_on(self.store.put(&key, bytes.into()))?)
    }
}
