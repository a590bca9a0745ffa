//! Messages: small structs that name objects, encoded as msgpack with field names. The type and version travel in
//! the `Nm-Type` header, never in the body. All past versions are read, the newest is written.
//!
//! An additive change gets `#[serde(default)]`; anything else gets a new version, a new arm in the type's `decode`,
//! and a new golden file under `schemas/golden/`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::health::{Heartbeat, WorkerRow};
use crate::ids::{BatchId, JobId, WorkerId};

/// The header that holds [`Message::TYPE`].
pub const TYPE_HEADER: &str = "Nm-Type";

/// The header that holds how often a message was delivered in earlier forms: one that a worker gave back is published
/// again, and the delivery that it gave back does not count.
pub const ATTEMPTS_HEADER: &str = "Nm-Attempts";

/// Something that crosses a process boundary.
pub trait Message: Serialize + DeserializeOwned {
    /// Name and version, such as `batch.ready/1`.
    const TYPE: &'static str;

    /// Reads any version of the message that was ever written.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`] for a type or version that this build does not know,
    /// [`DecodeError::Malformed`] for bytes that are not such a message. Neither can succeed later.
    fn decode(kind: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        if kind != Self::TYPE {
            return Err(DecodeError::UnknownType { expected: Self::TYPE, found: kind.to_owned() });
        }
        from_msgpack(bytes)
    }

    /// The bytes of the newest version.
    fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("messages hold nothing that msgpack cannot say")
    }
}

/// A message that can never be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Another message, or a version of the future.
    #[error("message type `{found}` is not known here, `{expected}` is")]
    UnknownType {
        /// What this build writes.
        expected: &'static str,
        /// What the header says.
        found: String,
    },
    /// Not msgpack, or not this struct.
    #[error("message body is malformed")]
    Malformed(#[source] rmp_serde::decode::Error),
}

fn from_msgpack<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, DecodeError> {
    rmp_serde::from_slice(bytes).map_err(DecodeError::Malformed)
}

/// submit-job → orchestrator: the spec of this job is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmitted {
    /// Which job.
    pub job: JobId,
    /// Digest of the spec's bytes.
    pub spec: Digest,
}

impl Message for JobSubmitted {
    const TYPE: &'static str = "job.submitted/1";
}

/// submit-job → orchestrator: stop this job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancelRequested {
    /// Which job.
    pub job: JobId,
}

impl Message for JobCancelRequested {
    const TYPE: &'static str = "job.cancel_requested/1";
}

/// orchestrator → worker: do this batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReady {
    /// For whom; one result may serve several jobs.
    pub job: JobId,
    /// Which batch: the key of its result.
    pub batch: BatchId,
    /// The pipeline to run it with.
    pub pipeline: Digest,
    /// The source pack.
    pub sources: Digest,
}

impl Message for BatchReady {
    const TYPE: &'static str = "batch.ready/1";
}

/// worker → orchestrator: the result of this batch is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchDone {
    /// For whom.
    pub job: JobId,
    /// Which batch.
    pub batch: BatchId,
    /// Who did it.
    pub worker: WorkerId,
    /// Delivery number, from 1.
    pub attempt: u32,
    /// Whether the result was there already.
    pub reused: bool,
    /// What it took.
    pub stats: BatchStats,
}

impl Message for BatchDone {
    const TYPE: &'static str = "batch.done/1";
}

/// What a batch took. Zero where the result was there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BatchStats {
    /// Files in it.
    pub n_files: u64,
    /// Bytes of the files.
    pub n_bytes: u64,
    /// Real tokens that went through the model.
    pub n_tokens: u64,
    /// Tokens that went through the model, padding included.
    pub n_padded_tokens: u64,
    /// Findings.
    pub n_findings: u64,
    /// Fetching the sources, milliseconds.
    pub fetch_ms: u64,
    /// Parsing, rules, fixes, certificates, milliseconds.
    pub fix_ms: u64,
    /// Tokenising and the model, milliseconds.
    pub infer_ms: u64,
    /// Storing, milliseconds.
    pub persist_ms: u64,
}

impl BatchStats {
    /// Adds what another batch took.
    pub fn add(&mut self, other: &Self) {
        self.n_files += other.n_files;
        self.n_bytes += other.n_bytes;
        self.n_tokens += other.n_tokens;
        self.n_padded_tokens += other.n_padded_tokens;
        self.n_findings += other.n_findings;
        self.fetch_ms += other.fetch_ms;
        self.fix_ms += other.fix_ms;
        self.infer_ms += other.infer_ms;
        self.persist_ms += other.persist_ms;
    }

    /// How much of what the model computed was real tokens, from 0 to 1, to four digits.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "four digits are wanted")]
    pub fn real_token_share(&self) -> Option<f64> {
        let share = self.n_tokens as f64 / self.n_padded_tokens as f64;
        (self.n_padded_tokens > 0).then(|| (share * 1e4).round() / 1e4)
    }
}

/// anyone → orchestrator: this message can never succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchDead {
    /// For whom, if that could be read.
    pub job: Option<JobId>,
    /// Which batch, if that could be read.
    pub batch: Option<BatchId>,
    /// The type header of the message.
    pub kind: String,
    /// Attempts made.
    pub attempt: u32,
    /// The chain of errors, for people.
    pub reason: String,
}

impl Message for BatchDead {
    const TYPE: &'static str = "batch.dead/1";
}

impl Message for Heartbeat {
    const TYPE: &'static str = "health.worker/1";
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Accepted, nothing begun.
    Queued,
    /// Repos are cloned and planned, batches are dispatched.
    Running,
    /// Everything is accounted for; the report is being written.
    Reporting,
    /// Everything was done.
    Done,
    /// A repo, a batch or a file failed; the report says which.
    Partial,
    /// Stopped on request.
    Cancelled,
    /// No report could be made.
    Failed,
}

impl Phase {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Partial | Self::Cancelled | Self::Failed)
    }
}

/// orchestrator → anyone who watches: where a job stands. At most one a second and job, and one at every change
/// of phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Which job.
    pub job: JobId,
    /// Where it is.
    pub phase: Phase,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Counts so far.
    pub counts: Counts,
    /// Milliseconds since the orchestrator took it up.
    pub elapsed_ms: u64,
    /// The workers that the orchestrator knows.
    pub workers: Vec<WorkerRow>,
}

impl Message for Progress {
    const TYPE: &'static str = "progress/1";
}

/// Counts of a job so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Counts {
    /// Repos of the job.
    pub repos: u64,
    /// Repos that are cloned and planned.
    pub repos_planned: u64,
    /// Repos that failed.
    pub repos_failed: u64,
    /// Batches planned so far.
    pub batches: u64,
    /// Batches with a result.
    pub batches_done: u64,
    /// Batches that can never succeed.
    pub batches_dead: u64,
    /// Files in the planned batches.
    pub files: u64,
    /// Files in the batches that are done or dead.
    pub files_done: u64,
    /// Tokens in the planned batches: counted with a model, estimated without.
    pub tokens: u64,
    /// The same of the batches that are done or dead.
    pub tokens_done: u64,
    /// Findings so far.
    pub findings: u64,
    /// Scanned files that are in no batch, since their earlier result is known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub files_reused: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The record of a job in the `jobs` bucket: what `list` and `status` show. The object store is the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Which job.
    pub job: JobId,
    /// Digest of the spec's bytes.
    pub spec: Digest,
    /// Where it is.
    pub phase: Phase,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Counts so far.
    pub counts: Counts,
    /// When it was accepted, milliseconds since 1970.
    pub accepted_ms: u64,
    /// When it last changed, milliseconds since 1970.
    pub changed_ms: u64,
}

impl Message for JobRecord {
    const TYPE: &'static str = "job.record/1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_round_trips() {
        let message = JobCancelRequested { job: "j".parse().unwrap() };
        let decoded = JobCancelRequested::decode(JobCancelRequested::TYPE, &message.encode()).unwrap();
        assert_eq!(decoded, message);
    }

    #[test]
    fn the_share_of_real_tokens_is_of_what_was_computed() {
        let stats =
            |n_tokens, n_padded_tokens| BatchStats { n_tokens, n_padded_tokens, ..BatchStats::default() };
        let mut sum = stats(0, 0);
        assert_eq!(sum.real_token_share(), None);
        sum.add(&stats(90, 100));
        sum.add(&stats(1000, 1000));
        assert_eq!(sum.real_token_share(), Some(0.9909));
    }

    #[test]
    fn an_unknown_version_and_broken_bytes_are_told_apart() {
        let unknown = BatchReady::decode("batch.ready/99", &[]).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "message type `batch.ready/99` is not known here, `batch.ready/1` is"
        );
        assert!(matches!(BatchReady::decode(BatchReady::TYPE, b"\xc1"), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn fields_of_the_future_are_ignored() {
        #[derive(Serialize)]
        struct Newer {
            job: &'static str,
            colour: &'static str,
        }
        let bytes = rmp_serde::to_vec_named(&Newer { job: "j", colour: "red" }).unwrap();
        assert_eq!(JobCancelRequested::decode(JobCancelRequested::TYPE, &bytes).unwrap().job.as_str(), "j");
    }
}
