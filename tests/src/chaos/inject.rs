//! How each fault is done, and undone: when this is through, everything runs again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use schemas::topology::{WORK, consumers};

use super::run::Run;
use super::scenario::{Action, Object, Victim};
use super::system::signal;

impl Run<'_> {
    /// Does one fault. `false` if there was nothing that it could hit.
    pub(super) async fn inject(&mut self, action: &Action) -> Result<bool> {
        match *action {
            Action::Kill(victim, down) => self.kill(victim, down).await,
            Action::Stop(victim, time) => Ok(self.stop(victim, time).await),
            Action::KillAll(down) => self.kill_all(down).await,
            Action::Wipe(down) => self.wipe(down).await,
            Action::Disturb(client, line, time) => {
                self.system.line(client).disturb(line, time).await;
                Ok(true)
            }
            Action::DeleteConsumer(n) => {
                let all = consumers();
                Ok(self.system.bus().await?.delete_consumer(&all[n % all.len()]).await.is_ok())
            }
            Action::PurgeWork => Ok(self.system.bus().await?.purge_stream(WORK.name).await? > 0),
            Action::Damage(object, draw) => self.damage(object, draw),
            Action::FillStore(time) => self.fill("store", time).await,
            Action::FillQueue(time) => {
                let filled = self.fill("nats/store", time).await?;
                if filled {
                    self.system.server.restart()?;
                }
                Ok(filled)
            }
            Action::JumpClock(seconds) => self.system.set_clock(seconds),
            Action::KillSubmitter => self.kill_submitter(),
            Action::Cancel => self.cancel().await,
        }
    }

    async fn kill(&mut self, victim: Victim, down: Duration) -> Result<bool> {
        match victim {
            Victim::Worker(n) => {
                let n = n % self.system.n_workers();
                self.system.kill_worker(n);
                tokio::time::sleep(down).await;
                self.system.start_worker(n)?;
            }
            Victim::Orchestrator(n) => {
                let n = n % self.system.n_orchestrators();
                self.system.kill_orchestrator(n);
                tokio::time::sleep(down).await;
                self.system.start_orchestrator(n)?;
            }
            Victim::Server => {
                self.system.kill_server();
                tokio::time::sleep(down).await;
                self.system.server.restart()?;
            }
        }
        Ok(true)
    }

    async fn stop(&mut self, victim: Victim, time: Duration) -> bool {
        let pid = match victim {
            Victim::Worker(n) => self.system.worker_pid(n % self.system.n_workers()),
            Victim::Orchestrator(n) => self.system.orchestrator_pid(n % self.system.n_orchestrators()),
            Victim::Server => Some(self.system.server.pid()),
        };
        let Some(pid) = pid else { return false };
        signal(pid, Signal::STOP);
        tokio::time::sleep(time).await;
        signal(pid, Signal::CONT);
        true
    }

    async fn kill_all(&mut self, down: Duration) -> Result<bool> {
        let (n_orchestrators, n_workers) = (self.system.n_orchestrators(), self.system.n_workers());
        self.system.kill_server();
        (0..n_orchestrators).for_each(|n| self.system.kill_orchestrator(n));
        (0..n_workers).for_each(|n| self.system.kill_worker(n));
        tokio::time::sleep(down).await;
        self.system.server.restart()?;
        for n in 0..n_orchestrators {
            self.system.start_orchestrator(n)?;
        }
        for n in 0..n_workers {
            self.system.start_worker(n)?;
        }
        Ok(true)
    }

    async fn wipe(&mut self, down: Duration) -> Result<bool> {
        self.system.kill_server();
        // Not the folder itself: it may be where a small disk is mounted.
        for entry in fs::read_dir(self.system.dir.join("nats/store"))? {
            let path = entry?.path();
            // The server may still be on its way down and remove something itself.
            for _ in 0..100 {
                if fs::remove_dir_all(&path).is_ok() || !path.exists() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            ensure!(!path.exists(), "{} cannot be removed", path.display());
        }
        tokio::time::sleep(down).await;
        self.system.server.restart()?;
        Ok(true)
    }

    /// Flips a byte of an object, or cuts its end off.
    pub(super) fn damage(&self, object: Object, draw: u64) -> Result<bool> {
        let mut paths = self.objects(object)?;
        if paths.is_empty() {
            return Ok(false);
        }
        paths.sort();
        let path = &paths[usize::try_from(draw >> 1)? % paths.len()];
        let mut bytes = fs::read(path)?;
        let middle = bytes.len() / 2;
        if draw.is_multiple_of(2) {
            bytes.truncate(middle);
        } else if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 0x20;
        }
        fs::write(path, bytes).with_context(|| path.display().to_string())?;
        Ok(true)
    }

    fn objects(&self, object: Object) -> Result<Vec<PathBuf>> {
        let store = self.system.store();
        let folders = match object {
            Object::Result => vec![store.join("results")],
            Object::Sources => vec![store.join("sources")],
            Object::Snapshot => {
                // A job that was cancelled leaves none.
                let of_repos = fs::read_dir(store.join("index")).into_iter().flatten();
                let of_repos: Vec<PathBuf> = of_repos.filter_map(|repo| Some(repo.ok()?.path())).collect();
                [vec![store.join("snapshots")], of_repos].concat()
            }
            Object::Plan => {
                let of_job = |job: &super::run::Job<'_>| store.join("jobs").join(&job.id).join("repos");
                let repos = self.jobs.iter().map(of_job).filter_map(|repos| fs::read_dir(repos).ok());
                repos.flatten().filter_map(|repo| Some(repo.ok()?.path())).collect()
            }
        };
        let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        // Names with `#` are objects that are being written.
        let is_object = |path: &PathBuf| path.is_file() && !path.to_string_lossy().contains('#');
        Ok(files.filter_map(|file| Some(file.ok()?.path())).filter(is_object).collect())
    }

    async fn fill(&self, folder: &str, time: Duration) -> Result<bool> {
        let Some(disk) = self.system.disk(folder) else { return Ok(false) };
        disk.fill()?;
        tokio::time::sleep(time).await;
        disk.empty()?;
        Ok(true)
    }

    fn kill_submitter(&mut self) -> Result<bool> {
        let system = &self.system;
        let Some(job) = self.jobs.iter_mut().find(|job| job.end.is_none()) else { return Ok(false) };
        job.submit_again(system)?;
        Ok(true)
    }

    /// Asks for the cancellation of the first job.
    async fn cancel(&mut self) -> Result<bool> {
        let id = self.jobs[0].id.clone();
        let arguments = ["cancel", id.as_str()].map(str::to_owned);
        let status = self.system.submit(&format!("{id}-cancel"), &arguments)?.wait().await?;
        self.jobs[0].cancel_requested = status.success();
        Ok(status.success())
    }
}
