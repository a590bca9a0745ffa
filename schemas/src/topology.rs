//! The NATS topology as data: streams, consumers, key-value buckets. `nightmend-deploy provision` (and `submit-job --local`)
//! apply this table; services only bind, and refuse with the difference where the server has something else.

use std::time::Duration;

use crate::job::Lane;
use crate::subjects;

/// The oldest server that keeps what is asked of it: older ones silently ignore settings and strand messages.
pub const MIN_SERVER_VERSION: (u64, u64, u64) = (2, 12, 0);

/// A message above this is a bug: messages carry ids, never content. Bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// What a stream keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Until a consumer acknowledged it.
    WorkQueue,
    /// Until a limit is reached.
    Limits,
}

/// Where a stream keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// On disk.
    File,
    /// In memory: gone with the server.
    Memory,
}

/// What happens when a stream is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// The publisher gets an error.
    New,
    /// The oldest message goes.
    Old,
}

/// One stream. Zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name.
    pub name: &'static str,
    /// What it captures.
    pub subjects: &'static [&'static str],
    /// What it keeps.
    pub retention: Retention,
    /// Where.
    pub storage: Storage,
    /// What happens when it is full.
    pub discard: Discard,
    /// Age limit.
    pub max_age: Duration,
    /// Size limit, bytes.
    pub max_bytes: i64,
    /// Message limit per subject.
    pub max_messages_per_subject: i64,
    /// How long a message id is remembered.
    pub duplicate_window: Duration,
    /// Whether the newest message of a subject can be read without a consumer.
    pub allow_direct: bool,
}

/// One durable pull consumer with explicit acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// The stream it reads.
    pub stream: &'static str,
    /// Its name.
    pub durable: &'static str,
    /// The subjects it takes.
    pub filter: String,
    /// A delivery that is neither settled nor kept alive for this long is delivered again.
    pub ack_wait: Duration,
    /// Deliveries; after the last one JetStream sends an advisory and keeps the message.
    pub max_deliver: i64,
    /// Attempts after which a message that was refused is dead. Not for one that takes its worker along: that one is
    /// never refused, and is delivered until the worker has found the file. Negative means no limit.
    pub max_attempts: i64,
    /// Unsettled deliveries over all workers.
    pub max_ack_pending: i64,
}

/// One key-value bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSpec {
    /// Its name.
    pub bucket: &'static str,
    /// Values kept per key.
    pub history: i64,
    /// Age limit; zero means none.
    pub max_age: Duration,
}

const fn mins(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

const fn days(n: u64) -> Duration {
    Duration::from_secs(24 * 60 * 60 * n)
}

const MIB: i64 = 1 << 20;

const DURABLE: StreamSpec = StreamSpec {
    name: "",
    subjects: &[],
    retention: Retention::WorkQueue,
    storage: Storage::File,
    discard: Discard::New,
    max_age: Duration::ZERO,
    max_bytes: 64 * MIB,
    max_messages_per_subject: 0,
    duplicate_window: mins(10),
    allow_direct: false,
};

/// Requests to the orchestrator. It may be down when they arrive.
pub const SUBMIT: StreamSpec = StreamSpec {
    name: "SUBMIT",
    subjects: &[subjects::JOB_ALL],
    max_age: days(7),
    duplicate_window: mins(2),
    ..DURABLE
};

/// Batches that wait: a small window per job, never the whole backlog. No age limit, that would be silent loss.
pub const WORK: StreamSpec =
    StreamSpec { name: "WORK", subjects: &[subjects::BATCH_READY_ALL], max_bytes: 256 * MIB, ..DURABLE };

/// Results, until they are counted.
pub const RESULT: StreamSpec =
    StreamSpec { name: "RESULT", subjects: &[subjects::BATCH_DONE_ALL], max_bytes: 256 * MIB, ..DURABLE };

/// Batches that can never succeed, with the reason.
pub const DLQ: StreamSpec = StreamSpec {
    name: "DLQ",
    subjects: &[subjects::BATCH_DEAD_ALL],
    retention: Retention::Limits,
    max_age: days(30),
    discard: Discard::Old,
    ..DURABLE
};

/// State changes of jobs.
pub const EVENT: StreamSpec = StreamSpec {
    name: "EVENT",
    subjects: &[subjects::EVENT_ALL],
    retention: Retention::Limits,
    max_age: days(30),
    discard: Discard::Old,
    allow_direct: true,
    ..DURABLE
};

/// Where each job stands: a command line that comes late sees it at once.
pub const PROGRESS: StreamSpec = StreamSpec {
    name: "PROGRESS",
    subjects: &[subjects::PROGRESS_ALL],
    retention: Retention::Limits,
    storage: Storage::Memory,
    discard: Discard::Old,
    max_age: days(1),
    max_bytes: 16 * MIB,
    max_messages_per_subject: 1,
    allow_direct: true,
    ..DURABLE
};

/// The newest heartbeat of each process.
pub const HEALTH: StreamSpec =
    StreamSpec { name: "HEALTH", subjects: &[subjects::HEALTH_ALL], max_age: mins(1), ..PROGRESS };

/// JetStream's advisories are sent once and lost if nobody listens: kept here.
pub const ADV: StreamSpec = StreamSpec {
    name: "ADV",
    subjects: &subjects::ADVISORIES,
    retention: Retention::Limits,
    max_age: days(7),
    discard: Discard::Old,
    ..DURABLE
};

/// Every stream.
pub const STREAMS: [StreamSpec; 8] = [SUBMIT, WORK, RESULT, DLQ, EVENT, PROGRESS, HEALTH, ADV];

/// The state of each job, for `status`, `list` and cancellation checks. The object store is the truth.
pub const JOBS: BucketSpec = BucketSpec { bucket: "jobs", history: 5, max_age: Duration::ZERO };

/// Who is in charge; renewed, or gone.
pub const LEASES: BucketSpec = BucketSpec { bucket: "leases", history: 1, max_age: Duration::from_secs(15) };

/// Every bucket.
pub const BUCKETS: [BucketSpec; 2] = [JOBS, LEASES];

/// A worker sends a heartbeat this often.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);

/// A worker that was silent for this long is dead.
pub const DEAD_AFTER: Duration = Duration::from_secs(15);

/// The consumer that intake reads.
#[must_use]
pub fn intake() -> ConsumerSpec {
    ConsumerSpec {
        stream: SUBMIT.name,
        durable: "intake",
        filter: subjects::JOB_ALL.to_owned(),
        ack_wait: Duration::from_secs(30),
        max_deliver: 20,
        max_attempts: 20,
        max_ack_pending: 64,
    }
}

/// The consumer that the workers of one lane share. Crashes are noticed within `ack_wait`; long work is kept
/// alive by the worker.
#[must_use]
pub fn work(lane: Lane) -> ConsumerSpec {
    ConsumerSpec {
        stream: WORK.name,
        durable: lane.token(),
        filter: subjects::batch_ready_lane(lane),
        ack_wait: Duration::from_secs(30),
        // A search by halves over 256 files, each piece begun twice, ends within this.
        max_deliver: 1100,
        // With the waits in between, some five minutes of a store that is away.
        max_attempts: 20,
        max_ack_pending: 512,
    }
}

/// The consumer that counts results.
#[must_use]
pub fn collect() -> ConsumerSpec {
    ConsumerSpec {
        stream: RESULT.name,
        durable: "collect",
        filter: subjects::BATCH_DONE_ALL.to_owned(),
        ack_wait: Duration::from_secs(30),
        max_deliver: -1,
        max_attempts: -1,
        max_ack_pending: 2048,
    }
}

/// The consumer that counts dead letters.
#[must_use]
pub fn collect_dead() -> ConsumerSpec {
    ConsumerSpec {
        stream: DLQ.name,
        durable: "collect-dead",
        filter: subjects::BATCH_DEAD_ALL.to_owned(),
        ..collect()
    }
}

/// The consumer that turns advisories into dead letters.
#[must_use]
pub fn advisories() -> ConsumerSpec {
    ConsumerSpec { stream: ADV.name, durable: "advisories", filter: String::new(), ..collect() }
}

/// Every consumer.
#[must_use]
pub fn consumers() -> Vec<ConsumerSpec> {
    let mut consumers = vec![intake(), collect(), collect_dead(), advisories()];
    consumers.extend(Lane::ALL.map(work));
    consumers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consumer_reads_a_stream_of_the_table() {
        for consumer in consumers() {
            assert!(STREAMS.iter().any(|stream| stream.name == consumer.stream), "{consumer:?}");
        }
    }

    #[test]
    fn work_consumers_have_disjoint_filters() {
        assert_ne!(work(Lane::Interactive).filter, work(Lane::Nightly).filter);
    }

    #[test]
    fn death_is_noticed_after_three_missed_heartbeats() {
        assert_eq!(DEAD_AFTER, HEARTBEAT_EVERY * 3);
    }
}
