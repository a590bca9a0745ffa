//! The `chaos` binary: runs seeded scenarios one after the other, or a few at a time, and counts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use e2e::chaos::scenario::{Action, Moment, Victim};
use e2e::chaos::{self, LARGE, LARGER, Outcome, References, Scenario, Summary, scenario, summary};
use tokio::task::JoinSet;

/// Breaks the system in seeded ways and checks that what comes out is what comes out when nothing breaks.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "\
Examples:
  deploy/chaos --seeds 20                           twenty scenarios, from seed 1
  deploy/chaos --first-seed 17 --seeds 1            seed 17 again
  deploy/chaos --seeds 10 --fault wipe-queue        only this kind of fault
  deploy/chaos --release kill-table                 what a kill costs a job of 6,000 files
  deploy/chaos --release wipe-queue                 10,500 files, and the queue loses everything half-way
Exit code: 0 all seeds passed, 1 some failed; their folders are kept and named."
)]
struct Arguments {
    /// A single large job instead of seeds
    #[command(subcommand)]
    large: Option<Large>,
    /// How many seeds
    #[arg(long, default_value_t = 10, value_name = "N")]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    first_seed: u64,
    /// Seeds at a time: much of a scenario is waiting
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    at_once: u64,
    /// Only this kind of fault
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(scenario::kinds()))]
    fault: Option<String>,
    /// One JSON object per seed, and one with the sums at the end
    #[arg(long)]
    json: bool,
    /// Keep the folder of every seed, not only of those that failed
    #[arg(long)]
    keep: bool,
    /// Where the seeds' folders and the references are [default: beside the programs]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Large jobs with one fault each.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Large {
    /// A job of 6,000 files, killed at one third: a worker, the orchestrator, the server, all at once
    KillTable,
    /// A job of 10,500 files; half-way, the server is killed and everything that it stored is deleted
    WipeQueue,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let stop = bus::boot::cancel_on_signals()?;
        tokio::select! {
            outcome = run(&arguments) => outcome,
            // Dropping the run kills and unmounts what it started.
            () = stop.cancelled() => {
                eprintln!("stopped");
                Ok(ExitCode::from(130))
            }
        }
    });
    // Tasks that are being dropped end processes; wait for that.
    drop(runtime);
    outcome
}

async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let dir = match &arguments.dir {
        Some(dir) => std::path::absolute(dir)?,
        None => std::env::current_exe()?.parent().context("the program is in no folder")?.join("chaos-runs"),
    };
    std::fs::create_dir_all(&dir)?;
    if let Some(large) = arguments.large {
        return run_large(large, &dir).await;
    }
    let seeds = arguments.first_seed..arguments.first_seed + arguments.seeds;
    let scenarios: Vec<Scenario> = seeds.map(|seed| Scenario::of(seed, arguments.fault.as_deref())).collect();
    let shapes: Vec<_> = scenarios.iter().flat_map(|scenario| scenario.jobs.iter().copied()).collect();
    let references = chaos::references(&shapes, &dir.join("references")).await?;
    let summary = run_all(scenarios, &references, &dir, arguments).await?;
    match arguments.json {
        true => println!("{}", summary.to_json()),
        false => println!("\n{summary}"),
    }
    Ok(if summary.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_large(large: Large, dir: &Path) -> Result<ExitCode> {
    let at_once = Duration::ZERO;
    let (shape, at, actions) = match large {
        Large::KillTable => {
            let victims = [Victim::Worker(0), Victim::Orchestrator(0), Victim::Server];
            let kills = victims.map(|victim| Action::Kill(victim, at_once));
            (LARGE, Moment::Percent(33), [kills.to_vec(), vec![Action::KillAll(at_once)]].concat())
        }
        Large::WipeQueue => (LARGER, Moment::Percent(50), vec![Action::Wipe(at_once)]),
    };
    let references = chaos::references(&[shape], &dir.join("references")).await?;
    println!(
        "{:<18} {:>10} {:>12} {:>14} {:>10}",
        "fault", "files lost", "files redone", "goes on after", "identical"
    );
    let mut all_passed = true;
    for action in actions {
        let folder = dir.join(format!("large-{}", action.kind()));
        let outcome = one(&Scenario::single(shape, at, action), &references, &folder).await?;
        let recovery = outcome.recoveries.first().map_or(0.0, |(_, time)| time.as_secs_f64());
        let identical = if outcome.violations.is_empty() { "yes" } else { "no" };
        let Outcome { files_lost, files_redone, .. } = outcome;
        println!(
            "{:<18} {files_lost:>10} {files_redone:>12} {recovery:>12.1} s {identical:>10}",
            action.kind()
        );
        for remark in outcome.violations.iter().chain(&outcome.notes) {
            println!("    {remark}");
        }
        all_passed &= outcome.violations.is_empty() && !outcome.injected.is_empty();
    }
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_all(
    scenarios: Vec<Scenario>,
    references: &References,
    dir: &Path,
    arguments: &Arguments,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut running = JoinSet::new();
    let mut waiting = scenarios.into_iter();
    loop {
        while (running.len() as u64) < arguments.at_once
            && let Some(scenario) = waiting.next()
        {
            let folder = dir.join(format!("seed{}", scenario.seed));
            let references = references.clone();
            running.spawn(async move {
                let outcome = one(&scenario, &references, &folder).await;
                (scenario, folder, outcome)
            });
        }
        let Some(ended) = running.join_next().await else { return Ok(summary) };
        let (scenario, folder, outcome) = ended.context("a run panicked")?;
        let passed = tell(&scenario, outcome, &mut summary, arguments.json);
        if !passed {
            let only = arguments.fault.as_ref().map(|kind| format!(" --fault {kind}")).unwrap_or_default();
            eprintln!("    again:  deploy/chaos --first-seed {} --seeds 1{only}", scenario.seed);
            eprintln!("    folder: {}", folder.display());
        } else if !arguments.keep {
            std::fs::remove_dir_all(&folder)?;
        }
    }
}

async fn one(scenario: &Scenario, references: &References, folder: &Path) -> Result<Outcome> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(folder)?;
    ensure!(folder.is_absolute(), "{} is not absolute", folder.display());
    chaos::run(scenario, references, folder).await
}

/// Prints what came of a seed. Returns whether it passed.
fn tell(scenario: &Scenario, outcome: Result<Outcome>, summary: &mut Summary, json: bool) -> bool {
    match outcome {
        Ok(outcome) => {
            match json {
                true => println!("{}", summary::to_json(&outcome)),
                false => println!("{}", summary::line(&outcome)),
            }
            summary.add(&outcome);
            outcome.violations.is_empty()
        }
        Err(error) => {
            println!("seed {:>5}  BROKEN  {scenario}\n    {error:#}", scenario.seed);
            summary.add_broken(scenario.seed);
            false
        }
    }
}
