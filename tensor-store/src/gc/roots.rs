//! Where marking starts: jobs, index pointers, pins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::SystemTime;

use futures::TryStreamExt;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::GcOptions;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::list::ListedObject;
use crate::pins::Pin;
use crate::store::Store;

/// The roots of one clean-up, and which of them were followed.
#[derive(Debug)]
pub(super) struct Roots {
    /// Root objects that were followed, with when they were written: a pointer may be written again.
    followed: HashMap<String, SystemTime>,
    /// Jobs that are no roots.
    pub(super) jobs_out: BTreeSet<String>,
    /// Jobs that have ended and are not pinned, oldest first: what a limit takes next.
    pub(super) jobs_ended: Vec<String>,
    /// A job that may still be looking for what it can reuse: active, and not all of its plans are stored.
    pub(super) planning: Option<String>,
    index_since: Option<SystemTime>,
    now: SystemTime,
}

/// One job folder.
#[derive(Debug, Default)]
struct Job {
    has_spec: bool,
    n_plans: usize,
    ended: Option<SystemTime>,
}

impl Roots {
    pub(super) async fn list(store: &Store, options: &GcOptions, now: SystemTime) -> Result<Self> {
        let before = |keep: Option<std::time::Duration>| keep.and_then(|keep| now.checked_sub(keep));
        let jobs = jobs(store).await?;
        let pinned = store.pinned_jobs(now).await?;
        let mut ended = Vec::new();
        for (name, job) in jobs {
            match job.ended {
                Some(at) if !pinned.contains(&name) => ended.push((at, name)),
                None if job.n_plans > 0 && !job.has_spec => {
                    return Err(Error::corrupt(format!("jobs/{name}"), "it has plans and no spec"));
                }
                _ => {}
            }
        }
        ended.sort_unstable();
        let n_out = match before(options.keep_jobs) {
            Some(since) => ended.partition_point(|(at, _)| *at < since),
            None => 0,
        };
        let mut jobs_ended: Vec<String> = ended.into_iter().map(|(_, name)| name).collect();
        let jobs_out = jobs_ended.drain(..n_out).collect();
        let index_since = before(options.keep_index);
        Ok(Self { followed: HashMap::new(), jobs_out, jobs_ended, planning: None, index_since, now })
    }

    /// The same roots, none followed, without the next `n` ended jobs.
    pub(super) fn without(&self, n: usize) -> Self {
        let (out, ended) = self.jobs_ended.split_at(n);
        Self {
            followed: HashMap::new(),
            jobs_out: self.jobs_out.iter().chain(out).cloned().collect(),
            jobs_ended: ended.to_vec(),
            planning: None,
            index_since: self.index_since,
            now: self.now,
        }
    }

    /// Root objects that were written since this was asked last. Sees, too, whether a job is being planned.
    pub(super) async fn fresh(&mut self, store: &Store) -> Result<Vec<String>> {
        if self.planning.is_none() {
            self.planning = planning(store).await?;
        }
        let mut fresh = Vec::new();
        for folder in ["jobs", "index", "pins"] {
            let mut objects = store.walk(folder);
            while let Some(object) = objects.try_next().await? {
                if self.is_root(store, &object).await?
                    && self.followed.get(&object.key) != Some(&object.modified)
                {
                    self.followed.insert(object.key.clone(), object.modified);
                    fresh.push(object.key);
                }
            }
        }
        Ok(fresh)
    }

    async fn is_root(&self, store: &Store, object: &ListedObject) -> Result<bool> {
        let (folder, rest) = object.key.split_once('/').unwrap_or((&object.key, ""));
        match folder {
            "jobs" => {
                let (job, file) = rest.split_once('/').unwrap_or((rest, ""));
                let leads_on = file == "spec" || file == "report/tensors.json" || is_plan(file);
                Ok(leads_on && !self.jobs_out.contains(job))
            }
            "index" => Ok(!self.is_stale_pointer(object)),
            _ => Ok(!Pin::read(store, &object.key).await?.is_none_or(|pin| pin.is_over(self.now))),
        }
    }

    /// An index pointer that was not written within its time.
    pub(super) fn is_stale_pointer(&self, object: &ListedObject) -> bool {
        self.index_since.is_some_and(|since| object.modified < since)
    }
}

async fn jobs(store: &Store) -> Result<BTreeMap<String, Job>> {
    let mut jobs = BTreeMap::new();
    let mut objects = store.walk("jobs");
    while let Some(object) = objects.try_next().await? {
        note(&mut jobs, &object);
    }
    Ok(jobs)
}

/// A job that has neither ended nor a plan for each of its repos.
async fn planning(store: &Store) -> Result<Option<String>> {
    /// What matters of a spec, in any version.
    #[derive(Deserialize)]
    struct Spec {
        repos: Vec<IgnoredAny>,
    }
    for (name, job) in jobs(store).await? {
        if job.ended.is_none() && job.has_spec {
            let spec: Spec = match store.get_json(&Key::job_spec(&name)).await {
                // It ended and was removed since it was listed.
                Err(Error::NotFound { .. }) => continue,
                Err(Error::Decode { what, reason }) => return Err(Error::corrupt(what, reason)),
                spec => spec?,
            };
            if job.n_plans < spec.repos.len() {
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

fn is_plan(file: &str) -> bool {
    file.starts_with("repos/") && file.ends_with("/plan")
}

fn note(jobs: &mut BTreeMap<String, Job>, object: &ListedObject) {
    let mut parts = object.key.splitn(3, '/').skip(1);
    let (Some(name), Some(file)) = (parts.next(), parts.next()) else { return };
    let job = jobs.entry(name.to_owned()).or_default();
    match file {
        "spec" => job.has_spec = true,
        // Either keeps the job from being taken up again.
        "run.json" | "cancelled" => job.ended = job.ended.max(Some(object.modified)),
        file => job.n_plans += usize::from(is_plan(file)),
    }
}
