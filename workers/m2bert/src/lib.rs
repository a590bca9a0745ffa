//! M2-BERT, an encoder without attention whose cost grows almost linearly with the length of a text.
//!
//! A gated long convolution mixes along the sequence, block-diagonal matrices mix along the width.
//! The weights and the tokenizer come from a `model_dir::ModelDir`; this crate computes, and is the
//! only one that knows of libtorch.
//!
//! Reading order: [`runtime`], which must run before anything else → [`Encoder`], which `m2bert serve`
//! runs for a worker → [`net`], the network, in three implementations. [`verify`] holds them against
//! golden data, [`peaks`] against the machine.
//!
//! # Linking
//! A package with a binary, test or bench that uses this crate needs `torch-sys` as a direct
//! dependency and a `build.rs` like this crate's, so that the binary finds libtorch.
#![warn(missing_docs)]

pub mod cases;
mod device;
mod encoder;
mod error;
mod memory;
pub mod net;
pub mod peaks;
pub mod runtime;
pub mod verify;

pub use device::Device;
pub use encoder::{Encoder, Options};
pub use error::Error;
pub use net::Dtype;
