//! Standard output is data: plain lines, or NDJSON events with `--json`. Everything for people goes to standard
//! error, elsewhere.

use std::io::{ErrorKind, Write};
use std::path::Path;

use schemas::messages::{Counts, Phase, Progress};
use schemas::{Digest, JobId};
use serde::Serialize;

use crate::progress::Rates;

/// One line of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The job is in the system.
    Submitted {
        /// Which job.
        job: &'a JobId,
        /// Digest of its spec.
        spec: Digest,
        /// `new`, `attached` or `ended`.
        state: &'static str,
        /// The object store that holds it.
        store: &'a str,
    },
    /// Where it stands.
    Progress {
        /// Which job.
        job: &'a JobId,
        /// Where it is.
        phase: Phase,
        /// Counts so far.
        counts: &'a Counts,
        /// Milliseconds since the orchestrator took it up.
        elapsed_ms: u64,
        /// Tokens a second; absent until there is a rate.
        tokens_per_s: Option<f64>,
        /// Estimated seconds that are left; absent until there is a rate.
        eta_s: Option<f64>,
        /// Workers alive.
        workers: usize,
    },
    /// What a dry run would do.
    Plan {
        /// In the order of the job.
        repos: &'a [crate::plan::RepoRow],
    },
    /// The last line, however it ended.
    Result(ResultEvent<'a>),
}

/// How it ended.
#[derive(Debug, Serialize)]
pub struct ResultEvent<'a> {
    /// Which job; absent if it did not come to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<&'a JobId>,
    /// How the job ended; absent if it did not, or nobody waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The exit code of this process.
    pub exit_code: u8,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The folder that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<&'a Path>,
    /// Counts at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<&'a Counts>,
    /// Milliseconds from taking the job up to its report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u64>,
}

impl<'a> Event<'a> {
    /// The event of an announcement.
    #[must_use]
    pub fn progress(progress: &'a Progress, rates: Rates) -> Self {
        Self::Progress {
            job: &progress.job,
            phase: progress.phase,
            counts: &progress.counts,
            elapsed_ms: progress.elapsed_ms,
            tokens_per_s: rates.tokens_per_s,
            eta_s: rates.eta.map(|eta| eta.as_secs_f64()),
            workers: crate::progress::n_alive(progress),
        }
    }
}

/// Writes lines.
///
/// # Errors
/// As [`line()`].
pub fn lines(lines: &[String]) -> anyhow::Result<()> {
    if lines.is_empty() { Ok(()) } else { line(&lines.join("\n")) }
}

/// Writes one line. A reader that went away is not an error: `submit-job … | head -1` is fine.
///
/// # Errors
/// If standard output cannot be written otherwise.
pub fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes one value as one line of JSON.
///
/// # Errors
/// As [`line()`].
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Writes one value as JSON for people and programs.
///
/// # Errors
/// As [`line()`].
pub fn json_pretty(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Says something to people.
pub fn say(text: &str) {
    // Nobody reads it: nothing can be done about that.
    writeln!(std::io::stderr().lock(), "{text}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_line(event: &Event<'_>) -> String {
        serde_json::to_string(event).unwrap()
    }

    #[test]
    fn events_are_told_apart_by_their_first_field() {
        let job: JobId = "job_1".parse().unwrap();
        let submitted =
            Event::Submitted { job: &job, spec: Digest::of(b""), state: "new", store: "file:///s" };
        assert!(as_line(&submitted).starts_with(r#"{"event":"submitted","job":"job_1","spec":"af13"#));
        let result = Event::Result(ResultEvent {
            job: Some(&job),
            phase: Some(Phase::Partial),
            exit_code: 3,
            error: None,
            out: Some(Path::new("out")),
            counts: None,
            elapsed_ms: Some(12),
        });
        assert_eq!(
            as_line(&result),
            r#"{"event":"result","job":"job_1","phase":"partial","exit_code":3,"out":"out","elapsed_ms":12}"#
        );
    }
}
