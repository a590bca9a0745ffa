//! `gc`: what goes, and what stays.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use bytesize::ByteSize;
use tensor_store::{GcOptions, GcReport, Store};

use super::{NOT_AS_WANTED, Output, size};

/// Arguments of `gc`.
#[derive(Debug, clap::Args)]
pub(super) struct Gc {
    /// Removes; otherwise it is only counted what would go.
    #[arg(long)]
    delete: bool,
    /// Removes nothing younger: longer than any job takes. Under 2h needs `--nobody-writes`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "48h")]
    grace: Duration,
    /// No orchestrator, worker or client uses the store meanwhile: any `--grace` is safe then.
    #[arg(long)]
    nobody_writes: bool,
    /// Removes jobs that ended longer ago, with their reports and what only they lead to. Default: none.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    keep_jobs: Option<Duration>,
    /// Removes what the next scan would start from, where it was not renewed for longer. Default: none.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    keep_index: Option<Duration>,
    /// Removes more ended jobs, oldest first, until the store has at most this. What is active, pinned or young stays.
    #[arg(long, value_name = "SIZE")]
    max_bytes: Option<ByteSize>,
    /// Joins small tensor packs into larger ones.
    #[arg(long)]
    compact: bool,
}

/// A put that finds its object there renews it only when it is over an hour old.
const SHORTEST_GRACE: Duration = Duration::from_secs(2 * 3600);

pub(super) async fn run(store: &Store, gc: &Gc, output: &mut Output) -> anyhow::Result<ExitCode> {
    ensure!(
        gc.nobody_writes || gc.grace >= SHORTEST_GRACE,
        "--grace under 2h would take what running jobs have just found; add --nobody-writes if there are none"
    );
    let options = GcOptions {
        delete: gc.delete,
        grace: gc.grace,
        keep_jobs: gc.keep_jobs,
        keep_index: gc.keep_index,
        max_bytes: gc.max_bytes.map(|size| size.as_u64()),
        compact: gc.compact,
    };
    let report = store.collect_garbage(&options).await?;
    output.line(&report, || text(&report))?;
    let is_unfinished = report.deleted && report.waiting_for.is_some();
    Ok(match report.fits {
        Some(false) => ExitCode::from(NOT_AS_WANTED),
        _ if is_unfinished => ExitCode::from(NOT_AS_WANTED),
        _ => ExitCode::SUCCESS,
    })
}

fn text(report: &GcReport) -> String {
    let freed = if report.deleted { "freed" } else { "would free" };
    let mut text = format!("{:<12} {:>22} {:>22} {:>22}", "", "kept", "young", freed);
    let total = ("total".to_owned(), report.total());
    for (folder, counts) in report.folders.iter().chain([(&total.0, &total.1)]) {
        let [kept, young, freed] = [counts.kept, counts.young, counts.freed]
            .map(|usage| format!("{} ({})", usage.n_objects, size(usage.n_bytes)));
        text += &format!("\n{folder:<12} {kept:>22} {young:>22} {freed:>22}");
    }
    for job in &report.jobs_freed {
        text += &format!("\njob {job}: {freed}");
    }
    if let Some(compaction) = &report.compaction {
        let verb = if report.deleted { "joined" } else { "would be joined" };
        text += &format!(
            "\n{} tensor packs {verb} to {}",
            compaction.joined.n_objects, compaction.made.n_objects
        );
    }
    if report.fits == Some(false) {
        text += "\nthe store does not fit --max-bytes: the rest is active, indexed, pinned or young";
    }
    if let Some(job) = &report.waiting_for {
        text += &format!("\njob {job} is being planned: what it might reuse stays until the next clean-up");
    }
    if !report.deleted {
        text += "\nnothing was removed: add --delete";
    }
    text
}
