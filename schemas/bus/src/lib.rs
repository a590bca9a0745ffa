//! How Nightmend says it: the only user of async-nats.
//!
//! Reading order: [`connect`] (a checked connection) → [`topology`] (apply or compare the table of streams) →
//! [`publish`] → [`inbox`] and [`delivery`] (pull, keep alive, settle once) → [`watch`] (heartbeats, progress, job
//! records) → [`lease`] (one in charge) → [`repair`] (a queue that lost something) → [`server`] (a private nats-server) → [`boot`] (logs and signals).
//!
//! The defaults of async-nats that lose or hang are not trusted here: publishes are awaited, retried under one id
//! and bounded in time; pulls ask for exactly what there is room for; errors of a pull back off; a batch pull sets
//! no idle heartbeat, since the client forgets to wake up after one.
#![warn(missing_docs)]

pub mod boot;
pub mod connect;
pub mod delivery;
mod error;
pub mod inbox;
pub mod lease;
pub mod probe;
pub mod publish;
pub mod repair;
pub mod server;
pub mod topology;
pub mod watch;

pub use connect::{Bus, Connection};
pub use delivery::{Delivery, Settlement};
pub use error::Error;
pub use inbox::Inbox;
pub use lease::{Lease, Renewal};
pub use server::PrivateServer;
