//! Publishing: one way, acknowledged by the stream, under an id that makes sending again harmless.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use schemas::messages::{Message, TYPE_HEADER};
use schemas::topology::MAX_MESSAGE_BYTES;
use tracing::debug;

use crate::connect::{Bus, REQUEST_TIMEOUT};
use crate::error::Error;

/// Attempts of one publish. Waits between them sum up to about 30 s: longer than a server takes to restart or to be
/// elected, during which a stream is not found, and than the orchestrator takes to set up what a server lost.
const ATTEMPTS: u32 = 16;

impl Bus {
    /// Publishes a message and waits until its stream has stored it. On any error it is sent again under the same
    /// `id`, so a publish that was late and not lost is stored once.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above 64 KiB, [`Error::NotAcknowledged`] after the last attempt.
    ///
    /// # Cancel safety
    /// Cancelled, the message may or may not be stored; publish it again under the same id.
    pub async fn publish<M: Message>(&self, subject: &str, id: &str, message: &M) -> Result<(), Error> {
        self.publish_raw(subject, id, M::TYPE, message.encode()).await
    }

    /// Publishes bytes that are a message already.
    ///
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn publish_raw(&self, subject: &str, id: &str, kind: &str, body: Vec<u8>) -> Result<(), Error> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(Error::TooLarge { subject: subject.to_owned(), n_bytes: body.len() });
        }
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        headers.insert(TYPE_HEADER, kind);
        self.publish_headers(subject, headers, body.into()).await
    }

    /// Publishes until the stream says that it has the message. The headers hold its id.
    pub(crate) async fn publish_headers(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), Error> {
        let mut wait = Duration::from_millis(25);
        for attempt in 1..=ATTEMPTS {
            let message = PublishMessage::build().payload(body.clone()).headers(headers.clone());
            let sent = async { self.jetstream.send_publish(subject.to_owned(), message).await?.await };
            match tokio::time::timeout(REQUEST_TIMEOUT, sent).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => debug!(attempt, subject, %error, "publish was not acknowledged"),
                Err(_) => debug!(attempt, subject, "publish timed out"),
            }
            if self.is_denied(subject) {
                break;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(3));
        }
        let hint = self.take_complaint().map(|complaint| format!(" (the server says: {complaint})"));
        Err(Error::NotAcknowledged { subject: subject.to_owned(), hint })
    }

    /// Publishes a message that nobody waits for and that the next one replaces: heartbeats, progress.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the connection takes nothing.
    pub async fn announce<M: Message>(&self, subject: &str, message: &M) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(TYPE_HEADER, M::TYPE);
        let sent = self.client.publish_with_headers(subject.to_owned(), headers, message.encode().into());
        crate::connect::bounded("announce", async {
            sent.await.map_err(|error| Error::request(format!("announce on {subject}"), error))
        })
        .await
    }
}
