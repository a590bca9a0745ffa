//! What the tests of recovery do to a cluster beside killing one process: watch for the object that marks a moment,
//! stop processes and let them go on, start a second orchestrator, start workers that have little memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, kill};
use crate::repos;

impl Cluster {
    /// The folder of the store.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.store_url().strip_prefix("file://").unwrap().into()
    }

    /// Kills every worker without warning.
    pub fn kill_workers(&mut self) {
        self.workers.iter_mut().for_each(kill);
        self.workers.clear();
    }

    /// Stops the orchestrator in its tracks, as a machine does that is paused.
    pub fn pause_orchestrator(&self) {
        signal("-STOP", self.orchestrator.as_ref().unwrap());
    }

    /// Lets a paused orchestrator go on.
    pub fn unpause_orchestrator(&self) {
        signal("-CONT", self.orchestrator.as_ref().unwrap());
    }

    /// Starts another orchestrator with a data folder of its own. Killed when the guard is dropped.
    #[must_use]
    pub fn start_second_orchestrator(&self) -> Killed {
        Killed(self.service("orchestrator", "data-2").spawn().unwrap())
    }

    /// Starts a worker of one slot that may map so much memory, as `ulimit -v` has it. One arena for all its threads:
    /// what it maps is what it uses, and not what an allocator reserves for each thread.
    pub fn start_small_worker(&mut self, kib: Option<u64>) {
        let mut worker = self.service("worker", "data");
        worker.args(["--threads", "1", "--slots", "1"]).env("MALLOC_ARENA_MAX", "1");
        if let Some(kib) = kib {
            limit_memory(&mut worker, kib);
        }
        self.workers.push(worker.spawn().unwrap());
    }

    /// The most memory that the worker that was started last has had mapped, KiB.
    #[must_use]
    pub fn worker_peak_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.workers.last().unwrap().id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// How many workers ended by themselves since the last call. They are forgotten.
    pub fn reap_workers(&mut self) -> usize {
        let before = self.workers.len();
        self.workers.retain_mut(|worker| matches!(worker.try_wait(), Ok(None)));
        before - self.workers.len()
    }
}

/// A process that is killed when this is dropped.
pub struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        kill(&mut self.0);
    }
}

/// Sets the limit before the program begins.
#[expect(unsafe_code, reason = "there is no safe way to do something between fork and exec")]
fn limit_memory(command: &mut Command, kib: u64) {
    use std::os::unix::process::CommandExt;

    let limit = rustix::process::Rlimit { current: Some(kib * 1024), maximum: Some(kib * 1024) };
    // SAFETY: one system call, which allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setrlimit(rustix::process::Resource::As, limit).map_err(Into::into)
        });
    }
}

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits until the folder or file is there, looking every millisecond: edges are short.
///
/// # Panics
/// If that takes unreasonably long.
pub fn wait_for(path: &Path) {
    wait_until(&path.display().to_string(), || path.exists());
}

/// Waits until something holds, looking every millisecond.
///
/// # Panics
/// If that takes unreasonably long.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(240), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Objects in a folder of the store.
#[must_use]
pub fn n_objects(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| !entry.file_name().to_string_lossy().contains('#')).count()
}

/// A repository of `n` files whose results no other salt shares.
pub fn make_salted(dir: &Path, n: usize, salt: &str) -> PathBuf {
    let files: Vec<(String, String)> = (0..n)
        .map(|i| {
            let text = format!(
                "// {salt}\nfunction f{i}(a) {{\n  var x = a;\n  return !!x ? {i} : x;\n}}\nf{i}({i});\n"
            );
            (format!("src/f{i:05}.js"), text)
        })
        .collect();
    repos::make(dir, files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}
