//! What must hold when the dust has settled, whatever was broken. The reference is the same job without faults.
//!
//! One exception is part of the model: source packs are the only copy of what a worker reads, so a damaged one may
//! fail the files of its batch. Then the report says so for each, and is equal for all other files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bus::probe::StreamCount;
use schemas::report::{RepoReport, Report, Run as RunReport};
use schemas::topology::{RESULT, SUBMIT, WORK};

use super::reference::{Reference, names};
use super::run::Run;
use super::scenario::Scenario;
use super::worker_log;

/// An unsettled delivery comes again after 30 s; what is left after that and a little more stays for ever.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);

/// Batches that were in hand when a job was cancelled may still be finished, but not later than this.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// No service needs more than this for jobs of this size, in builds without optimisation neither. Bytes.
const MOST_MEMORY: u64 = 512 << 20;

/// Everything that does not hold.
pub(super) async fn violations(run: &mut Run<'_>, scenario: &Scenario) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    let may_lose_sources = scenario.has("damage-sources");
    let store = run.system.store();
    let (mut redelivered, mut files_lost) = (0, 0);
    for job in &run.jobs {
        let Some(status) = job.end else { continue };
        let code = status.code();
        if job.ended_cancelled() {
            continue;
        }
        if let Ok(text) = fs::read(job.out.join("run.json")) {
            let report: RunReport = serde_json::from_slice(&text).context("read run.json")?;
            redelivered += report.batches_redelivered;
            let scanned = |out: &Path| Ok::<u64, anyhow::Error>(report_in(out)?.totals.ledger.scanned);
            files_lost += scanned(&job.reference.out)?.saturating_sub(scanned(&job.out)?);
        }
        let found = match code {
            Some(0) => different_files(&job.out, job.reference)?,
            Some(3) if may_lose_sources => partial_differences(&job.out, job.reference)?,
            _ => vec![format!("exit {code:?}: {}", last_line(&run.system.dir, &job.id))],
        };
        violations.extend(found.into_iter().map(|what| format!("{}: {what}", job.id)));
        if code == Some(0) {
            let damaged = scenario.has("damage-result");
            violations.extend(different_results(&store.join("results"), job.reference, damaged)?);
        }
    }
    violations.extend(after_cancellations(run).await?);
    violations.extend(left_in_queue(run).await?);
    let staged = staging_files(&store)?;
    let n_kills = run.outcome().injected.iter().filter(|kind| kind.starts_with("kill-")).count();
    if !staged.is_empty() {
        // A process that is killed cannot take its half-written objects along; they are for the collector.
        let what = format!("{} half-written objects are left: {}", staged.len(), staged[0].display());
        if n_kills > 0 { run.outcome().notes.push(what) } else { violations.push(what) }
    }
    let peak = run.system.peak_bytes();
    expect(&mut violations, peak <= MOST_MEMORY, || format!("a service took {} MiB", peak >> 20));
    let work = worker_log::read(&run.system.dir.join("worker.log"));
    let outcome = run.outcome();
    (outcome.redelivered, outcome.files_lost) = (redelivered, files_lost);
    (outcome.computed_again, outcome.files_redone) = (work.computed_again, work.files_redone);
    Ok(violations)
}

fn expect(violations: &mut Vec<String>, holds: bool, otherwise: impl FnOnce() -> String) {
    if !holds {
        violations.push(otherwise());
    }
}

/// Every file of the report, patches included, is the same bytes. `run.json` tells what a run took and differs.
fn different_files(out: &Path, reference: &Reference) -> Result<Vec<String>> {
    let (found, wanted) = (files(out)?, files(&reference.out)?);
    let mut different = Vec::new();
    for name in found.union(&wanted).filter(|name| *name != Path::new("run.json")) {
        let what = match (found.contains(name), wanted.contains(name)) {
            (true, false) => "should not be there",
            (false, true) => "is missing",
            _ if fs::read(out.join(name))? == fs::read(reference.out.join(name))? => continue,
            _ => "differs",
        };
        different.push(format!("{} {what}", name.display()));
    }
    Ok(different)
}

/// Every batch has exactly one result, of the same bytes.
fn different_results(results: &Path, reference: &Reference, damaged: bool) -> Result<Vec<String>> {
    let mut different = Vec::new();
    for name in &reference.batches {
        match fs::read(results.join(name)) {
            Ok(bytes) if bytes == fs::read(reference.results.join(name))? => {}
            // Damaged after it was read for the report, which nobody can see.
            Ok(_) if damaged => {}
            Ok(_) => different.push(format!("the result of batch {name} differs")),
            Err(error) => different.push(format!("the result of batch {name}: {error}")),
        }
    }
    Ok(different)
}

/// A partial report is equal to the reference but for files that it names as failed.
fn partial_differences(out: &Path, reference: &Reference) -> Result<Vec<String>> {
    let (found, wanted) = (report_in(out)?, report_in(&reference.out)?);
    let mut different = Vec::new();
    expect(&mut different, found.partial, || "exit 3 and a report that is not partial".to_owned());
    let adds_up = found.totals.ledger.adds_up();
    expect(&mut different, adds_up, || "the ledger does not add up".to_owned());
    expect(&mut different, found.repos.len() == wanted.repos.len(), || "repositories are missing".to_owned());
    for (found, wanted) in found.repos.iter().zip(&wanted.repos) {
        let failed: BTreeSet<_> = found.failed.iter().map(|file| &file.path).collect();
        let findings = |repo: &RepoReport| {
            let others = repo.findings.iter().filter(|finding| !failed.contains(&finding.path));
            others.cloned().collect::<Vec<_>>()
        };
        let same = found.error.is_none() && findings(found) == findings(wanted);
        expect(&mut different, same, || {
            format!("{}: findings of files that did not fail differ", found.repo)
        });
        let named = found.failed.iter().all(|file| !file.reason.is_empty());
        expect(&mut different, named, || format!("{}: files failed without a reason", found.repo));
    }
    Ok(different)
}

fn report_in(out: &Path) -> Result<Report> {
    serde_json::from_slice(&fs::read(out.join("report.json"))?).context("read report.json")
}

/// A job that was cancelled stays so, and after the grace nothing is done for it any more.
async fn after_cancellations(run: &Run<'_>) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    let cancelled: Vec<_> = run.jobs.iter().filter(|job| job.ended_cancelled()).collect();
    if cancelled.is_empty() {
        return Ok(violations);
    }
    tokio::time::sleep(CANCEL_GRACE).await;
    let before = run.n_results()?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let late = run.n_results()? - before;
    let only = cancelled.len() == run.jobs.len();
    expect(&mut violations, !only || late == 0, || {
        format!("{late} results came long after the cancellation")
    });
    for job in cancelled {
        let folder = run.system.store().join("jobs").join(&job.id);
        let stays = folder.join("cancelled").exists() && !folder.join("run.json").exists();
        let said = || {
            format!("{}: exit 1, and it is not cancelled: {}", job.id, last_line(&run.system.dir, &job.id))
        };
        expect(&mut violations, stays, said);
    }
    Ok(violations)
}

/// The queues of work are empty at the end, and nobody has anything in hand.
async fn left_in_queue(run: &mut Run<'_>) -> Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let left: Vec<String> = match run.system.bus().await {
            Ok(bus) => match bus.count_messages().await {
                Ok(counts) => counts.iter().filter(|count| !is_empty(count)).map(in_words).collect(),
                Err(error) => vec![format!("the queue cannot be counted: {error}")],
            },
            Err(error) => vec![format!("the queue cannot be reached: {error:#}")],
        };
        if left.is_empty() || began.elapsed() > DRAIN_PATIENCE {
            return Ok(left);
        }
        run.system.restart_ended()?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_empty(count: &StreamCount) -> bool {
    let is_work = [WORK.name, RESULT.name, SUBMIT.name].contains(&count.stream);
    count.pending == 0 && count.unsettled == 0 && (count.messages == 0 || !is_work)
}

fn in_words(count: &StreamCount) -> String {
    let StreamCount { stream, messages, pending, unsettled } = count;
    format!("{stream} holds {messages} messages at the end, {pending} pending and {unsettled} unsettled")
}

/// Half-written objects of a local store: their names have a `#`.
fn staging_files(store: &Path) -> Result<Vec<PathBuf>> {
    Ok(files(store)?.into_iter().filter(|file| file.to_string_lossy().contains('#')).collect())
}

/// Every file below a folder, relative to it.
fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        for name in names(&folder.join(&relative))? {
            let path = relative.join(name);
            match fs::metadata(folder.join(&path)) {
                Ok(data) if data.is_dir() => folders.push(path),
                Ok(_) => {
                    found.insert(path);
                }
                // A half-written object that was completed meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).context(path.display().to_string()),
            }
        }
    }
    Ok(found)
}

fn last_line(dir: &Path, job: &str) -> String {
    let said = fs::read_to_string(dir.join(format!("{job}.stderr"))).unwrap_or_default();
    said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}
