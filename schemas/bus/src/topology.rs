//! Applies the table of `schemas::topology` to a server, or compares the two and names every difference.

use async_nats::jetstream::{consumer, kv, stream};
use schemas::topology::{
    BUCKETS, BucketSpec, ConsumerSpec, Discard, Retention, STREAMS, Storage, StreamSpec, consumers,
};

use crate::connect::Bus;
use crate::error::Error;

impl Bus {
    /// Creates or updates every stream, consumer and bucket, then verifies what the server made of it.
    ///
    /// # Errors
    /// [`Error::Request`] if the server refuses, [`Error::TopologyDiffers`] if it took something else.
    pub async fn provision(&self) -> Result<(), Error> {
        for spec in STREAMS {
            self.jetstream
                .create_or_update_stream(stream_config(&spec))
                .await
                .map_err(|error| Error::request(format!("setting up stream {}", spec.name), error))?;
        }
        for spec in consumers() {
            self.jetstream
                .create_consumer_on_stream(consumer_config(&spec), spec.stream)
                .await
                .map_err(|error| Error::request(format!("setting up consumer {}", spec.durable), error))?;
        }
        for spec in BUCKETS {
            self.jetstream
                .create_or_update_key_value(bucket_config(&spec))
                .await
                .map_err(|error| Error::request(format!("setting up bucket {}", spec.bucket), error))?;
        }
        self.verify_topology().await
    }

    /// Compares the server with the table. Services call this at start and refuse to run on anything else: old
    /// servers drop settings silently, and a stream of another version may lose what this one relies on.
    ///
    /// # Errors
    /// [`Error::TopologyDiffers`] lists every difference.
    pub async fn verify_topology(&self) -> Result<(), Error> {
        let mut differences = Vec::new();
        for spec in STREAMS {
            match self.jetstream.get_stream(spec.name).await {
                Ok(stream) => compare_stream(&spec, &stream.cached_info().config, &mut differences),
                Err(error) => differences.push(format!("stream {}: {error}", spec.name)),
            }
        }
        for spec in consumers() {
            let found: Result<consumer::PullConsumer, _> =
                self.jetstream.get_consumer_from_stream(spec.durable, spec.stream).await;
            match found {
                Ok(consumer) => compare_consumer(&spec, &consumer.cached_info().config, &mut differences),
                Err(error) => {
                    differences.push(format!("consumer {} of {}: {error}", spec.durable, spec.stream));
                }
            }
        }
        for spec in BUCKETS {
            if let Err(error) = self.jetstream.get_key_value(spec.bucket).await {
                differences.push(format!("bucket {}: {error}", spec.bucket));
            }
        }
        if differences.is_empty() { Ok(()) } else { Err(Error::TopologyDiffers { differences }) }
    }
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
    compare(&place, "max_message_size", &wanted.max_message_size, &found.max_message_size, differences);
    compare(&place, "duplicate_window", &wanted.duplicate_window, &found.duplicate_window, differences);
    compare(&place, "allow_direct", &wanted.allow_direct, &found.allow_direct, differences);
    if spec.max_messages_per_subject > 0 {
        let (wanted, found) = (&wanted.max_messages_per_subject, &found.max_messages_per_subject);
        compare(&place, "max_messages_per_subject", wanted, found, differences);
    }
}

fn compare_consumer(spec: &ConsumerSpec, found: &consumer::Config, differences: &mut Vec<String>) {
    let place = format!("consumer {} of {}", spec.durable, spec.stream);
    compare(&place, "filter", &spec.filter, &found.filter_subject, differences);
    compare(&place, "ack_policy", &consumer::AckPolicy::Explicit, &found.ack_policy, differences);
    compare(&place, "ack_wait", &spec.ack_wait, &found.ack_wait, differences);
    compare(&place, "max_deliver", &spec.max_deliver, &found.max_deliver, differences);
    compare(&place, "max_ack_pending", &spec.max_ack_pending, &found.max_ack_pending, differences);
}
