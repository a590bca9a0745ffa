//! What is kept for whoever looks: heartbeats, progress, job records.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use schemas::JobId;
use schemas::health::{Heartbeat, WorkerRow, is_dead};
use schemas::messages::{JobRecord, Message, Progress, TYPE_HEADER};
use schemas::topology::{HEALTH, JOBS, PROGRESS, WORK};
use schemas::{WorkerId, subjects};
use tracing::debug;

use crate::connect::{Bus, bounded};
use crate::error::Error;

impl Bus {
    /// Sends a heartbeat.
    ///
    /// # Errors
    /// As [`Bus::announce`].
    pub async fn beat(&self, heartbeat: &Heartbeat) -> Result<(), Error> {
        self.announce(&subjects::health_worker(&heartbeat.worker), heartbeat).await
    }

    /// Heartbeats of workers as they come.
    ///
    /// # Errors
    /// [`Error::Request`] if the subscription is refused.
    pub async fn heartbeats(&self) -> Result<impl Stream<Item = Heartbeat> + Unpin + use<>, Error> {
        let subscription = self.subscribe(subjects::HEALTH_WORKERS).await?;
        Ok(decoded(subscription).boxed())
    }

    /// Every worker that was heard of in the last minute, by id.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        let what = "reading heartbeats";
        let stream =
            self.jetstream.get_stream(HEALTH.name).await.map_err(|error| Error::request(what, error))?;
        let mut found = stream
            .info_with_subjects(subjects::HEALTH_WORKERS)
            .await
            .map_err(|error| Error::request(what, error))?;
        let mut rows = Vec::new();
        while let Some(subject) = found.next().await {
            let (subject, _) = subject.map_err(|error| Error::request(what, error))?;
            let Ok(message) = stream.direct_get_last_for_subject(subject).await else { continue };
            let Ok(heartbeat) = Heartbeat::decode(Heartbeat::TYPE, &message.payload) else { continue };
            let silent = silence(message.time.unix_timestamp_nanos());
            let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
            rows.push(WorkerRow { heartbeat, silent_ms, dead: is_dead(silent) });
        }
        rows.sort_by(|a, b| a.heartbeat.worker.cmp(&b.heartbeat.worker));
        Ok(rows)
    }

    /// The newest progress of a job, then every further one.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn watch_progress(
        &self,
        job: &JobId,
    ) -> Result<impl Stream<Item = Progress> + Unpin + use<>, Error> {
        let subject = subjects::progress(job);
        let news = decoded(self.subscribe(&subject).await?);
        // A queue that just lost its store has none; the next announcement comes all the same.
        let newest = self.progress(job).await.unwrap_or_else(|error| {
            debug!(job_id = %job, %error, "newest progress cannot be read");
            None
        });
        Ok(futures::stream::iter(newest).chain(news).boxed())
    }

    /// The newest progress of a job.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn progress(&self, job: &JobId) -> Result<Option<Progress>, Error> {
        let stream = self
            .jetstream
            .get_stream_no_info(PROGRESS.name)
            .await
            .map_err(|error| Error::request("reading progress", error))?;
        match stream.direct_get_last_for_subject(subjects::progress(job)).await {
            Ok(message) => Ok(Progress::decode(Progress::TYPE, &message.payload).ok()),
            Err(error) if error.kind() == async_nats::jetstream::stream::DirectGetErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(Error::request("reading progress", error)),
        }
    }

    /// Writes the record of a job.
    ///
    /// # Errors
    /// [`Error::Request`] or [`Error::TimedOut`].
    pub async fn put_record(&self, record: &JobRecord) -> Result<(), Error> {
        let bucket = self.jobs().await?;
        let value = Bytes::from(record.encode());
        bounded("writing a job record", async {
            bucket
                .put(record.job.as_str(), value)
                .await
                .map(drop)
                .map_err(|error| Error::request("writing a job record", error))
        })
        .await
    }

    /// The record of a job.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn record(&self, job: &JobId) -> Result<Option<JobRecord>, Error> {
        let value = self
            .jobs()
            .await?
            .get(job.as_str())
            .await
            .map_err(|error| Error::request("reading a job record", error))?;
        Ok(value.and_then(|bytes| JobRecord::decode(JobRecord::TYPE, &bytes).ok()))
    }

    /// The records of all jobs, newest first.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn records(&self) -> Result<Vec<JobRecord>, Error> {
        let what = "listing job records";
        let bucket = self.jobs().await?;
        let mut keys = bucket.keys().await.map_err(|error| Error::request(what, error))?;
        let mut records = Vec::new();
        while let Some(key) = keys.next().await {
            let key = key.map_err(|error| Error::request(what, error))?;
            let value = bucket.get(key).await.map_err(|error| Error::request(what, error))?;
            records.extend(value.and_then(|bytes| JobRecord::decode(JobRecord::TYPE, &bytes).ok()));
        }
        records.sort_by(|a, b| b.accepted_ms.cmp(&a.accepted_ms).then_with(|| a.job.cmp(&b.job)));
        Ok(records)
    }

    /// Takes the batches of a job that no worker has yet out of the queue.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn purge_job(&self, job: &JobId) -> Result<u64, Error> {
        let what = "purging a job";
        let stream = self
            .jetstream
            .get_stream_no_info(WORK.name)
            .await
            .map_err(|error| Error::request(what, error))?;
        let purged = stream
            .purge()
            .filter(subjects::batch_ready_job(job))
            .await
            .map_err(|error| Error::request(what, error))?;
        Ok(purged.purged)
    }

    /// Removes one message of the WORK stream: what an advisory says no worker will get again. Gives it back
    /// with its type and subject, or `None` if it is gone already.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn take_undeliverable(&self, sequence: u64) -> Result<Option<(String, Bytes)>, Error> {
        let what = "reading an undeliverable message";
        let stream = self
            .jetstream
            .get_stream_no_info(WORK.name)
            .await
            .map_err(|error| Error::request(what, error))?;
        let Ok(message) = stream.get_raw_message(sequence).await else { return Ok(None) };
        let kind = message.headers.get(TYPE_HEADER).map_or_else(String::new, ToString::to_string);
        Ok(Some((kind, message.payload)))
    }

    /// Deletes one message of the WORK stream, once its dead letter is stored.
    ///
    /// # Errors
    /// [`Error::Request`] if the server does not answer.
    pub async fn delete_undeliverable(&self, sequence: u64) -> Result<(), Error> {
        let what = "deleting an undeliverable message";
        let stream = self
            .jetstream
            .get_stream_no_info(WORK.name)
            .await
            .map_err(|error| Error::request(what, error))?;
        stream.delete_message(sequence).await.map(drop).map_err(|error| Error::request(what, error))
    }

    async fn jobs(&self) -> Result<async_nats::jetstream::kv::Store, Error> {
        self.jetstream
            .get_key_value(JOBS.bucket)
            .await
            .map_err(|error| Error::request("opening the jobs bucket", error))
    }

    async fn subscribe(&self, subject: &str) -> Result<async_nats::Subscriber, Error> {
        self.client
            .subscribe(subject.to_owned())
            .await
            .map_err(|error| Error::request(format!("subscribing to {subject}"), error))
    }
}

fn decoded<M: Message>(subscription: async_nats::Subscriber) -> impl Stream<Item = M> {
    subscription.filter_map(|message| async move {
        let kind = message.headers.as_ref().and_then(|headers| headers.get(TYPE_HEADER));
        match M::decode(kind.map_or("", |kind| kind.as_str()), &message.payload) {
            Ok(decoded) => Some(decoded),
            Err(error) => {
                debug!(subject = %message.subject, %error, "announcement of another version is ignored");
                None
            }
        }
    })
}

fn silence(since_nanos: i128) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let since = u64::try_from(since_nanos.max(0)).map_or(Duration::MAX, Duration::from_nanos);
    now.saturating_sub(since)
}

/// Unique for every start of a worker on every machine: a restarted worker is another worker.
#[must_use]
pub fn new_worker_id() -> WorkerId {
    let random: u64 = rand::random();
    format!("w{}-{:08x}", std::process::id(), random >> 32)
        .parse()
        .expect("digits and a dash are a worker id")
}
