//! Submitting: check, hand over, wait, write the report.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bus::Bus;
use schemas::messages::Phase;
use schemas::report::{Report, Run};
use schemas::rules::Level;
use tokio_util::sync::CancellationToken;

use crate::artifacts;
use crate::cli::SubmitArgs;
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
        Ok(request) => submit(args, cwd, &request).await,
        Err(error) => Err(error),
    };
    if args.json {
        let result = match &outcome {
            Ok(outcome) => ResultEvent {
                job: job.as_ref(),
                phase: outcome.phase,
                exit_code: outcome.code,
                error: outcome.error.clone(),
                out: outcome.out.as_deref(),
                counts: outcome.run.as_ref().map(|run| &run.counts),
                elapsed_ms: outcome.run.as_ref().map(|run| run.elapsed_ms),
            },
            Err(error) => ResultEvent {
                job: job.as_ref(),
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

async fn submit(args: &SubmitArgs, cwd: &Path, request: &Request) -> anyhow::Result<Outcome> {
    let place = place::of_submission(args, cwd)?;
    for warning in request.model.iter().flat_map(|model| model.warnings()) {
        output::say(&format!("warning: {warning}"));
    }
    let stop = bus::boot::cancel_on_signals().context("listen for signals")?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("nightmend-{}", request.job)));
    match place {
        Place::Remote { store } => {
            remote(args, request, &JobStore::open(&store)?, &stop, cwd.join(out)).await
        }
        Place::Local { data_dir, store } => {
            let options = local::Options { data_dir, store, n_workers: args.workers };
            local(args, request, options, &stop, cwd.join(out)).await
        }
    }
}

/// On a running system: it goes on without us.
async fn remote(
    args: &SubmitArgs,
    request: &Request,
    store: &JobStore,
    stop: &CancellationToken,
    out: PathBuf,
) -> anyhow::Result<Outcome> {
    let bus = Bus::connect(&place::connection(&args.system)).await?;
    let hint = format!("job {} goes on; the same --job-id attaches to it again", request.job);
    let work = async {
        let submitted = hand_over(args, &bus, store, request).await?;
        if args.detach {
            return detached(args, request);
        }
        let mut display = Display::new(args.quiet);
        follow(args, &bus, store, request, &submitted, &mut display, out).await
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Interrupted { hint }.into()),
        outcome = work => outcome,
    }
}

/// On a system of our own: it ends with us, and the job with its id goes on in the next one.
async fn local(
    args: &SubmitArgs,
    request: &Request,
    options: local::Options,
    stop: &CancellationToken,
    out: PathBuf,
) -> anyhow::Result<Outcome> {
    let data_dir = options.data_dir.clone();
    if !args.quiet {
        output::say(&format!("job {} in {}", request.job, data_dir.display()));
    }
    let store = JobStore::open(&options.store)?;
    let mut system = LocalSystem::start(options).await?;
    let hint = format!("--job-id {} goes on where it stopped", request.job);
    let bus = system.bus.clone();
    let outcome = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Interrupted { hint }.into()),
        outcome = local_job(args, &bus, &store, request, &mut system, out) => outcome,
    };
    if outcome.as_ref().is_err_and(|error| error.is::<Interrupted>()) {
        output::say("stopping; batches in hand are finished first");
    }
    let stopped = system.stop().await;
    let outcome = outcome?;
    stopped.context("stop the local system")?;
    Ok(outcome)
}

/// Hands the job over before the children look for work, so that they find it at once.
async fn local_job(
    args: &SubmitArgs,
    bus: &Bus,
    store: &JobStore,
    request: &Request,
    system: &mut LocalSystem,
    out: PathBuf,
) -> anyhow::Result<Outcome> {
    let submitted = hand_over(args, bus, store, request).await?;
    let mut display = Display::new(args.quiet);
    if submitted.found == Found::Ended {
        return follow(args, bus, store, request, &submitted, &mut display, out).await;
    }
    system.spawn_children()?;
    let notices = display.notices();
    tokio::select! {
        outcome = follow(args, bus, store, request, &submitted, &mut display, out) => outcome,
        error = system.supervise(|text| notices.say(text)) => Err(error),
    }
}

async fn hand_over(
    args: &SubmitArgs,
    bus: &Bus,
    store: &JobStore,
    request: &Request,
) -> anyhow::Result<Submitted> {
    let submitted = submit::submit(bus, store, request).await?;
    if args.json {
        output::json(&Event::Submitted {
            job: &request.job,
            spec: submitted.spec,
            state: submitted.found.word(),
            store: store.url(),
        })?;
    }
    Ok(submitted)
}

fn detached(args: &SubmitArgs, request: &Request) -> anyhow::Result<Outcome> {
    if !args.json {
        output::line(request.job.as_str())?;
    }
    Ok(Outcome { code: exit::DONE, phase: None, error: None, out: None, run: None })
}

/// Waits for the end, then writes what the job made.
async fn follow(
    args: &SubmitArgs,
    bus: &Bus,
    store: &JobStore,
    request: &Request,
    submitted: &Submitted,
    display: &mut Display,
    out: PathBuf,
) -> anyhow::Result<Outcome> {
    let job = &request.job;
    let mut written = Ok(());
    let end = watch::wait(bus, store, job, submitted.record_before.as_ref(), |progress| {
        let rates = display.show(progress);
        if args.json && written.is_ok() {
            written = output::json(&Event::progress(progress, rates));
        }
    })
    .await?;
    written?;
    display.finish();
    let phase = end.phase();
    match end {
        End::Reported(run) => deliver(args, store, request, run, out).await,
        End::Cancelled => {
            let error = format!("job {job} was cancelled; submit it again under another --job-id");
            output::say(&error);
            Ok(Outcome { code: exit::ERROR, phase: Some(phase), error: Some(error), out: None, run: None })
        }
        End::Failed { reason } => {
            let error = format!("job {job} failed: {reason}");
            output::say(&error);
            Ok(Outcome { code: exit::ERROR, phase: Some(phase), error: Some(error), out: None, run: None })
        }
    }
}

async fn deliver(
    args: &SubmitArgs,
    store: &JobStore,
    request: &Request,
    run: Box<Run>,
    out: PathBuf,
) -> anyhow::Result<Outcome> {
    artifacts::copy(store, &request.job, &out).await?;
    let report = store.report(&request.job).await?;
    if !args.quiet {
        output::say(&summary(request, &run, report.as_ref()));
    }
    if request.spec.dry_run {
        show_plan(args, store, request).await?;
    } else if !args.json {
        output::line(&out.join("report.md").display().to_string())?;
    }
    let worst = report.as_ref().and_then(worst_level);
    let code = exit::code(run.phase, args.fail_on.map(Level::from), worst);
    Ok(Outcome { code, phase: Some(run.phase), error: None, out: Some(out), run: Some(run) })
}

async fn show_plan(args: &SubmitArgs, store: &JobStore, request: &Request) -> anyhow::Result<()> {
    let plan: Plan = store.json(&request.job, plan::FILE).await?.context("the dry run made no plan")?;
    if args.json { output::json(&Event::Plan { repos: &plan.repos }) } else { output::line(&plan.table()) }
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
    for repo in &report.repos {
        if let Some(error) = &repo.error {
            text += &format!("\n{} failed: {error}", repo.repo);
        }
    }
    text
}
