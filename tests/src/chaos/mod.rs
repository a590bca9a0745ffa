//! Seeded faults: a seed is a cluster, its jobs, and what breaks when; the model says what must come out all the same.
//!
//! `seeded` → `shape` → `scenario` (all of it decided) → `reference` (the same job without faults) → `system`,
//! `proxy`, `mount` (what can be broken) → `run`, `inject` → `model`, `worker_log` (what must hold) → `summary`

mod inject;
mod model;
mod mount;
pub mod proxy;
mod reference;
mod run;
pub mod scenario;
mod seeded;
mod shape;
pub mod summary;
mod system;
mod worker_log;

pub use reference::{References, references};
pub use run::{Outcome, run};
pub use scenario::Scenario;
pub use shape::{LARGE, LARGER, SHAPES, Shape};
pub use summary::Summary;
