//! One active job: the shell around [`crate::state`]. It feeds events in, carries commands out, and says where the
//! job stands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use schemas::messages::{BatchDead, BatchDone, BatchReady, BatchStats, Counts, JobRecord, Phase, Progress};
use schemas::report::{CloneRun, DeadLetter, Run};
use schemas::{BatchId, Digest, JobId, JobSpec, Pipeline, RepoSlug, subjects};
use tensor_store::Key;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::patience::patiently;
use crate::prepare::{self, Prepared};
use crate::reconcile::{self, Found};
use crate::repo_settings::Allowed;
use crate::service::{Service, elapsed_ms, now_ms};
use crate::state::{self, Command, Event, Job};
use crate::write;

/// What reaches a job.
#[derive(Debug)]
pub enum Input {
    /// A worker stored a result.
    Done(BatchDone),
    /// A message about the job can never succeed.
    Dead(BatchDead),
    /// Somebody wants it to stop.
    Cancel,
    /// A repo was prepared, or cannot be.
    Prepared(usize, Result<Prepared, String>),
    /// A batch could not be put into the queue.
    NotDispatched(BatchId),
    /// It is time to compare the queue with the store.
    Reconcile,
    /// What came of that.
    Reconciled(anyhow::Result<Found>),
    /// The report is stored, or cannot be made.
    Reported(Result<write::Written, String>),
}

/// How often the job says where it stands while nothing changes its phase.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);

/// Batches put into the queue at once. Each waits for the server to store it.
const DISPATCH_AT_ONCE: usize = 32;

/// A job whose plans or results are lost again and again has no report.
const MAX_AGAIN: u32 = 5;

/// Runs one job until it ends or the service stops.
pub async fn run(service: Service, id: JobId, spec: JobSpec, mut inputs: mpsc::Receiver<Input>) {
    let mut shell = Shell::new(service, id, spec);
    info!(job_id = %shell.id, n_repos = shell.spec.repos.len(), "job taken up");
    shell.apply(Event::Started).await;
    let mut ticks = tokio::time::interval(ANNOUNCE_EVERY);
    ticks.reset();
    while !shell.job.phase().is_final() {
        tokio::select! {
            biased;
            () = shell.service.stop.cancelled() => break,
            input = inputs.recv() => match input {
                Some(input) => shell.take(input).await,
                None => break,
            },
            _ = ticks.tick() => shell.tick().await,
        }
    }
    shell.service.unregister(&shell.id);
}

struct Shell {
    service: Service,
    id: JobId,
    spec: JobSpec,
    slugs: Vec<RepoSlug>,
    pipeline: Pipeline,
    job: Job,
    /// Tells the dispatches of this run from those of an earlier one, and those of a batch that the queue lost from
    /// the lost ones.
    epoch: String,
    n_losses: u32,
    is_reconciling: bool,
    accepted_ms: u64,
    started: Instant,
    prepared: Vec<Option<Result<Prepared, String>>>,
    dead: BTreeMap<BatchId, String>,
    strays: Vec<DeadLetter>,
    counted: BTreeSet<BatchId>,
    /// Batches whose results were found to be gone or damaged.
    lost: BTreeSet<BatchId>,
    n_again: u32,
    stats: BatchStats,
    batches_reused: u64,
    batches_redelivered: u64,
    batches_by_worker: BTreeMap<String, u64>,
}

impl Shell {
    fn new(service: Service, id: JobId, spec: JobSpec) -> Self {
        let accepted_ms = now_ms();
        Self {
            job: Job::new(spec.repos.len(), spec.dry_run),
            slugs: schemas::job::repo_slugs(&spec.repos),
            pipeline: spec.pipeline(&fixes::grammars()),
            prepared: spec.repos.iter().map(|_| None).collect(),
            epoch: format!("{accepted_ms:x}-{:x}", std::process::id()),
            n_losses: 0,
            is_reconciling: false,
            accepted_ms,
            started: Instant::now(),
            dead: BTreeMap::new(),
            strays: Vec::new(),
            counted: BTreeSet::new(),
            lost: BTreeSet::new(),
            n_again: 0,
            stats: BatchStats::default(),
            batches_reused: 0,
            batches_redelivered: 0,
            batches_by_worker: BTreeMap::new(),
            service,
            id,
            spec,
        }
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Done(done) => {
                self.count(&done);
                let event = Event::BatchDone { batch: done.batch, n_findings: done.stats.n_findings };
                self.apply(event).await;
            }
            Input::Dead(dead) => self.bury(dead).await,
            Input::Cancel => self.apply(Event::CancelRequested).await,
            Input::Prepared(repo, outcome) => self.prepared(repo, outcome).await,
            Input::NotDispatched(batch) => self.apply(Event::NotQueued { batch }).await,
            Input::Reconcile => self.reconcile(),
            Input::Reconciled(outcome) => self.reconciled(outcome).await,
            Input::Reported(Ok(write::Written { lost: Some(lost), .. })) => self.again(lost).await,
            Input::Reported(Ok(written)) => self.finish(written).await,
            Input::Reported(Err(reason)) => self.apply(Event::ReportFailed { reason }).await,
        }
    }

    /// What a batch took counts once, however often its result is announced.
    fn count(&mut self, done: &BatchDone) {
        if !self.job.knows(done.batch) || !self.counted.insert(done.batch) {
            return;
        }
        self.stats.add(&done.stats);
        self.batches_reused += u64::from(done.reused);
        self.batches_redelivered += u64::from(done.attempt > 1);
        *self.batches_by_worker.entry(done.worker.to_string()).or_default() += 1;
    }

    async fn bury(&mut self, dead: BatchDead) {
        warn!(job_id = %self.id, reason = dead.reason, "dead letter");
        match dead.batch {
            Some(batch) if self.job.knows(batch) => {
                self.dead.insert(batch, dead.reason);
                self.apply(Event::BatchDead { batch }).await;
            }
            _ => self.strays.push(DeadLetter { kind: dead.kind, attempt: dead.attempt, reason: dead.reason }),
        }
    }

    async fn prepared(&mut self, repo: usize, mut outcome: Result<Prepared, String>) {
        if let Ok(prepared) = &mut outcome {
            // A damaged result is in the store, and is replaced by the next one.
            prepared
                .batches
                .iter_mut()
                .for_each(|planned| planned.done &= !self.lost.contains(&planned.batch));
        }
        let event = match &outcome {
            Ok(prepared) => Event::RepoPlanned { repo, batches: prepared.batches.clone() },
            Err(reason) => {
                warn!(job_id = %self.id, repo = %self.slugs[repo], error = reason, "repo failed");
                Event::RepoFailed { repo }
            }
        };
        self.prepared[repo] = Some(outcome);
        self.apply(event).await;
    }

    async fn tick(&mut self) {
        let window = state::fair_window(self.service.workers.n_slots(), self.service.n_jobs());
        self.apply(Event::WindowChanged { window }).await;
        self.announce().await;
    }

    async fn apply(&mut self, event: Event) {
        for command in state::step(&mut self.job, event) {
            match command {
                Command::Prepare { repos } => self.prepare(repos),
                Command::Dispatch { batches } => self.dispatch(batches),
                Command::Report => self.report(),
                Command::Purge => self.purge().await,
                Command::Announce => self.phase_changed().await,
            }
        }
    }

    /// Clones and plans in the background; `clones` bounds how many at once over all jobs.
    fn prepare(&self, repos: Vec<usize>) {
        for repo in repos {
            let (service, id) = (self.service.clone(), self.id.clone());
            let request = prepare::Request {
                repo,
                spec: self.spec.repos[repo].clone(),
                job: self.id.clone(),
                allowed: Allowed::of(&self.spec),
                pipeline: self.pipeline.clone(),
                reuse: self.spec.reuse,
                model: self.spec.model.clone(),
                limits: self.spec.limits,
                dry_run: self.spec.dry_run,
            };
            self.service.tasks.spawn(async move {
                let preparing = patiently(&service.stop, || prepare::prepare(&service, &request));
                let outcome = preparing.await.map_err(|error| format!("{error:#}"));
                // A service that stops leaves the repo to the next run: it did not fail.
                if !service.stop.is_cancelled() {
                    service.send(&id, Input::Prepared(repo, outcome)).await;
                }
            });
        }
    }

    fn dispatch(&self, batches: Vec<(BatchId, Digest)>) {
        let (service, job) = (self.service.clone(), self.id.clone());
        let (pipeline, epoch) = (self.pipeline.digest(), format!("{}-{}", self.epoch, self.n_losses));
        let subject = subjects::batch_ready(self.spec.lane, &job);
        self.service.tasks.spawn(async move {
            let publish = |(batch, sources)| {
                let (service, subject, epoch) = (service.clone(), subject.clone(), epoch.clone());
                let message = BatchReady { job: job.clone(), batch, pipeline, sources };
                async move {
                    let id = bus::delivery::work_message_id(batch, &epoch);
                    if let Err(error) = service.bus.publish(&subject, &id, &message).await {
                        warn!(batch_id = %batch, %error, "batch was not dispatched, it is tried again");
                        service.send(&message.job, Input::NotDispatched(batch)).await;
                    }
                }
            };
            futures::stream::iter(batches).for_each_concurrent(DISPATCH_AT_ONCE, publish).await;
        });
    }

    /// Looks in the background for what should be in the queue: one look at a time.
    fn reconcile(&mut self) {
        let in_flight: BTreeSet<BatchId> = self.job.in_flight().collect();
        if self.is_reconciling || self.job.phase() != Phase::Running {
            return;
        }
        self.is_reconciling = true;
        let (service, id) = (self.service.clone(), self.id.clone());
        self.service.tasks.spawn(async move {
            let outcome = reconcile::look_for(&service, &id, in_flight).await;
            service.send(&id, Input::Reconciled(outcome)).await;
        });
    }

    async fn reconciled(&mut self, outcome: anyhow::Result<Found>) {
        self.is_reconciling = false;
        let found = match outcome {
            Ok(found) => found,
            Err(error) => {
                warn!(job_id = %self.id, error = format!("{error:#}"), "queue and store could not be compared");
                return;
            }
        };
        if found.cancelled {
            return self.apply(Event::CancelRequested).await;
        }
        for (batch, n_findings) in found.done {
            self.apply(Event::BatchDone { batch, n_findings }).await;
        }
        // Another id: the stream may remember the one of the message that it lost.
        self.n_losses += u32::from(!found.lost.is_empty());
        for batch in found.lost {
            self.apply(Event::NotQueued { batch }).await;
        }
    }

    fn report(&self) {
        let (service, id) = (self.service.clone(), self.id.clone());
        let input = write::Input {
            job: self.id.clone(),
            spec: self.spec.clone(),
            slugs: self.slugs.clone(),
            pipeline: self.pipeline.clone(),
            repos: self
                .prepared
                .iter()
                .map(|repo| repo.clone().unwrap_or_else(|| Err("not prepared".into())))
                .collect(),
            dead: self.dead.clone(),
        };
        self.service.tasks.spawn(async move {
            let writing = patiently(&service.stop, || write::write(&service, input.clone()));
            let outcome = writing.await.map_err(|error| format!("{error:#}"));
            service.send(&id, Input::Reported(outcome)).await;
        });
    }

    /// Goes through the job from the start: plans or results are gone that were there. What is left of them is found in
    /// the store, as after a restart.
    async fn again(&mut self, lost: BTreeSet<BatchId>) {
        self.n_again += 1;
        if self.n_again > MAX_AGAIN {
            let reason = format!("plans or results were lost {} times", self.n_again);
            return self.apply(Event::ReportFailed { reason }).await;
        }
        warn!(job_id = %self.id, n_lost = lost.len(), "plans or results are lost, the job is gone through again");
        self.lost = lost;
        self.epoch = format!("{}-{}", self.epoch, self.n_again);
        self.job = Job::new(self.spec.repos.len(), self.spec.dry_run);
        self.prepared = self.spec.repos.iter().map(|_| None).collect();
        self.apply(Event::Started).await;
    }

    /// Counts of the state machine, and files that it need not know.
    fn counts(&self) -> Counts {
        let reused = |repo: &Option<Result<Prepared, String>>| match repo {
            Some(Ok(prepared)) => prepared.files_reused,
            _ => 0,
        };
        Counts { files_reused: self.prepared.iter().map(reused).sum(), ..self.job.counts() }
    }

    async fn purge(&self) {
        if let Err(error) = self.service.bus.purge_job(&self.id).await {
            // Workers do what is left of it; nobody counts it.
            warn!(job_id = %self.id, %error, "queue was not purged");
        }
    }

    /// `run.json` is written last, and once: a job that has one has ended. One that is there was written by another
    /// orchestrator that was in charge meanwhile, over the same report.
    async fn finish(&mut self, written: write::Written) {
        let partial = written.partial || !self.strays.is_empty();
        let phase = if partial { Phase::Partial } else { Phase::Done };
        let run = self.run_report(phase, written);
        let bytes: bytes::Bytes =
            serde_json::to_vec_pretty(&run).expect("the run has string keys only").into();
        let key = Key::job_run(self.id.as_str());
        let stored = patiently(&self.service.stop, || async {
            match self.service.store.put_new(&key, bytes.clone()).await {
                Ok(_) | Err(tensor_store::Error::Conflict { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
        match stored.await {
            Ok(()) => self.apply(Event::Reported { partial }).await,
            Err(error) => {
                self.apply(Event::ReportFailed { reason: format!("store run.json: {error:#}") }).await
            }
        }
    }

    fn run_report(&self, phase: Phase, written: write::Written) -> Run {
        let clone_of = |(repo, prepared): (usize, &Option<Result<Prepared, String>>)| match prepared {
            Some(Ok(prepared)) => Some(CloneRun {
                repo: self.slugs[repo].clone(),
                url: self.spec.repos[repo].url.clone(),
                clone_ms: prepared.clone_ms,
                plan_ms: prepared.plan_ms,
            }),
            _ => None,
        };
        Run {
            job: self.id.to_string(),
            phase,
            started_ms: self.accepted_ms,
            elapsed_ms: elapsed_ms(self.started),
            counts: self.counts(),
            stats: self.stats,
            real_token_share: self.stats.real_token_share(),
            files_in_windows: written.files_in_windows,
            reuse: written.reuse,
            batches_reused: self.batches_reused,
            batches_redelivered: self.batches_redelivered,
            workers: self.batches_by_worker.clone(),
            clones: self.prepared.iter().enumerate().filter_map(clone_of).collect(),
            dead_letters: self.strays.clone(),
            orchestrator_rss_bytes: bus::boot::rss_bytes(),
        }
    }

    async fn phase_changed(&self) {
        let phase = self.job.phase();
        info!(job_id = %self.id, ?phase, "job changed");
        self.announce().await;
        let kind = format!("{phase:?}").to_lowercase();
        let id = format!("{}-{}-{kind}", self.id, self.epoch);
        if let Err(error) =
            self.service.bus.publish(&subjects::event(&self.id, &kind), &id, &self.record()).await
        {
            warn!(job_id = %self.id, %error, "event was not stored");
        }
    }

    /// Says where the job stands: to whoever watches, and in its record. Nothing depends on it being heard.
    async fn announce(&self) {
        let progress = Progress {
            job: self.id.clone(),
            phase: self.job.phase(),
            error: self.job.error().map(str::to_owned),
            counts: self.counts(),
            elapsed_ms: elapsed_ms(self.started),
            workers: self.service.workers.rows(),
        };
        if let Err(error) = self.service.bus.put_record(&self.record()).await {
            warn!(job_id = %self.id, %error, "job record was not written");
        }
        if let Err(error) = self.service.bus.announce(&subjects::progress(&self.id), &progress).await {
            error!(job_id = %self.id, %error, "progress was not announced");
        }
    }

    fn record(&self) -> JobRecord {
        JobRecord {
            job: self.id.clone(),
            spec: Digest::of(&self.spec.to_json()),
            phase: self.job.phase(),
            error: self.job.error().map(str::to_owned),
            counts: self.counts(),
            accepted_ms: self.accepted_ms,
            changed_ms: now_ms(),
        }
    }
}
