//! One child process that is kept running: its log in a file, restarted when it dies, stopped in order.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// What people call it: `worker 1`.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables beside our own: secrets, which have no place among arguments.
    pub variables: Vec<(&'static str, String)>,
    /// Where its standard error goes.
    pub log: PathBuf,
}

/// A death sooner than this after the start is a quick one.
const QUICK: Duration = Duration::from_secs(10);

/// Quick deaths in a row after which it is hopeless.
const MAX_QUICK_DEATHS: u32 = 5;

/// How long a child may finish what it has in hand.
const DRAIN: Duration = Duration::from_secs(20);

/// Lines of the log that a failure shows.
const TAIL_LINES: usize = 15;

impl Program {
    /// Runs the program until `stop`, again and again if it dies. `died` hears of every death that is mended.
    ///
    /// # Errors
    /// If it cannot be started, or dies at once several times in a row: with the end of its log.
    pub async fn keep_running(&self, stop: CancellationToken, died: impl Fn(String)) -> anyhow::Result<()> {
        let mut quick_deaths = 0;
        loop {
            let started = Instant::now();
            let mut child = self.start()?;
            // Waiting would close it, and the child would take that for our end.
            let _open_stdin = child.stdin.take();
            let status = tokio::select! {
                biased;
                () = stop.cancelled() => return self.stop(child).await,
                status = child.wait() => status.with_context(|| format!("wait for {}", self.name))?,
            };
            quick_deaths = if started.elapsed() < QUICK { quick_deaths + 1 } else { 0 };
            if quick_deaths >= MAX_QUICK_DEATHS {
                let tail = log_tail(&self.log);
                anyhow::bail!(
                    "{} {}, {quick_deaths} times in a row; its log {} ends:\n{tail}",
                    self.name,
                    ending(status),
                    self.log.display()
                );
            }
            died(format!("{} {}, it is started again", self.name, ending(status)));
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(backoff(quick_deaths)) => {}
            }
        }
    }

    /// Starts it in a process group of its own, so that Ctrl-C reaches us alone and we decide. Its standard input
    /// stays open as long as we live: it ends with us, however we end.
    fn start(&self) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("open `{}`", self.log.display()))?;
        Command::new(&self.binary)
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start `{}`", self.binary.display()))
    }

    /// Asks it to finish, waits, and kills it if that takes too long.
    async fn stop(&self, mut child: Child) -> anyhow::Result<()> {
        if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // Fails only if it is gone already.
            kill_process(pid, Signal::TERM).ok();
        }
        if tokio::time::timeout(DRAIN, child.wait()).await.is_err() {
            tracing::warn!(name = self.name, "child did not stop in time and is killed");
            child.kill().await.with_context(|| format!("kill {}", self.name))?;
        }
        Ok(())
    }
}

/// Longer with every quick death.
fn backoff(quick_deaths: u32) -> Duration {
    Duration::from_millis(100 << quick_deaths.min(5))
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn log_tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    tail.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn shell(dir: &Path, script: &str) -> Program {
        Program {
            name: "child".into(),
            binary: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            variables: vec![("NM_TEST_SECRET", "hush".into())],
            log: dir.join("child.log"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_that_keeps_dying_is_given_up_with_the_end_of_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let deaths = Mutex::new(Vec::new());
        let program = shell(dir.path(), "echo no model >&2; exit 3");
        let died = |text| deaths.lock().unwrap().push(text);
        let error = program.keep_running(CancellationToken::new(), died).await.unwrap_err().to_string();
        assert!(error.contains("exit code 3, 5 times") && error.contains("  no model"), "{error}");
        assert_eq!(deaths.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn a_child_is_asked_to_stop_and_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let script = "trap 'echo drained >&2; exit 0' TERM; echo \"$NM_TEST_SECRET\" >&2; while :; do sleep 0.01; done";
        let program = shell(dir.path(), script);
        let running = program.keep_running(stop.clone(), |text| panic!("{text}"));
        let log = dir.path().join("child.log");
        let stopper = async {
            while !std::fs::read_to_string(&log).unwrap_or_default().contains("hush") {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let (outcome, ()) = tokio::join!(running, stopper);
        outcome.unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "hush\ndrained\n");
    }

    #[tokio::test]
    async fn a_binary_that_is_not_there_is_an_error_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let program = Program { binary: "/no/such/binary".into(), ..shell(dir.path(), "") };
        let error = program.keep_running(CancellationToken::new(), |_| {}).await.unwrap_err();
        assert!(error.to_string().contains("/no/such/binary"));
    }
}
