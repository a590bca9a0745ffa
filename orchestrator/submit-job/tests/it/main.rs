//! The real binary against a real nats-server and a store on disk, without an orchestrator: what it says, what it
//! sends, what it writes, how it ends.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod commands;
mod help;
mod resume;
mod submit;
mod system;
