//! The worker: pulls batches, runs them through the stages of [`pipeline`], settles them. Stateless: everything it
//! needs is named by a message and lies in the object store.
//!
//! In the order of a batch: [`pull`] → [`pipeline`] (one function that lists the stages) → [`fetch`] → [`fix`] →
//! [`infer`] (tokens to the [`model`] thread) → [`persist`]. [`error`] says what happens to a batch that fails;
//! [`health`] says that we live; [`isolate`] finds the file that kills workers.

pub mod config;
pub mod error;
pub mod fetch;
pub mod fix;
pub mod health;
pub mod infer;
pub mod isolate;
pub mod model;
pub mod persist;
pub mod pipeline;
pub mod pull;
