//! Repairs a queue that lost something while the system ran: its store was deleted, a consumer is stuck. The queue
//! can be rebuilt from the object store, so nothing here is an emergency; it is said and mended.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{ConsumerErrorKind, RawMessageErrorKind};
use futures::StreamExt;
use schemas::topology::{ADV, BUCKETS, ConsumerSpec, STREAMS, WORK, consumers};
use schemas::{BatchId, JobId, Lane, subjects, topology};

use crate::connect::Bus;
use crate::delivery::batch_of_message_id;
use crate::error::Error;

/// How many messages wait or are being worked on, by the consumer that brings them, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneCount {
    /// Which lane.
    pub lane: Lane,
    /// Messages of the lane in the stream.
    pub stored: u64,
    /// Messages that its consumer will deliver, or has delivered and waits for.
    pub deliverable: u64,
}

/// Counts are taken again this often if the queue moved meanwhile. A queue that never stands still is not stuck.
const COUNT_ATTEMPTS: u32 = 5;

impl Bus {
    /// Creates the streams, consumers and buckets that are missing, and names them. What is there stays as it is.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer or refuses.
    pub async fn restore_topology(&self) -> Result<Vec<String>, Error> {
        let mut restored = Vec::new();
        for spec in STREAMS {
            if !self.has_stream(spec.name).await? {
                self.create_stream(&spec).await?;
                restored.push(format!("stream {}", spec.name));
            }
        }
        for spec in consumers() {
            if !self.has_consumer(&spec).await? {
                self.create_consumer(&spec).await?;
                restored.push(format!("consumer {}", spec.durable));
            }
        }
        for spec in BUCKETS {
            if !self.has_stream(&format!("KV_{}", spec.bucket)).await? {
                self.create_bucket(&spec).await?;
                restored.push(format!("bucket {}", spec.bucket));
            }
        }
        Ok(restored)
    }

    async fn has_stream(&self, name: &str) -> Result<bool, Error> {
        match self.jetstream.get_stream(name).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(false)
                }
                _ => Err(Error::request(format!("looking for stream {name}"), error)),
            },
        }
    }

    async fn has_consumer(&self, spec: &ConsumerSpec) -> Result<bool, Error> {
        let found: Result<PullConsumer, _> =
            self.jetstream.get_consumer_from_stream(spec.durable, spec.stream).await;
        match found {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::CONSUMER_NOT_FOUND =>
                {
                    Ok(false)
                }
                _ => Err(Error::request(format!("looking for consumer {}", spec.durable), error)),
            },
        }
    }

    /// How many batches of a job are in the queue, waiting or being worked on.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn n_queued(&self, job: &JobId) -> Result<u64, Error> {
        let (_, counts) = self.work_counts(&subjects::batch_ready_job(job)).await?;
        Ok(counts.values().sum())
    }

    /// Which batches of a job are in the queue, waiting or being worked on. One request per message: for when their
    /// number is not what it should be.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn queued(&self, job: &JobId) -> Result<BTreeSet<BatchId>, Error> {
        let what = "listing the batches of a job";
        let stream = self
            .jetstream
            .get_stream_no_info(WORK.name)
            .await
            .map_err(|error| Error::request(what, error))?;
        let (subject, mut sequence) = (subjects::batch_ready_job(job), 1);
        let mut batches = BTreeSet::new();
        loop {
            match stream.get_first_raw_message_by_subject(&subject, sequence).await {
                Ok(message) => {
                    let id = message.headers.get(async_nats::header::NATS_MESSAGE_ID);
                    batches.extend(id.and_then(|id| batch_of_message_id(id.as_str())));
                    sequence = message.sequence + 1;
                }
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(batches),
                Err(error) => return Err(Error::request(what, error)),
            }
        }
    }

    /// Compares what each lane holds with what its consumer knows of. `None` if the queue did not stand still long
    /// enough to be counted.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn count_lanes(&self) -> Result<Option<Vec<LaneCount>>, Error> {
        for _ in 0..COUNT_ATTEMPTS {
            let (before, stored) = self.work_counts(">").await?;
            let mut lanes = Vec::new();
            for lane in Lane::ALL {
                let prefix = subjects::batch_ready_lane(lane);
                let prefix = prefix.trim_end_matches('>');
                let in_lane = stored.iter().filter(|(subject, _)| subject.starts_with(prefix));
                let stored = in_lane.map(|(_, n)| n).sum();
                let deliverable = self.deliverable(&topology::work(lane)).await?;
                lanes.push(LaneCount { lane, stored, deliverable });
            }
            let (after, _) = self.work_counts(">").await?;
            if before == after {
                return Ok(Some(lanes));
            }
        }
        Ok(None)
    }

    /// Advisories that are not dealt with: each may be a message that its consumer gave up.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn n_advisories(&self) -> Result<u64, Error> {
        let spec = topology::advisories();
        debug_assert_eq!(spec.stream, ADV.name);
        self.deliverable(&spec).await
    }

    /// Makes the consumer of a lane anew: everything that the lane holds is delivered again.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn recreate_lane(&self, lane: Lane) -> Result<(), Error> {
        let spec = topology::work(lane);
        let deleted = self.jetstream.delete_consumer_from_stream(spec.durable, spec.stream).await;
        deleted.map_err(|error| Error::request(format!("deleting consumer {}", spec.durable), error))?;
        self.create_consumer(&spec).await
    }

    async fn deliverable(&self, spec: &ConsumerSpec) -> Result<u64, Error> {
        let consumer = self.bind(spec).await?;
        let info = consumer.cached_info();
        Ok(info.num_pending + info.num_ack_pending as u64)
    }

    /// Last sequence and number of messages of the WORK stream, and the number by subject.
    async fn work_counts(&self, filter: &str) -> Result<((u64, u64), BTreeMap<String, u64>), Error> {
        let what = "counting the queue";
        let stream = self
            .jetstream
            .get_stream_no_info(WORK.name)
            .await
            .map_err(|error| Error::request(what, error))?;
        let mut found =
            stream.info_with_subjects(filter).await.map_err(|error| Error::request(what, error))?;
        let state = &found.info.state;
        let position = (state.last_sequence, state.messages);
        let mut counts = BTreeMap::new();
        while let Some(subject) = found.next().await {
            let (subject, n) = subject.map_err(|error| Error::request(what, error))?;
            counts.insert(subject, n as u64);
        }
        Ok((position, counts))
    }
}
