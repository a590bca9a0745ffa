//! How the process ends: exit codes, and the errors that have one of their own.

use schemas::JobId;
use schemas::messages::Phase;
use schemas::rules::Level;

/// Everything was done.
pub const DONE: u8 = 0;
/// It did not work.
pub const ERROR: u8 = 1;
/// The command line cannot be used.
pub const USAGE: u8 = 2;
/// Some repo or file failed; the report says which.
pub const PARTIAL: u8 = 3;
/// The job id is taken by a job with another spec.
pub const CONFLICT: u8 = 5;
/// Findings at or above `--fail-on`.
pub const FINDINGS: u8 = 6;
/// Stopped by a signal.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a job that ended. `worst` is the highest level among its findings.
///
/// Findings win over a partial end: who asks for a gate wants to know that it closed, and the report says both.
#[must_use]
pub fn code(phase: Phase, fail_on: Option<Level>, worst: Option<Level>) -> u8 {
    let gate_closed = fail_on.is_some_and(|limit| worst.is_some_and(|worst| worst >= limit));
    match phase {
        Phase::Done | Phase::Partial if gate_closed => FINDINGS,
        Phase::Done => DONE,
        Phase::Partial => PARTIAL,
        Phase::Queued | Phase::Running | Phase::Reporting | Phase::Cancelled | Phase::Failed => ERROR,
    }
}

/// The exit code of an error.
#[must_use]
pub fn code_of_error(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        USAGE
    } else if error.is::<Conflict>() {
        CONFLICT
    } else if error.is::<Interrupted>() {
        INTERRUPTED
    } else {
        ERROR
    }
}

/// The command line cannot be used as it is.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

impl Usage {
    /// A usage error in these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A usage error in the words of another error.
    pub fn from_error(error: impl std::error::Error) -> Self {
        Self(error.to_string())
    }
}

/// The job id belongs to a job with another spec.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "job {job} exists with another spec; choose another --job-id, or submit what it was submitted with:\n  {}",
    .differences.join("\n  ")
)]
pub struct Conflict {
    /// The id.
    pub job: JobId,
    /// What differs, one line each.
    pub differences: Vec<String>,
}

/// A signal ended the wait.
#[derive(Clone, Debug, thiserror::Error)]
#[error("interrupted; {hint}")]
pub struct Interrupted {
    /// How to go on.
    pub hint: String,
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_exit_code_follows_the_phase_and_the_gate() {
        use Level::{Error, Note, Warning};
        let table = [
            (Phase::Done, None, None, DONE),
            (Phase::Done, None, Some(Error), DONE),
            (Phase::Done, Some(Note), None, DONE),
            (Phase::Done, Some(Error), Some(Warning), DONE),
            (Phase::Done, Some(Warning), Some(Warning), FINDINGS),
            (Phase::Done, Some(Note), Some(Error), FINDINGS),
            (Phase::Partial, None, Some(Error), PARTIAL),
            (Phase::Partial, Some(Error), Some(Note), PARTIAL),
            (Phase::Partial, Some(Error), Some(Error), FINDINGS),
            (Phase::Failed, Some(Note), Some(Error), ERROR),
            (Phase::Cancelled, None, None, ERROR),
            (Phase::Running, None, None, ERROR),
        ];
        for (phase, fail_on, worst, expected) in table {
            assert_eq!(code(phase, fail_on, worst), expected, "{phase:?} {fail_on:?} {worst:?}");
        }
    }

    #[test]
    fn an_error_keeps_its_code_behind_context() {
        let job: JobId = "j".parse().unwrap();
        let conflict = Conflict { job, differences: vec!["rules: 1".into()] };
        let with_context = Err::<(), _>(conflict).context("submit").unwrap_err();
        assert_eq!(code_of_error(&with_context), CONFLICT);
        assert_eq!(code_of_error(&Usage::new("no").into()), USAGE);
        assert_eq!(code_of_error(&Interrupted { hint: String::new() }.into()), INTERRUPTED);
        assert_eq!(code_of_error(&anyhow::anyhow!("else")), ERROR);
    }
}
