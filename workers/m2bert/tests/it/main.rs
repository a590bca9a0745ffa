//! The network against the outputs of a reference implementation, and the encoder against itself.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

mod commands;
mod encoder;
mod goldens;
mod init;
mod memory;
mod reference;
mod runtime;
