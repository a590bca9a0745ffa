//! One delivery of a message: kept alive while it is worked on, settled in one place, after the durable write.
//! Silence never means success: what is not settled comes again.

use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::{AckKind, Message as RawMessage};
use schemas::BatchId;
use schemas::messages::{ATTEMPTS_HEADER, BatchDead, DecodeError, Message, TYPE_HEADER};
use schemas::subjects;
use tracing::{debug, error, warn};

use crate::connect::Bus;

/// What happens to a message next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Its effect is durable: acknowledged, and the acknowledgement is confirmed.
    Done,
    /// It may succeed elsewhere or later.
    Retry {
        /// Not before.
        after: Duration,
        /// Why, for the dead letter if the attempts are used up.
        reason: String,
    },
    /// It can never succeed: put on the dead-letter subject, then terminated.
    Poison {
        /// Why.
        reason: String,
    },
    /// We were told to stop: somebody else takes it at once, and this attempt does not count.
    GiveBack,
}

/// A message in hand.
pub struct Delivery {
    bus: Bus,
    message: RawMessage,
    attempt: u32,
    max_attempts: i64,
    settled: bool,
}

/// How often a delivery that is worked on says so: a third of the shortest `ack_wait`.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Whoever gives something back is about to stop, and waits no longer than this.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(5);

impl Delivery {
    pub(crate) fn new(bus: Bus, message: RawMessage, max_attempts: i64) -> Self {
        let delivered = message.info().map_or(1, |info| u32::try_from(info.delivered).unwrap_or(u32::MAX));
        let attempt = attempts_before(&message).saturating_add(delivered);
        Self { bus, message, attempt, max_attempts, settled: false }
    }

    /// Delivery number, from 1. Deliveries that were given back do not count.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Its place in its stream; 0 for a message of no stream.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.message.info().map_or(0, |info| info.stream_sequence)
    }

    /// The subject that it was published to.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.message.subject
    }

    /// The type header, empty if there is none.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(TYPE_HEADER))
            .map_or("", |kind| kind.as_str())
    }

    /// The bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.message.payload
    }

    /// Reads the message.
    ///
    /// # Errors
    /// [`DecodeError`]: it can never be read here; settle it as [`Settlement::Poison`].
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        M::decode(self.kind(), self.body())
    }

    /// Runs `work` and tells the server meanwhile that the message is being worked on.
    pub async fn keep_alive_during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut ticks = tokio::time::interval(KEEP_ALIVE_EVERY);
        ticks.reset();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => self.acknowledge(AckKind::Progress).await,
            }
        }
    }

    /// Settles the message. An acknowledgement that is lost costs one more delivery, whose effect is the same.
    pub async fn settle(mut self, settlement: Settlement) {
        self.settled = true;
        match settlement {
            Settlement::Done => {
                if let Err(error) = self.message.double_ack().await {
                    warn!(subject = self.subject(), %error, "acknowledgement was not confirmed");
                }
            }
            Settlement::GiveBack => self.give_back().await,
            Settlement::Retry { reason, .. } if self.is_last_attempt() => {
                self.bury(format!("{reason} (after {} attempts)", self.attempt)).await;
            }
            Settlement::Retry { after, reason } => {
                warn!(subject = self.subject(), attempt = self.attempt, error = %reason, "will be tried again");
                self.acknowledge(AckKind::Nak(Some(jittered(after, self.attempt)))).await;
            }
            Settlement::Poison { reason } => self.bury(reason).await,
        }
    }

    /// After the last attempt JetStream would merely stop delivering and keep the message for ever.
    fn is_last_attempt(&self) -> bool {
        self.max_attempts > 0 && i64::from(self.attempt) >= self.max_attempts
    }

    /// JetStream counts every delivery, so the message is published again with the count from before, and the one in
    /// hand acknowledged. A crash in between leaves two, of which the second finds its effect done.
    async fn give_back(&self) {
        let mut headers = self.message.headers.clone().unwrap_or_default();
        headers.insert(ATTEMPTS_HEADER, self.attempt.saturating_sub(1).to_string());
        let before = headers.get(NATS_MESSAGE_ID).map_or_else(|| self.stream_position(), ToString::to_string);
        headers.insert(NATS_MESSAGE_ID, format!("{before}.{:08x}", rand::random::<u32>()));
        let published = self.bus.publish_headers(self.subject(), headers, self.message.payload.clone());
        match tokio::time::timeout(GIVE_BACK_WITHIN, published).await {
            Ok(Ok(())) => self.acknowledge(AckKind::Ack).await,
            outcome => {
                warn!(subject = self.subject(), ?outcome, "given back as a failed attempt");
                self.acknowledge(AckKind::Nak(None)).await;
            }
        }
    }

    /// Dead letter first, then the end of the message: a crash in between buries it twice, never not at all.
    async fn bury(&self, reason: String) {
        error!(subject = self.subject(), attempt = self.attempt, error = %reason, "message is dead");
        let (job, batch) = (subjects::job_of(self.subject()), self.batch());
        let id = format!("dead-{}", self.stream_position());
        let kind = self.kind().to_owned();
        let letter = BatchDead { job, batch, kind, attempt: self.attempt, reason };
        let subject =
            letter.job.as_ref().map_or(subjects::BATCH_DEAD_UNKNOWN.to_owned(), subjects::batch_dead);
        match self.bus.publish(&subject, &id, &letter).await {
            Ok(()) => self.acknowledge(AckKind::Term).await,
            Err(error) => error!(%error, "dead letter was not stored, the message comes again"),
        }
    }

    /// The batch by the message id: known also where the body cannot be read.
    fn batch(&self) -> Option<BatchId> {
        let id = self.message.headers.as_ref()?.get(NATS_MESSAGE_ID)?;
        batch_of_message_id(id.as_str())
    }

    fn stream_position(&self) -> String {
        self.message.info().map_or_else(
            |_| self.subject().to_owned(),
            |info| format!("{}-{}", info.stream, info.stream_sequence),
        )
    }

    async fn acknowledge(&self, kind: AckKind) {
        if let Err(error) = self.message.ack_with(kind).await {
            debug!(subject = self.subject(), %error, "acknowledgement was not sent");
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.settled {
            warn!(subject = self.subject(), "delivery was dropped unsettled, it comes again after ack_wait");
        }
    }
}

fn attempts_before(message: &RawMessage) -> u32 {
    let header = message.headers.as_ref().and_then(|headers| headers.get(ATTEMPTS_HEADER));
    header.and_then(|attempts| attempts.as_str().parse().ok()).unwrap_or(0)
}

/// The batch that a message of the WORK stream is for, by its id: see [`work_message_id`].
pub(crate) fn batch_of_message_id(id: &str) -> Option<BatchId> {
    id.split('.').next()?.parse().ok()
}

/// The id of a message of the WORK stream. `epoch` differs for every run of the orchestrator, so that what a run
/// before it dispatched and the queue lost can be dispatched again; a worker that gets both finds the result.
#[must_use]
pub fn work_message_id(batch: BatchId, epoch: &str) -> String {
    format!("{batch}.{epoch}")
}

/// Spreads retries: between 1x and 1.5x of `after`, doubled per attempt.
fn jittered(after: Duration, attempt: u32) -> Duration {
    let base = after * 2_u32.pow(attempt.saturating_sub(1).min(4));
    base.mul_f64(1.0 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_of_an_unreadable_message_is_known_by_its_id() {
        let batch = BatchId::from_digest(schemas::Digest::of(b"x"));
        assert_eq!(batch_of_message_id(&work_message_id(batch, "e1")), Some(batch));
        assert_eq!(batch_of_message_id("stray"), None);
    }

    #[test]
    fn retries_wait_longer_each_time_and_never_less_than_asked() {
        let second = Duration::from_secs(1);
        for attempt in 1..4 {
            let least = second * 2_u32.pow(attempt - 1);
            let wait = jittered(second, attempt);
            assert!(wait >= least && wait <= least.mul_f64(1.5), "{attempt}: {wait:?}");
        }
    }
}
