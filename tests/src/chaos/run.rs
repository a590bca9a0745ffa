//! Runs one scenario: submits, breaks things at their moments, repairs them, waits for the end, asks the model.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use schemas::JobId;
use schemas::messages::Phase;

use super::model;
use super::reference::{Reference, References, names, submit_arguments};
use super::scenario::{DAMAGED_SNAPSHOT, Kind, Moment, Object, STORE_ERRORS, Scenario};
use super::system::{Process, System};

/// What came of one scenario.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The scenario in words.
    pub scenario: String,
    /// What does not hold and must. Empty: passed.
    pub violations: Vec<String>,
    /// What this machine cannot do.
    pub skipped: Vec<String>,
    /// Odd things that are allowed.
    pub notes: Vec<String>,
    /// Faults that were injected.
    pub injected: Vec<Kind>,
    /// How long it took after the end of each disturbance until another result was stored or a job ended.
    pub recoveries: Vec<(Kind, Duration)>,
    /// Batches of the jobs.
    pub batches: u64,
    /// Deliveries of batches that were not the first.
    pub redelivered: u64,
    /// Times that a worker computed a batch which had been computed before.
    pub computed_again: u64,
    /// Files of batches that were computed again or not in their first delivery.
    pub files_redone: u64,
    /// Files that the reference has scanned and this run has not.
    pub files_lost: u64,
    /// The most memory of a service, bytes.
    pub peak_bytes: u64,
    /// How long all of it took.
    pub elapsed: Duration,
}

/// A job that is not over by then, and this much more for each of its batches, hangs.
const PATIENCE: Duration = Duration::from_secs(180);
const PATIENCE_PER_BATCH: Duration = Duration::from_secs(2);

/// How often the run looks at the system.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A user tries a submission that failed this often.
const SUBMISSIONS: u32 = 5;

/// One scenario that runs.
pub(super) struct Run<'a> {
    pub(super) system: System,
    pub(super) jobs: Vec<Job<'a>>,
    /// Names of all results that there will be.
    batches: BTreeSet<String>,
    started: Instant,
    pending: Vec<(Kind, Instant, usize)>,
    outcome: Outcome,
}

/// One submitted job.
pub(super) struct Job<'a> {
    pub(super) id: String,
    pub(super) reference: &'a Reference,
    pub(super) out: PathBuf,
    pub(super) end: Option<ExitStatus>,
    /// Whether somebody asked for its cancellation. It may end before that is heard.
    pub(super) cancel_requested: bool,
    process: Process,
    submissions: u32,
}

/// Runs a scenario in an empty folder.
///
/// # Errors
/// If the machine does not do its part: programs that do not start, disks that do not take anything. What the system
/// does wrong is in the outcome.
pub async fn run(scenario: &Scenario, references: &References, dir: &Path) -> Result<Outcome> {
    let started = Instant::now();
    let mut skipped = Vec::new();
    let system = System::start(dir, scenario, &mut skipped).await?;
    let mut run = Run::start(system, scenario, references, started)?;
    run.outcome.skipped.extend(skipped);
    for fault in &scenario.faults {
        if !run.reaches(fault.at).await? {
            break;
        }
        let kind = fault.action.kind();
        if run.inject(&fault.action).await.with_context(|| format!("inject {}", fault.action))? {
            run.outcome.injected.push(kind);
            run.pending.push((kind, Instant::now(), run.n_results()?));
        }
    }
    run.wait_for_the_end().await?;
    if let Some(draw) = scenario.second_night {
        run.second_night(draw).await?;
    }
    let violations = model::violations(&mut run, scenario).await?;
    let mut outcome = run.outcome;
    outcome.violations.extend(violations);
    outcome.peak_bytes = run.system.peak_bytes();
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

impl<'a> Run<'a> {
    fn start(
        system: System,
        scenario: &Scenario,
        references: &'a References,
        started: Instant,
    ) -> Result<Self> {
        let mut jobs = Vec::new();
        for (n, shape) in scenario.jobs.iter().enumerate() {
            let reference = references.get(shape.name).context("the shape has no reference")?;
            let id = format!("seed{}-{n}", scenario.seed);
            let out = system.dir.join(format!("out-{n}"));
            let process = system.submit(&id, &submit_arguments(&id, &out, &reference.repos))?;
            jobs.push(Job {
                id,
                reference,
                out,
                end: None,
                cancel_requested: false,
                process,
                submissions: 1,
            });
        }
        let batches: BTreeSet<String> =
            jobs.iter().flat_map(|job| job.reference.batches.iter().cloned()).collect();
        let outcome = Outcome {
            seed: scenario.seed,
            scenario: scenario.to_string(),
            violations: Vec::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            injected: scenario.store_errors.iter().map(|_| STORE_ERRORS).collect(),
            recoveries: Vec::new(),
            batches: batches.len() as u64,
            redelivered: 0,
            computed_again: 0,
            files_redone: 0,
            files_lost: 0,
            peak_bytes: 0,
            elapsed: Duration::ZERO,
        };
        Ok(Self { system, jobs, batches, started, pending: Vec::new(), outcome })
    }

    /// What was found so far.
    pub(super) fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcome
    }

    /// Results that are stored.
    pub(super) fn n_results(&self) -> Result<usize> {
        Ok(names(&self.system.store().join("results"))?.intersection(&self.batches).count())
    }

    /// Waits for a moment. `false` if every job ended before it.
    async fn reaches(&mut self, moment: Moment) -> Result<bool> {
        loop {
            let reached = match moment {
                Moment::After(time) => self.started.elapsed() >= time,
                Moment::Percent(percent) => {
                    self.n_results()? as u64 * 100 >= percent * self.batches.len() as u64
                }
            };
            if !self.goes_on().await? {
                return Ok(false);
            }
            if reached {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn wait_for_the_end(&mut self) -> Result<()> {
        while self.goes_on().await? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Every job once more, from what the first night left, of which something is damaged.
    async fn second_night(&mut self, draw: u64) -> Result<()> {
        if self.damage(Object::Snapshot, draw)? {
            self.outcome.injected.push(DAMAGED_SNAPSHOT);
        }
        let again: Vec<Job<'a>> = self
            .jobs
            .iter()
            .map(|job| Job::submit(&self.system, &format!("{}-again", job.id), job.reference))
            .collect::<Result<_>>()?;
        self.jobs.extend(again);
        self.wait_for_the_end().await
    }

    /// Looks at everything once. `false` if every job ended, or should have long ago.
    async fn goes_on(&mut self) -> Result<bool> {
        self.look_at_jobs().await?;
        self.look_at_services()?;
        self.look_for_recovery()?;
        let patience = PATIENCE + PATIENCE_PER_BATCH * u32::try_from(self.batches.len())?;
        if self.started.elapsed() > patience {
            for job in self.jobs.iter_mut().filter(|job| job.end.is_none()) {
                let violation = format!("{} has not ended after {} s", job.id, patience.as_secs());
                self.outcome.violations.push(violation);
            }
            return Ok(false);
        }
        Ok(self.jobs.iter().any(|job| job.end.is_none()))
    }

    async fn look_at_jobs(&mut self) -> Result<()> {
        for job in &mut self.jobs {
            if job.end.is_some() {
                continue;
            }
            let Some(status) = job.process.ended()? else { continue };
            let gave_up = status.code() == Some(1) && !job.cancel_requested && job.submissions < SUBMISSIONS;
            if gave_up && !has_failed(&self.system, &job.id).await {
                // Nothing is promised to somebody whose submission failed; people try again.
                self.outcome.notes.push(format!("{} was submitted again", job.id));
                tokio::time::sleep(Duration::from_secs(1)).await;
                job.submit_again(&self.system)?;
            } else {
                job.end = Some(status);
            }
        }
        Ok(())
    }

    /// A service that cannot start ends with an error, and whoever supervises it starts it again. One that panics or
    /// is killed by its own doing is a violation.
    fn look_at_services(&mut self) -> Result<()> {
        for (service, status) in self.system.restart_ended()? {
            match status.code() {
                Some(1) => self.outcome.notes.push(format!("{service} gave up and was started again")),
                _ => self.outcome.violations.push(format!("{service} ended by itself: {status}")),
            }
        }
        Ok(())
    }

    fn look_for_recovery(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let n_results = self.n_results()?;
        let over = self.jobs.iter().any(|job| job.end.is_some());
        let recovered = |&(_, _, before): &(Kind, Instant, usize)| over || n_results > before;
        for (kind, since, _) in self.pending.extract_if(.., |pending| recovered(pending)) {
            self.outcome.recoveries.push((kind, since.elapsed()));
        }
        Ok(())
    }
}

/// Whether the system says that the job failed.
async fn has_failed(system: &System, job: &str) -> bool {
    let Ok(bus) = system.bus().await else { return false };
    let Ok(job) = job.parse::<JobId>() else { return false };
    matches!(bus.record(&job).await, Ok(Some(record)) if record.phase == Phase::Failed)
}

impl<'a> Job<'a> {
    fn submit(system: &System, id: &str, reference: &'a Reference) -> Result<Self> {
        let out = system.dir.join(format!("out-{id}"));
        let process = system.submit(id, &submit_arguments(id, &out, &reference.repos))?;
        let id = id.to_owned();
        Ok(Self { id, reference, out, end: None, cancel_requested: false, process, submissions: 1 })
    }

    /// Whether it ended without a report because it was cancelled.
    pub(super) fn ended_cancelled(&self) -> bool {
        self.cancel_requested && self.end.is_some_and(|status| status.code() == Some(1))
    }

    /// Submits the same job again: whoever does that attaches to it. A `submit-job` that still waits is killed.
    pub(super) fn submit_again(&mut self, system: &System) -> Result<()> {
        self.submissions += 1;
        self.process =
            system.submit(&self.id, &submit_arguments(&self.id, &self.out, &self.reference.repos))?;
        Ok(())
    }
}
