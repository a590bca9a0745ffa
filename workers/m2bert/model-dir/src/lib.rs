//! A model directory on disk, checked as a whole before anything runs, and the words in which the
//! rest of the program talks to a model: tokens in, vectors out.
//!
//! A model directory holds `config.json`, `model.safetensors` (or another of [`WEIGHTS_FORMS`]),
//! `tokenizer.json` and, for our own models, `nightmend.json` ([`Card`]). [`ModelDir::open`] reads the headers and the tokenizer and
//! finds every disagreement between the files; the `m2bert` crate then only multiplies.
//!
//! Nothing here links libtorch, so a small client may check a model or count tokens, and the
//! worker's loop may be tested with a fake [`Encode`].
//!
//! Reading order: [`ModelDir`] (`dir.rs`) → [`Config`] → [`WeightFile`] → [`Tokenizer`] →
//! [`Windows`] → [`Encode`] → [`remote`] (the model in a process of its own). [`init`] writes a new, untrained
//! directory; [`inspect`] says what is wrong with one that does not open.
#![warn(missing_docs)]

mod card;
mod config;
mod dir;
mod encode;
mod error;
pub mod init;
mod inspect;
mod names;
pub mod remote;
mod tokenizer;
mod vocabulary;
mod weights;
mod windows;

pub use card::{Card, Padding};
pub use config::Config;
pub use dir::ModelDir;
pub use encode::{Encode, EncodeError, Encodings, Outputs, Position, TokenBatch};
pub use error::Error;
pub use inspect::{Inspection, inspect};
pub use names::Heads;
pub use tokenizer::{SpannedRow, Tokenizer};
pub use weights::{WeightFile, WeightReport};
pub use windows::Windows;

/// The architecture, as a JSON object of Hugging Face names.
pub const CONFIG_FILE: &str = "config.json";
/// Our own card: how the model wants to be padded, and whether it was trained.
pub const CARD_FILE: &str = "nightmend.json";
/// The tokenizer in the format of the `tokenizers` crate.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// The weights, in the form that is preferred and that [`init`] writes.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// An index of weights in several safetensors files beside it.
pub const WEIGHTS_INDEX_FILE: &str = "model.safetensors.index.json";
/// The weights as `torch.save` writes a state dict.
pub const TORCH_WEIGHTS_FILE: &str = "pytorch_model.bin";
/// The forms of the weights. Of those that a directory has, the first one counts and the others are no part of the
/// model: they neither are read nor change its digest.
pub const WEIGHTS_FORMS: [&str; 3] = [WEIGHTS_FILE, WEIGHTS_INDEX_FILE, TORCH_WEIGHTS_FILE];
