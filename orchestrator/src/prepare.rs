//! Makes a repo ready for dispatch: mirror, ledger, plan, source packs. What an earlier run of the job planned is
//! taken as it is, so that a branch that moved meanwhile changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use schemas::job::{Limits, ReusePolicy};
use schemas::ledger::LedgerSums;
use schemas::plan::{Origin, RepoPlan};
use schemas::sources::SourcePack;
use schemas::{BatchId, JobId, ModelRef, Pipeline, RepoSpec};
use tensor_store::Key;
use tracing::{info, instrument, warn};

use crate::clone::{CloneError, Mirror};
use crate::earlier::{EarlierRows, NothingEarlier};
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
    /// What is done with files.
    pub pipeline: Pipeline,
    /// What is taken from earlier results.
    pub reuse: ReusePolicy,
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
    /// Files that are in no batch, since their result is known.
    pub files_reused: u64,
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
    // A plan that relies on earlier results which turned out to be gone is made anew, of the same commit.
    let is_void = earlier.as_ref().is_some_and(|plan| service.earlier.has_given_up(&plan.origins));
    let plan = match earlier {
        Some(plan) if !is_void => plan,
        _ => make_plan(service, request, &mirror, is_void).await?,
    };
    let mut ledger = LedgerSums::default();
    plan.entries.iter().for_each(|entry| ledger.count(&entry.outcome));
    let batches = with_results(service, &plan).await?;
    let n_planned = plan.batches.iter().map(|batch| batch.files.len() as u64).sum();
    let files_reused = ledger.scanned.saturating_sub(n_planned);
    info!(n_files = ledger.scanned, n_batches = batches.len(), files_reused, "repo planned");
    let plan_ms = elapsed_ms(started);
    let commit = plan.commit;
    Ok(Prepared { mirror: mirror.path, commit, batches, files_reused, ledger, clone_ms, plan_ms })
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

/// Plans on a blocking thread. Source packs are stored as they are cut; the plan is stored last, over an earlier one
/// if it `replaces` that.
async fn make_plan(
    service: &Service,
    request: &Request,
    mirror: &Mirror,
    replaces: bool,
) -> anyhow::Result<RepoPlan> {
    let counter = match &request.model {
        Some(model) => Some(service.tokens.get(model).await?),
        None => None,
    };
    let earlier: Box<dyn EarlierRows + Send> = match request.reuse.enabled {
        true => Box::new(service.earlier.of_repo(&request.spec, &request.pipeline).await?),
        false => Box::new(NothingEarlier),
    };
    let (store, mirror, request) = (service.store.clone(), mirror.clone(), request.clone());
    let key = Key::job_plan(request.job.as_str(), request.repo);
    let runtime = tokio::runtime::Handle::current();
    let planning = tokio::task::spawn_blocking(move || {
        let mut put = |pack: SourcePack| match request.dry_run {
            true => plan::digest_only(pack),
            false => runtime.block_on(store.put_packed(Key::sources, &pack)).map_err(Into::into),
        };
        let request = plan::Request {
            mirror: &mirror,
            pipeline: &request.pipeline,
            allowed: &request.allowed,
            limits: &request.limits,
            counter: counter.as_deref(),
            earlier: &*earlier,
            reuse: request.reuse,
            salt: request.job.as_str(),
        };
        plan::plan_repo(&request, &mut put)
    });
    let plan = planning.await.context("the planner panicked")??;
    let stored = match replaces {
        true => service.store.put_pointer(&key, &plan).await,
        false => service.store.put_sealed(&key, &plan).await.map(drop),
    };
    stored.context("store the plan")?;
    Ok(plan)
}

/// The batches of a plan and those of others that it relies on, with whether the store has their results already.
async fn with_results(service: &Service, plan: &RepoPlan) -> anyhow::Result<Vec<Planned>> {
    let mut batches: BTreeMap<BatchId, Planned> = BTreeMap::new();
    for origin in &plan.origins {
        if let Origin::Batch { id, sources } = origin {
            let planned = Planned { batch: *id, sources: *sources, n_files: 0, n_tokens: 0, done: false };
            batches.insert(*id, planned);
        }
    }
    for batch in &plan.batches {
        let planned = Planned {
            batch: batch.id,
            sources: batch.sources,
            n_files: batch.files.len() as u64,
            n_tokens: batch.n_tokens,
            done: false,
        };
        batches.insert(batch.id, planned);
    }
    for planned in batches.values_mut() {
        let key = Key::results(planned.batch.digest());
        planned.done = service.store.exists(&key).await.context("look for results")?;
    }
    Ok(batches.into_values().collect())
}
