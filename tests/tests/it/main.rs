//! The main job and its faults, with the real binaries and a real nats-server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod chaos;
mod faults;
mod happy;
mod hostile;
mod nights;
mod poison;
mod recovery;
mod requests;
mod s3;
mod settings;
