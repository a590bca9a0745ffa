//! An inbox pulls from one or more consumers, one message at a time and only when asked: admission comes first, so
//! what waits stays available to others.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Batch;
use futures::StreamExt;
use futures::future::{FutureExt, select_all};
use schemas::topology::ConsumerSpec;
use tracing::warn;

use crate::connect::Bus;
use crate::delivery::{Delivery, Settlement};
use crate::error::Error;

/// How long the server holds a pull that finds nothing. Short, so that a pull that a restarted server forgot is
/// soon made again.
const PULL_EXPIRES: Duration = Duration::from_secs(5);

/// The longest wait after a pull that failed. A dead server would otherwise be asked in a hot loop.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Pulls from consumers in the order given, the first one preferred.
pub struct Inbox {
    bus: Bus,
    lanes: Vec<Pull>,
    turn: usize,
}

/// One consumer and its outstanding pull. The pull outlives the call that made it: while another lane's message is
/// worked on, it waits at the server and holds nothing.
struct Pull {
    spec: ConsumerSpec,
    consumer: Option<PullConsumer>,
    outstanding: Option<Batch>,
    backoff: Duration,
}

/// One turn in this many prefers the last lane, so that nightly work is never starved.
const FAIR_TURN: usize = 8;

impl Bus {
    /// Binds to consumers that exist.
    ///
    /// # Errors
    /// [`Error::Request`] if one does not.
    pub async fn inbox(&self, specs: Vec<ConsumerSpec>) -> Result<Inbox, Error> {
        let mut lanes = Vec::with_capacity(specs.len());
        for spec in specs {
            let consumer = Some(self.bind(&spec).await?);
            lanes.push(Pull { spec, consumer, outstanding: None, backoff: Duration::ZERO });
        }
        Ok(Inbox { bus: self.clone(), lanes, turn: 0 })
    }

    pub(crate) async fn bind(&self, spec: &ConsumerSpec) -> Result<PullConsumer, Error> {
        self.jetstream
            .get_consumer_from_stream(spec.durable, spec.stream)
            .await
            .map_err(|error| Error::request(format!("binding to consumer {}", spec.durable), error))
    }
}

impl Inbox {
    /// The next message, whenever it comes. Errors of the server are waited out; they are its business and the
    /// heartbeat's, not the caller's.
    ///
    /// # Cancel safety
    /// Safe: pulls stay outstanding and what they bring is given by the next call.
    pub async fn next(&mut self) -> Delivery {
        self.turn = self.turn.wrapping_add(1);
        let bus = &self.bus;
        let mut pulls: Vec<_> = self.lanes.iter_mut().map(|lane| lane.next(bus).boxed()).collect();
        if self.turn.is_multiple_of(FAIR_TURN) {
            pulls.reverse();
        }
        // Polled in order: of several messages that are there, the first lane's is taken.
        select_all(pulls).await.0
    }

    /// Ends the inbox. A message that came while nobody asked goes back at once instead of after `ack_wait`.
    pub async fn close(self) {
        for lane in self.lanes {
            let Some(mut batch) = lane.outstanding else { continue };
            while let Some(Some(Ok(message))) = batch.next().now_or_never() {
                let delivery = Delivery::new(self.bus.clone(), message, lane.spec.max_attempts);
                delivery.settle(Settlement::GiveBack).await;
            }
        }
    }
}

impl Pull {
    async fn next(&mut self, bus: &Bus) -> Delivery {
        loop {
            if !self.backoff.is_zero() {
                tokio::time::sleep(self.backoff).await;
            }
            match self.once(bus).await {
                Ok(Some(delivery)) => {
                    self.backoff = Duration::ZERO;
                    return delivery;
                }
                Ok(None) => self.backoff = Duration::ZERO,
                Err(error) => {
                    warn!(consumer = self.spec.durable, error = %error, "pull failed");
                    (self.consumer, self.outstanding) = (None, None);
                    self.backoff = (self.backoff * 2).clamp(Duration::from_millis(50), MAX_BACKOFF);
                }
            }
        }
    }

    /// One pull: a message, or nothing within the expiry.
    async fn once(&mut self, bus: &Bus) -> Result<Option<Delivery>, Error> {
        if self.outstanding.is_none() {
            self.outstanding = Some(self.pull(bus).await?);
        }
        let Some(batch) = &mut self.outstanding else { return Ok(None) };
        let item = batch.next().await;
        if !matches!(item, Some(Ok(_))) {
            self.outstanding = None;
        }
        match item {
            Some(Ok(message)) => {
                self.outstanding = None;
                Ok(Some(Delivery::new(bus.clone(), message, self.spec.max_attempts)))
            }
            Some(Err(error)) => Err(Error::request("pull", error)),
            None => Ok(None),
        }
    }

    async fn pull(&mut self, bus: &Bus) -> Result<Batch, Error> {
        let consumer = match &self.consumer {
            Some(consumer) => consumer,
            None => self.consumer.insert(bus.bind(&self.spec).await?),
        };
        consumer
            .batch()
            .max_messages(1)
            .expires(PULL_EXPIRES)
            .messages()
            .await
            .map_err(|error| Error::request("pull", error))
    }
}
