//! Applies the table of `schemas::topology` to a server, or compares the two and names every difference.

use std::time::Duration;

use async_nats::jetstream::{consumer, kv, stream};
use schemas::topology::{
    BUCKETS, BucketSpec, ConsumerSpec, Discard, Retention, STREAMS, Storage, StreamSpec, consumers,
};
use tracing::debug;

use crate::connect::Bus;
use crate::error::Error;

impl Bus {
    /// Creates or updates every stream, consumer and bucket, then verifies what the server made of it.
    ///
    /// # Errors
    /// [`Error::Request`] if the server refuses, [`Error::TopologyDiffers`] if it took something else.
    pub async fn provision(&self) -> Result<(), Error> {
        self.restore_topology().await?;
        for spec in STREAMS {
            self.jetstream
                .update_stream(stream_config(&spec))
                .await
                .map_err(|error| Error::request(format!("setting up stream {}", spec.name), error))?;
        }
        for spec in consumers() {
            self.create_consumer(&spec).await?;
        }
        for spec in BUCKETS {
            self.create_bucket(&spec).await?;
        }
        self.verify_topology().await
    }

    /// Sequences begin at the clock: the acknowledgement of a message of a stream that was lost must not hit one
    /// that is new under the same number.
    pub(crate) async fn create_stream(&self, spec: &StreamSpec) -> Result<(), Error> {
        let config = stream::Config { first_sequence: Some(seconds_since_1970()), ..stream_config(spec) };
        let created = self.jetstream.create_stream(config).await;
        created.map(drop).map_err(|error| Error::request(format!("setting up stream {}", spec.name), error))
    }

    pub(crate) async fn create_consumer(&self, spec: &ConsumerSpec) -> Result<(), Error> {
        let created = self.jetstream.create_consumer_on_stream(consumer_config(spec), spec.stream).await;
        created
            .map(drop)
            .map_err(|error| Error::request(format!("setting up consumer {}", spec.durable), error))
    }

    pub(crate) async fn create_bucket(&self, spec: &BucketSpec) -> Result<(), Error> {
        let created = self.jetstream.create_or_update_key_value(bucket_config(spec)).await;
        created.map(drop).map_err(|error| Error::request(format!("setting up bucket {}", spec.bucket), error))
    }

    /// Compares the server with the table. Services call this at start and refuse to run on anything else: old
    /// servers drop settings silently, and a stream of another version may lose what this one relies on.
    ///
    /// # Errors
    /// [`Error::TopologyDiffers`] lists every difference, [`Error::TopologyIncomplete`] what is missing where the
    /// rest is as it should be.
    pub async fn verify_topology(&self) -> Result<(), Error> {
        let (mut differences, mut missing) = (Vec::new(), Vec::new());
        for spec in STREAMS {
            match self.jetstream.get_stream(spec.name).await {
                Ok(stream) => compare_stream(&spec, &stream.cached_info().config, &mut differences),
                Err(error) => missing.push(format!("stream {}: {error}", spec.name)),
            }
        }
        for spec in consumers() {
            let found: Result<consumer::PullConsumer, _> =
                self.jetstream.get_consumer_from_stream(spec.durable, spec.stream).await;
            match found {
                Ok(consumer) => compare_consumer(&spec, &consumer.cached_info().config, &mut differences),
                Err(error) => missing.push(format!("consumer {} of {}: {error}", spec.durable, spec.stream)),
            }
        }
        for spec in BUCKETS {
            match self.jetstream.get_stream(format!("KV_{}", spec.bucket)).await {
                Ok(stream) => compare_bucket(&spec, &stream.cached_info().config, &mut differences),
                Err(error) => missing.push(format!("bucket {}: {error}", spec.bucket)),
            }
        }
        match (differences.is_empty(), missing.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::TopologyIncomplete { missing }),
            (false, _) => Err(Error::TopologyDiffers { differences }),
        }
    }

    /// Verifies the topology, waiting up to `patience` for what is missing: the orchestrator sets it up again where
    /// the server lost its store.
    ///
    /// # Errors
    /// As [`Bus::verify_topology`], once `patience` is over or at once for what waiting cannot help.
    pub async fn verify_topology_patiently(&self, patience: Duration) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            match self.verify_topology().await {
                Err(error) if error.is_transient() && tokio::time::Instant::now() < deadline => {
                    debug!(%error, "the topology is not there yet");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

fn seconds_since_1970() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn stream_config(spec: &StreamSpec) -> stream::Config {
    stream::Config {
        name: spec.name.to_owned(),
        subjects: spec.subjects.iter().map(|&subject| subject.to_owned()).collect(),
        retention: match spec.retention {
            Retention::WorkQueue => stream::RetentionPolicy::WorkQueue,
            Retention::Limits => stream::RetentionPolicy::Limits,
        },
        storage: match spec.storage {
            Storage::File => stream::StorageType::File,
            Storage::Memory => stream::StorageType::Memory,
        },
        discard: match spec.discard {
            Discard::New => stream::DiscardPolicy::New,
            Discard::Old => stream::DiscardPolicy::Old,
        },
        max_age: spec.max_age,
        max_bytes: spec.max_bytes,
        max_messages_per_subject: spec.max_messages_per_subject,
        max_message_size: i32::try_from(schemas::topology::MAX_MESSAGE_BYTES).expect("64 KiB fits"),
        // The server caps the window at the age limit.
        duplicate_window: match spec.max_age {
            age if age.is_zero() => spec.duplicate_window,
            age => spec.duplicate_window.min(age),
        },
        allow_direct: spec.allow_direct,
        num_replicas: 1,
        ..stream::Config::default()
    }
}

fn consumer_config(spec: &ConsumerSpec) -> consumer::pull::Config {
    consumer::pull::Config {
        durable_name: Some(spec.durable.to_owned()),
        ack_policy: consumer::AckPolicy::Explicit,
        ack_wait: spec.ack_wait,
        max_deliver: spec.max_deliver,
        max_ack_pending: spec.max_ack_pending,
        filter_subject: spec.filter.clone(),
        ..consumer::pull::Config::default()
    }
}

fn bucket_config(spec: &BucketSpec) -> kv::Config {
    kv::Config {
        bucket: spec.bucket.to_owned(),
        history: spec.history,
        max_age: spec.max_age,
        ..kv::Config::default()
    }
}

/// Pushes a line if two values differ.
fn compare<T: PartialEq + std::fmt::Debug>(
    place: &str,
    field: &str,
    wanted: &T,
    found: &T,
    differences: &mut Vec<String>,
) {
    if wanted != found {
        differences.push(format!("{place}: {field} is {found:?}, needed is {wanted:?}"));
    }
}

fn compare_stream(spec: &StreamSpec, found: &stream::Config, differences: &mut Vec<String>) {
    let wanted = stream_config(spec);
    let place = format!("stream {}", spec.name);
    compare(&place, "subjects", &wanted.subjects, &found.subjects, differences);
    compare(&place, "retention", &wanted.retention, &found.retention, differences);
    compare(&place, "storage", &wanted.storage, &found.storage, differences);
    compare(&place, "discard", &wanted.discard, &found.discard, differences);
    compare(&place, "max_age", &wanted.max_age, &found.max_age, differences);
    compare(&place, "max_bytes", &wanted.max_bytes, &found.max_bytes, differences);
    compare(&place, "max_message_size", &wanted.max_message_size, &found.max_message_size, differences);
    compare(&place, "duplicate_window", &wanted.duplicate_window, &found.duplicate_window, differences);
    compare(&place, "allow_direct", &wanted.allow_direct, &found.allow_direct, differences);
    if spec.max_messages_per_subject > 0 {
        let (wanted, found) = (&wanted.max_messages_per_subject, &found.max_messages_per_subject);
        compare(&place, "max_messages_per_subject", wanted, found, differences);
    }
}

fn compare_bucket(spec: &BucketSpec, found: &stream::Config, differences: &mut Vec<String>) {
    let place = format!("bucket {}", spec.bucket);
    compare(&place, "history", &spec.history, &found.max_messages_per_subject, differences);
    compare(&place, "max_age", &spec.max_age, &found.max_age, differences);
}

fn compare_consumer(spec: &ConsumerSpec, found: &consumer::Config, differences: &mut Vec<String>) {
    let place = format!("consumer {} of {}", spec.durable, spec.stream);
    compare(&place, "filter", &spec.filter, &found.filter_subject, differences);
    compare(&place, "ack_policy", &consumer::AckPolicy::Explicit, &found.ack_policy, differences);
    compare(&place, "ack_wait", &spec.ack_wait, &found.ack_wait, differences);
    compare(&place, "max_deliver", &spec.max_deliver, &found.max_deliver, differences);
    compare(&place, "max_ack_pending", &spec.max_ack_pending, &found.max_ack_pending, differences);
}
