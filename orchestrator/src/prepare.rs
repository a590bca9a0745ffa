//! Makes a repo ready for dispatch: mirror, ledger, plan, source packs. What an earlier run of the job planned is
//! taken as it is, so that a branch that moved meanwhile changes nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use schemas::job::Limits;
use schemas::ledger::LedgerSums;
use schemas::plan::RepoPlan;
use schemas::sources::SourcePack;
use schemas::{Digest, JobId, ModelRef, RepoSpec};
use tensor_store::Key;
use tracing::{info, instrument, warn};

use crate::clone::{CloneError, Mirror};
use crate::plan;
use crate::repo_settings::Allowed;
use crate::service::{Service, elapsed_ms};
use crate::state::Planned;

/// Which repo to prepare, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The job.
    pub job: JobId,
    /// Index into the repos of the job.
    pub repo: usize,
    /// What was asked for.
    pub spec: RepoSpec,
    /// What the repository's own settings may change.
    pub allowed: Allowed,
    /// Part of every batch id.
    pub pipeline: Digest,
    /// Whose tokens batches are cut by; without one, bytes.
    pub model: Option<ModelRef>,
    /// Bounds.
    pub limits: Limits,
    /// Plan only: no source packs.
    pub dry_run: bool,
}

/// A repo that can be dispatched.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The bare repository.
    pub mirror: PathBuf,
    /// The commit, hex.
    pub commit: String,
    /// Its batches, with whether their results are there.
    pub batches: Vec<Planned>,
    /// What became of the tree's entries; `scanned` means planned.
    pub ledger: LedgerSums,
    /// Clone or fetch, milliseconds.
    pub clone_ms: u64,
    /// Ledger, plan and source packs, milliseconds.
    pub plan_ms: u64,
}

/// Prepares one repo.
///
/// # Errors
/// What fails the repo, for people.
#[instrument(name = "prepare", skip_all, fields(job_id = %request.job, repo = request.spec.url))]
pub async fn prepare(service: &Service, request: &Request) -> anyhow::Result<Prepared> {
    let started = Instant::now();
    let earlier = earlier_plan(service, request).await?;
    let rev = earlier.as_ref().map(|plan| plan.commit.as_str()).or(request.spec.rev.as_deref());
    let mirror = mirror(service, request, rev).await?;
    let clone_ms = elapsed_ms(started);

    let started = Instant::now();
    let plan = match earlier {
        Some(plan) => plan,
        None => make_plan(service, request, &mirror).await?,
    };
    let mut ledger = LedgerSums::default();
    plan.entries.iter().for_each(|entry| ledger.count(&entry.outcome));
    let batches = with_results(service, &plan).await?;
    info!(n_files = ledger.scanned, n_batches = batches.len(), "repo planned");
    let plan_ms = elapsed_ms(started);
    Ok(Prepared { mirror: mirror.path, commit: plan.commit, batches, ledger, clone_ms, plan_ms })
}

/// A clone is tried this often, if trying again may help and the time of one clone is not used up.
const CLONE_ATTEMPTS: u32 = 3;

async fn mirror(service: &Service, request: &Request, rev: Option<&str>) -> Result<Mirror, CloneError> {
    let timeout = Duration::from_secs(request.limits.clone_timeout_s);
    let started = Instant::now();
    let mut attempt = 1;
    loop {
        match service.cloner.mirror(&request.spec.url, rev, timeout, &service.stop).await {
            Err(error) if error.is_retryable() && attempt < CLONE_ATTEMPTS && started.elapsed() < timeout => {
                warn!(attempt, %error, "clone is tried again");
                tokio::time::sleep(Duration::from_secs(attempt.into())).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// The plan that an earlier run of the job stored. A damaged one is made anew.
async fn earlier_plan(service: &Service, request: &Request) -> anyhow::Result<Option<RepoPlan>> {
    let key = Key::job_plan(request.job.as_str(), request.repo);
    match service.store.get_sealed(&key).await {
        Ok(plan) => Ok(Some(plan)),
        Err(tensor_store::Error::NotFound { .. } | tensor_store::Error::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error).context("read the plan of an earlier run"),
    }
}

/// Plans on a blocking thread. Source packs are stored as they are cut; the plan is stored last.
async fn make_plan(service: &Service, request: &Request, mirror: &Mirror) -> anyhow::Result<RepoPlan> {
    let counter = match &request.model {
        Some(model) => Some(service.tokens.get(model).await?),
        None => None,
    };
    let (store, mirror) = (service.store.clone(), mirror.clone());
    let (pipeline, limits, dry_run) = (request.pipeline, request.limits, request.dry_run);
    let allowed = request.allowed.clone();
    let runtime = tokio::runtime::Handle::current();
    let planning = tokio::task::spawn_blocking(move || {
        let mut put = |pack: SourcePack| match dry_run {
            true => plan::digest_only(pack),
            false => runtime.block_on(store.put_packed(Key::sources, &pack)).map_err(Into::into),
        };
        plan::plan_repo(&mirror, pipeline, &allowed, &limits, counter.as_deref(), &mut put)
    });
    let plan = planning.await.context("the planner panicked")??;
    service
        .store
        .put_sealed(&Key::job_plan(request.job.as_str(), request.repo), &plan)
        .await
        .context("store the plan")?;
    Ok(plan)
}

/// The batches of a plan, with whether the store has their results already.
async fn with_results(service: &Service, plan: &RepoPlan) -> anyhow::Result<Vec<Planned>> {
    let mut batches = Vec::with_capacity(plan.batches.len());
    for batch in &plan.batches {
        let done =
            service.store.exists(&Key::results(batch.id.digest())).await.context("look for results")?;
        batches.push(Planned {
            batch: batch.id,
            sources: batch.sources,
            n_files: batch.files.len() as u64,
            n_tokens: batch.n_tokens,
            done,
        });
    }
    Ok(batches)
}
