//! All jobs of a system.

use std::path::Path;

use super::date;
use super::status::{self, JobRow};
use crate::cli::ListArgs;
use crate::place::System;
use crate::table::Table;
use crate::{exit, output};

/// Lists the jobs that the store or the queue knows, newest first.
///
/// # Errors
/// If the system cannot be reached.
pub async fn run(args: &ListArgs, cwd: &Path) -> anyhow::Result<u8> {
    let system = System::reach(&args.system, cwd).await?;
    let rows = rows(&system).await?;
    if args.json {
        for row in &rows {
            output::json(row)?;
        }
    } else {
        output::line(&table(&rows))?;
    }
    Ok(exit::DONE)
}

async fn rows(system: &System) -> anyhow::Result<Vec<JobRow>> {
    let mut jobs = match &system.store {
        Some(store) => store.jobs().await?,
        None => Vec::new(),
    };
    if let Some(bus) = &system.bus {
        jobs.extend(bus.records().await?.into_iter().map(|record| record.job));
    }
    jobs.sort();
    jobs.dedup();
    let mut rows = Vec::with_capacity(jobs.len());
    for job in &jobs {
        rows.extend(status::find(system.bus.as_ref(), system.store.as_ref(), job).await?);
    }
    rows.sort_by(|a, b| b.accepted_ms.cmp(&a.accepted_ms).then_with(|| b.job.cmp(&a.job)));
    Ok(rows)
}

fn table(rows: &[JobRow]) -> String {
    let mut table = Table::new(&["JOB", "PHASE", "ACCEPTED", "REPOS", "FILES", "FINDINGS"]);
    for row in rows {
        table.row(vec![
            row.job.to_string(),
            status::word(row.phase),
            row.accepted_ms.map_or("-".to_owned(), date),
            row.counts.repos.to_string(),
            row.counts.files_done.to_string(),
            row.counts.findings.to_string(),
        ]);
    }
    table.to_string()
}
