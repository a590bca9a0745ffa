//! A model directory on disk, checked as a whole before anything runs, and the words in which the
//! rest of the program talks to a model: tokens in, vectors out.
//!
//! A model directory holds `config.json`, `model.safetensors`, `tokenizer.json` and, for our own
//! models, `nightmend.json` ([`Card`]). [`ModelDir::open`] reads the headers and the tokenizer and
//! finds every disagreement between the files; the `m2bert` crate then only multiplies.
//!
//! Nothing here links libtorch, so a small client may check a model or count tokens, and the
//! worker's loop may be tested with a fake [`Encode`].
//!
//! Reading order: [`ModelDir`] (`dir.rs`) → [`Config`] → [`WeightFile`] → [`Tokenizer`] →
//! [`Windows`] → [`Encode`] → [`remote`] (the model in a process of its own). [`init`] writes a new, untrained directory.
#![warn(missing_docs)]

mod card;
mod config;
mod dir;
mod encode;
mod error;
pub mod init;
mod names;
pub mod remote;
mod tokenizer;
mod weights;
mod windows;

pub use card::{Card, Padding};
pub use config::Config;
pub use dir::ModelDir;
pub use encode::{Encode, EncodeError, Encodings, Outputs, Position, TokenBatch};
pub use error::Error;
pub use names::Heads;
pub use tokenizer::{SpannedRow, Tokenizer};
pub use weights::WeightFile;
pub use windows::Windows;

/// The architecture, as a JSON object of Hugging Face names.
pub const CONFIG_FILE: &str = "config.json";
/// Our own card: how the model wants to be padded, and whether it was trained.
pub const CARD_FILE: &str = "nightmend.json";
/// The tokenizer in the format of the `tokenizers` crate.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// The weights.
pub const WEIGHTS_FILE: &str = "model.safetensors";
