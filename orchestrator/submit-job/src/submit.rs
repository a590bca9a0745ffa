//! Hands a job over: the model's files and the spec into the store, then a message that names them. In this order,
//! so that whoever reads the message finds what it names.

use anyhow::Context;
use bus::Bus;
use schemas::messages::{JobRecord, JobSubmitted};
use schemas::{Digest, subjects};

use crate::job_store::{Found, JobStore};
use crate::request::Request;

/// A job that was handed over.
#[derive(Debug)]
pub struct Submitted {
    /// Whether it was there.
    pub found: Found,
    /// Digest of its spec.
    pub spec: Digest,
    /// Its record from before: what an earlier run left is no news of this one.
    pub record_before: Option<JobRecord>,
}

/// Submits a job, or attaches to the one of the same id and spec. One that has ended is left alone.
///
/// # Errors
/// [`crate::exit::Conflict`] if the id belongs to another spec; errors of store and queue.
pub async fn submit(bus: &Bus, store: &JobStore, request: &Request) -> anyhow::Result<Submitted> {
    if let Some(model) = &request.model {
        store.upload_model(model).await.context("store the model")?;
    }
    let found = store.submit(&request.job, &request.spec).await?;
    let spec = Digest::of(&request.spec.to_json());
    let record_before = match found {
        Found::New => None,
        Found::Unfinished | Found::Ended => bus.record(&request.job).await?,
    };
    if found != Found::Ended {
        let message = JobSubmitted { job: request.job.clone(), spec };
        bus.publish(subjects::JOB_SUBMITTED, &message_id(&message, found), &message).await?;
    }
    Ok(Submitted { found, spec, record_before })
}

/// A new job has one id, so that a message that is sent twice is one. Whoever attaches wants to be heard again: the
/// queue may have lost the first message, or have handed it to an orchestrator that died.
fn message_id(message: &JobSubmitted, found: Found) -> String {
    let id = format!("{}.{}", message.job, message.spec);
    match found {
        Found::New => id,
        Found::Unfinished | Found::Ended => format!("{id}.{}", ulid::Ulid::generate()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_job_has_one_message_id_and_every_attachment_its_own() {
        let message = JobSubmitted { job: "j".parse().unwrap(), spec: Digest::of(b"") };
        assert_eq!(message_id(&message, Found::New), message_id(&message, Found::New));
        assert_ne!(message_id(&message, Found::Unfinished), message_id(&message, Found::Unfinished));
    }
}
