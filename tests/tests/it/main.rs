//! The main job and its faults, with the real binaries and a real nats-server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod faults;
mod happy;
mod hostile;
mod requests;
mod settings;
