//! What Nightmend says: ids, messages, subjects, topology, and the structs of everything that crosses a process
//! boundary or is stored. No async, no IO.
//!
//! In the order in which a job meets them: [`job`] (what was submitted) → [`ledger`] and [`plan`] (what a repo
//! holds and how it is cut) → [`sources`] (what a worker reads) → [`messages`] on [`subjects`] through the
//! streams of [`topology`] → [`result`] (what a worker writes) → [`report`] (what people read) and [`reuse`] (what the
//! next night starts from).
//!
//! Messages carry ids, never content; the objects that the ids name live in the object store.
#![warn(missing_docs)]

pub mod digest;
pub mod health;
pub mod ids;
pub mod job;
pub mod language;
pub mod ledger;
pub mod messages;
pub mod path;
pub mod plan;
pub mod report;
pub mod result;
pub mod reuse;
pub mod rules;
pub mod sources;
pub mod subjects;
pub mod topology;

pub use digest::Digest;
pub use ids::{BatchId, JobId, RepoSlug, WorkerId};
pub use job::{FixLevel, JobSpec, Lane, ModelRef, Pipeline, RepoSpec};
pub use language::Language;
pub use path::RepoPath;
