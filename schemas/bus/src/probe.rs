//! What lies in the queue, and ways to break it: for the checks of whoever tests a whole system. No service calls
//! this.

use schemas::topology::{ConsumerSpec, STREAMS, consumers};

use crate::connect::Bus;
use crate::error::Error;

/// What one stream of the table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCount {
    /// Which.
    pub stream: &'static str,
    /// Messages in it.
    pub messages: u64,
    /// Of these, not delivered yet, summed over its consumers.
    pub pending: u64,
    /// Of these, delivered and neither settled nor given up.
    pub unsettled: u64,
}

impl Bus {
    /// Counts what every stream of the table holds.
    ///
    /// # Errors
    /// [`Error::Request`] if a stream or consumer is missing or the server does not answer.
    pub async fn count_messages(&self) -> Result<Vec<StreamCount>, Error> {
        let mut counts = Vec::with_capacity(STREAMS.len());
        for spec in STREAMS {
            let what = || format!("counting stream {}", spec.name);
            let stream =
                self.jetstream.get_stream(spec.name).await.map_err(|error| Error::request(what(), error))?;
            let messages = stream.cached_info().state.messages;
            let (mut pending, mut unsettled) = (0, 0);
            for consumer in consumers().iter().filter(|consumer| consumer.stream == spec.name) {
                let info = stream
                    .consumer_info(consumer.durable)
                    .await
                    .map_err(|error| Error::request(what(), error))?;
                pending += info.num_pending;
                unsettled += u64::try_from(info.num_ack_pending).unwrap_or_default();
            }
            counts.push(StreamCount { stream: spec.name, messages, pending, unsettled });
        }
        Ok(counts)
    }

    /// Deletes a consumer, as a mistaken hand would. Its stream keeps the messages.
    ///
    /// # Errors
    /// [`Error::Request`] if it does not exist or the server does not answer.
    pub async fn delete_consumer(&self, spec: &ConsumerSpec) -> Result<(), Error> {
        self.jetstream
            .delete_consumer_from_stream(spec.durable, spec.stream)
            .await
            .map(drop)
            .map_err(|error| Error::request(format!("deleting consumer {}", spec.durable), error))
    }

    /// Removes every message of a stream, as a mistaken hand would. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Request`] if there is no such stream or the server does not answer.
    pub async fn purge_stream(&self, name: &str) -> Result<u64, Error> {
        let what = || format!("purging stream {name}");
        let stream =
            self.jetstream.get_stream_no_info(name).await.map_err(|error| Error::request(what(), error))?;
        Ok(stream.purge().await.map_err(|error| Error::request(what(), error))?.purged)
    }
}
