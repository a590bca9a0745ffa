//! Clean-up by mark and sweep: what no job, index or pin leads to, and is old enough, is removed.
//!
//! **Roots** are the jobs (spec, plans, the list of their tensors), the pointers below `index/`, and pins. From there
//! on, every digest that is written anywhere in an object is a reference ([`references`]), so a new kind of reference
//! needs no line here. A root or a link that cannot be read stops the clean-up: nothing is guessed.
//!
//! **Swept** are [`SWEPT`], in this order: what refers goes before what it refers to. What refers and stays, because it
//! is young, is a root too: nothing that is left may lead to something that is gone. Jobs and index pointers go when
//! they were given a time to live. Models, pipelines and everything that this version does not know stay.
//!
//! **A job that runs meanwhile loses nothing**, because
//! 1. a put leaves a young object, also where it found the same one there ([`Store::put_new`]), and nothing younger
//!    than the grace period is removed: what a job writes is safe until it has written what refers to it;
//! 2. what it finds and reuses is reached from its plans, and until they are stored nothing is removed at all: a job
//!    that has a spec, has not ended and lacks the plan of a repo stops the sweep.
//!
//! Between a look at the jobs and a removal there is a moment in which a job could start. So objects are removed in
//! short turns, each under a mark in `gc/sweeping`, and each looks at the jobs first. Whoever stored the spec of a job
//! waits until there is no such mark ([`Store::wait_for_sweep`]), and looks for earlier results then: either the turn
//! saw the job, or the look comes after the turn.

mod mark;
mod references;
mod roots;
mod sweep;
mod turn;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::error::Result;
use crate::stats::Usage;
use crate::store::Store;

use mark::Marks;
pub(crate) use references::digest_in;
use roots::Roots;

/// Folders of objects that go when nothing leads to them.
pub(crate) const SWEPT: [&str; 5] = ["results", "snapshots", "moved", "sources", "tensors"];

/// What a clean-up may remove.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// Whether anything is removed; otherwise it is only counted.
    pub delete: bool,
    /// Nothing younger is removed. Longer than any job takes from writing an object to writing what refers to it.
    pub grace: Duration,
    /// Jobs that ended longer ago are no roots, and are removed with their reports; by default none are.
    pub keep_jobs: Option<Duration>,
    /// Index pointers that were not written for longer are no roots, and are removed; by default none are.
    pub keep_index: Option<Duration>,
    /// What should be left at most, in bytes: ended jobs beyond it go, oldest first.
    pub max_bytes: Option<u64>,
    /// Small tensor packs that are left are joined.
    pub compact: bool,
}

impl GcOptions {
    /// The shortest grace period that is safe beside running jobs: two days.
    pub const GRACE: Duration = Duration::from_secs(48 * 3600);
}

impl Default for GcOptions {
    fn default() -> Self {
        Self {
            delete: false,
            grace: Self::GRACE,
            keep_jobs: None,
            keep_index: None,
            max_bytes: None,
            compact: false,
        }
    }
}

/// What a clean-up found in one folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FolderSweep {
    /// What stays because something leads to it, because it is young and leads on, or because it is not swept.
    pub kept: Usage,
    /// What nothing leads to and leads nowhere, but is younger than the grace period.
    pub young: Usage,
    /// What was removed; without `delete`, what would be.
    pub freed: Usage,
}

/// What a clean-up did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Whether anything was removed.
    pub deleted: bool,
    /// By top-level folder.
    pub folders: BTreeMap<String, FolderSweep>,
    /// Jobs that outlived their time or the limit.
    pub jobs_freed: Vec<String>,
    /// What joining small tensor packs came to.
    pub compaction: Option<crate::compact::Compaction>,
    /// A job that is being planned: what it might reuse was left, for the next clean-up.
    pub waiting_for: Option<String>,
    /// Whether what is left fits the limit; `None` without a limit.
    pub fits: Option<bool>,
    /// Milliseconds until everything was marked.
    pub mark_ms: u64,
    /// Milliseconds for everything.
    pub total_ms: u64,
}

impl GcReport {
    /// The sum over all folders.
    #[must_use]
    pub fn total(&self) -> FolderSweep {
        let mut total = FolderSweep::default();
        for folder in self.folders.values() {
            total.kept.add(folder.kept);
            total.young.add(folder.young);
            total.freed.add(folder.freed);
        }
        total
    }
}

impl Store {
    /// Removes what nothing leads to: see the module. Without [`GcOptions::delete`] it only counts.
    ///
    /// # Errors
    /// Whatever reading a root or a link gives ([`crate::Error::Corrupt`], [`crate::Error::Decode`],
    /// [`crate::Error::Backend`]), before anything was removed; [`crate::Error::Backend`] from removing.
    ///
    /// # Cancel safety
    /// What was removed up to then stays removed; the store is whole.
    pub async fn collect_garbage(&self, options: &GcOptions) -> Result<GcReport> {
        let started = std::time::Instant::now();
        let millis =
            |since: std::time::Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = SystemTime::now();
        let cutoff = now.checked_sub(options.grace).unwrap_or(SystemTime::UNIX_EPOCH);
        if options.delete {
            self.forget_killed_sweeps().await?;
        }
        let mut roots = Roots::list(self, options, now).await?;
        let mut marks = Marks::list(self, cutoff).await?;
        marks.follow(self, &mut roots).await?;
        let mut fits = None;
        if let Some(max_bytes) = options.max_bytes {
            fits = Some(sweep::fit(self, &mut roots, &mut marks, cutoff, max_bytes).await?);
        }
        let mut report = GcReport {
            deleted: options.delete,
            waiting_for: roots.planning.clone(),
            fits,
            mark_ms: millis(started),
            ..GcReport::default()
        };
        sweep::jobs(self, &roots, options.delete, cutoff, &mut report).await?;
        sweep::index(self, &roots, options.delete, &mut report).await?;
        sweep::folders(self, &mut roots, &mut marks, (options.delete, cutoff), &mut report).await?;
        if options.compact {
            report.compaction = Some(self.compact(options.delete, cutoff).await?);
        }
        report.total_ms = millis(started);
        Ok(report)
    }
}
