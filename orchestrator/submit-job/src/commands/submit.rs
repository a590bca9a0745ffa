//! Submitting: check, hand over, wait, write the report. Resuming is the same with a spec that the store has.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bus::Bus;
use schemas::messages::Phase;
use schemas::report::{Report, ReuseRun, Run};
use schemas::rules::Level;
use schemas::{JobId, JobSpec};
use tokio_util::sync::CancellationToken;

use crate::artifacts;
use crate::cli::{ResumeArgs, RunArgs, SubmitArgs};
use crate::exit::{self, Interrupted};
use crate::job_store::{Found, JobStore};
use crate::local::{self, LocalSystem};
use crate::output::{self, Event, ResultEvent};
use crate::place::{self, Place};
use crate::plan::{self, Plan};
use crate::progress::Display;
use crate::request::{self, Request};
use crate::submit::{self, Submitted};
use crate::watch::{self, End};

/// One submission on its way.
struct Submission<'a> {
    args: &'a RunArgs,
    request: &'a Request,
    store: JobStore,
    /// Where the report goes, absolute.
    out: PathBuf,
}

/// What came of a submission.
struct Outcome {
    code: u8,
    phase: Option<Phase>,
    error: Option<String>,
    out: Option<PathBuf>,
    run: Option<Box<Run>>,
}

/// Runs a submission. Gives back the exit code; with `--json` the last line says it too, also for an error.
///
/// # Errors
/// What kept it from ending; [`exit::code_of_error`] knows its code.
pub async fn run(args: &SubmitArgs, cwd: &Path) -> anyhow::Result<u8> {
    let request = request::check(args, cwd);
    let job = request.as_ref().ok().map(|request| request.job.clone());
    let outcome = match request {
        Ok(request) => submit(&args.run, cwd, &request).await,
        Err(error) => Err(error),
    };
    ended(&args.run, job.as_ref(), outcome)
}

/// Goes on with a job that the store knows. Gives back the exit code; with `--json` the last line says it too.
///
/// # Errors
/// If the store has no such job, or what kept it from ending.
pub async fn resume(args: &ResumeArgs, cwd: &Path) -> anyhow::Result<u8> {
    let outcome = submit_again(args, cwd).await;
    ended(&args.run, Some(&args.job), outcome)
}

async fn submit_again(args: &ResumeArgs, cwd: &Path) -> anyhow::Result<Outcome> {
    let job = &args.job;
    let store = place::of_run(&args.run, cwd)?.open_store()?;
    let spec = store.spec(job).await?.with_context(|| format!("there is no job {job} in {}", store.url()))?;
    anyhow::ensure!(
        spec.version == JobSpec::VERSION,
        "job {job} was submitted with version {} of its spec; this program knows {}",
        spec.version,
        JobSpec::VERSION
    );
    // Its model, if any, is in the store as a whole: that was made sure of before the spec was stored.
    let request = Request { job: job.clone(), spec, model: None };
    if let Some(end) = watch::end_in_store(&store, job).await? {
        return Submission::new(&args.run, cwd, &request, store).conclude(end).await;
    }
    submit(&args.run, cwd, &request).await
}

/// Says how it ended, for programs.
fn ended(args: &RunArgs, job: Option<&JobId>, outcome: anyhow::Result<Outcome>) -> anyhow::Result<u8> {
    if args.json {
        let result = match &outcome {
            Ok(outcome) => ResultEvent {
                job,
                phase: outcome.phase,
                exit_code: outcome.code,
                error: outcome.error.clone(),
                out: outcome.out.as_deref(),
                counts: outcome.run.as_ref().map(|run| &run.counts),
                elapsed_ms: outcome.run.as_ref().map(|run| run.elapsed_ms),
            },
            Err(error) => ResultEvent {
                job,
                phase: None,
                exit_code: exit::code_of_error(error),
                error: Some(format!("{error:#}")),
                out: None,
                counts: None,
                elapsed_ms: None,
            },
        };
        output::json(&Event::Result(result))?;
    }
    outcome.map(|outcome| outcome.code)
}

async fn submit(args: &RunArgs, cwd: &Path, request: &Request) -> anyhow::Result<Outcome> {
    let place = place::of_run(args, cwd)?;
    for warning in request.model.iter().flat_map(|model| model.warnings()) {
        output::say(&format!("warning: {warning}"));
    }
    let stop = bus::boot::cancel_on_signals().context("listen for signals")?;
    let submission = Submission::new(args, cwd, request, place.open_store()?);
    match place {
        Place::Remote { .. } => submission.remote(&stop).await,
        Place::Local { data_dir, store } => {
            let with_model = submission.request.spec.model.is_some();
            let options = local::Options { data_dir, store, n_workers: args.workers, with_model };
            submission.local(options, &stop).await
        }
    }
}

impl<'a> Submission<'a> {
    fn new(args: &'a RunArgs, cwd: &Path, request: &'a Request, store: JobStore) -> Self {
        let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("nightmend-{}", request.job)));
        Self { args, request, store, out: cwd.join(out) }
    }

    /// On a running system: it goes on without us.
    async fn remote(&self, stop: &CancellationToken) -> anyhow::Result<Outcome> {
        let bus = Bus::connect(&place::connection(&self.args.system)).await?;
        let hint = format!("job {0} goes on; `resume {0}` waits for it again", self.request.job);
        let work = async {
            let submitted = self.hand_over(&bus).await?;
            if self.args.detach {
                return self.detached();
            }
            self.follow(&bus, &submitted, &mut Display::new(self.args.quiet)).await
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Interrupted { hint }.into()),
            outcome = work => outcome,
        }
    }

    /// On a system of our own: it ends with us, and the job with its id goes on in the next one.
    async fn local(&self, options: local::Options, stop: &CancellationToken) -> anyhow::Result<Outcome> {
        if !self.args.quiet {
            output::say(&format!("job {} in {}", self.request.job, options.data_dir.display()));
        }
        let mut system = LocalSystem::start(options).await?;
        let hint = format!("`resume {}` goes on where it stopped", self.request.job);
        let outcome = tokio::select! {
            biased;
            () = stop.cancelled() => {
                output::say("stopping; batches in hand are finished first");
                Err(Interrupted { hint }.into())
            }
            outcome = self.local_job(&mut system) => outcome,
        };
        let stopped = system.stop().await;
        let outcome = outcome?;
        stopped.context("stop the local system")?;
        Ok(outcome)
    }

    /// Hands the job over before the children look for work, so that they find it at once.
    async fn local_job(&self, system: &mut LocalSystem) -> anyhow::Result<Outcome> {
        let bus = system.bus.clone();
        let submitted = self.hand_over(&bus).await?;
        let mut display = Display::new(self.args.quiet);
        if submitted.found == Found::Ended {
            return self.follow(&bus, &submitted, &mut display).await;
        }
        system.spawn_children()?;
        let notices = display.notices();
        tokio::select! {
            outcome = self.follow(&bus, &submitted, &mut display) => outcome,
            error = system.supervise(|text| notices.say(text)) => Err(error),
        }
    }

    async fn hand_over(&self, bus: &Bus) -> anyhow::Result<Submitted> {
        let submitted = submit::submit(bus, &self.store, self.request).await?;
        if self.args.json {
            output::json(&Event::Submitted {
                job: &self.request.job,
                spec: submitted.spec,
                state: submitted.found.word(),
                store: self.store.url(),
            })?;
        }
        Ok(submitted)
    }

    fn detached(&self) -> anyhow::Result<Outcome> {
        if !self.args.json {
            output::line(self.request.job.as_str())?;
        }
        Ok(Outcome { code: exit::DONE, phase: None, error: None, out: None, run: None })
    }

    /// Waits for the end, then writes what the job made.
    async fn follow(
        &self,
        bus: &Bus,
        submitted: &Submitted,
        display: &mut Display,
    ) -> anyhow::Result<Outcome> {
        let job = &self.request.job;
        let mut written = Ok(());
        let end = watch::wait(bus, &self.store, job, submitted.record_before.as_ref(), |progress| {
            let rates = display.show(progress);
            if self.args.json && written.is_ok() {
                written = output::json(&Event::progress(progress, rates));
            }
        })
        .await?;
        written?;
        display.finish();
        self.conclude(end).await
    }

    /// Delivers the report, or says why there is none.
    async fn conclude(&self, end: End) -> anyhow::Result<Outcome> {
        let job = &self.request.job;
        let phase = end.phase();
        let error = match end {
            End::Reported(run) => return self.deliver(run).await,
            End::Cancelled => format!("job {job} was cancelled; submit it again under another --job-id"),
            End::Failed { reason } => format!("job {job} failed: {reason}"),
        };
        output::say(&error);
        Ok(Outcome { code: exit::ERROR, phase: Some(phase), error: Some(error), out: None, run: None })
    }

    async fn deliver(&self, run: Box<Run>) -> anyhow::Result<Outcome> {
        let job = &self.request.job;
        artifacts::copy(&self.store, job, &self.out).await?;
        let report = self.store.report(job).await?;
        if !self.args.quiet {
            output::say(&summary(self.request, &run, report.as_ref()));
        }
        if self.request.spec.dry_run {
            self.show_plan().await?;
        } else if !self.args.json {
            output::line(&self.out.join("report.md").display().to_string())?;
        }
        let worst = report.as_ref().and_then(worst_level);
        let code = exit::code(run.phase, self.args.fail_on.map(Level::from), worst);
        Ok(Outcome { code, phase: Some(run.phase), error: None, out: Some(self.out.clone()), run: Some(run) })
    }

    async fn show_plan(&self) -> anyhow::Result<()> {
        let plan: Option<Plan> = self.store.json(&self.request.job, plan::FILE).await?;
        let plan = plan.context("the dry run made no plan")?;
        if self.args.json {
            output::json(&Event::Plan { repos: &plan.repos })
        } else {
            output::line(&plan.table())
        }
    }
}

/// What was taken from earlier results, where there were some.
fn reused(reuse: &ReuseRun) -> String {
    let mut text = String::new();
    let ReuseRun { files_reused, files_in_part, files_done, files_audited, .. } = reuse;
    if files_reused + files_in_part > 0 {
        text += &format!(
            "\n{files_reused} files known from earlier, {files_in_part} done in part, {files_done} done"
        );
    }
    if *files_audited > 0 {
        let n_differ = reuse.audit_differs.len();
        text += &format!("\n{files_audited} known files done again to compare, {n_differ} differ");
    }
    for differs in &reuse.audit_differs {
        text +=
            &format!("\n{} {}: {} differ from the earlier result", differs.repo, differs.path, differs.what);
    }
    text
}

/// The highest level among the findings.
fn worst_level(report: &Report) -> Option<Level> {
    report.repos.iter().flat_map(|repo| &repo.findings).map(|finding| finding.level).max()
}

/// What people want to know first.
fn summary(request: &Request, run: &Run, report: Option<&Report>) -> String {
    let state = match run.phase {
        Phase::Partial => "partial: some repository or file failed, the report says which",
        _ => "done",
    };
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let seconds = run.elapsed_ms as f64 / 1000.0;
    let mut text = format!("job {} is {state} ({seconds:.1} s)", request.job);
    let Some(report) = report else { return text };
    let totals = &report.totals;
    let sum = |counts: &std::collections::BTreeMap<String, u64>| counts.values().sum::<u64>();
    let (findings, fixed) = (sum(&totals.findings), sum(&totals.fixed));
    text += &format!(
        "\n{} of {} repositories, {} of {} files scanned, {findings} findings, {fixed} mended by patches",
        totals.repos,
        totals.repos + totals.repos_failed,
        totals.ledger.scanned,
        totals.ledger.entries,
    );
    text += &reused(&run.reuse);
    for repo in &report.repos {
        if let Some(error) = &repo.error {
            text += &format!("\n{} failed: {error}", repo.repo);
        }
    }
    text
}
