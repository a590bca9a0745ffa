//! What can be wrong with a model directory. Every message names the file.

use std::path::PathBuf;

/// Why a model directory cannot be used. None of these goes away by trying again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that every model directory needs is not there.
    #[error("`{path}` is missing from the model directory")]
    Missing {
        /// The absent file.
        path: PathBuf,
    },
    /// A file is there but cannot be read or written.
    #[error("cannot access `{path}`")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A JSON file does not parse, or lacks a field, or has a field of the wrong type.
    #[error("`{path}` is not what it should be")]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        source: serde_json::Error,
    },
    /// A field of `config.json` or `nightmend.json` asks for something that this program does not compute.
    #[error("`{path}`: `{field}` is {value}, but {expected}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The JSON field.
        field: &'static str,
        /// Its value, as JSON.
        value: String,
        /// What it may be, as a clause (`only "gelu" is supported`).
        expected: String,
    },
    /// The weights file is not a safetensors file.
    #[error("`{path}` is not a valid safetensors file")]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is broken.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// The weights are neither a safetensors file nor a plain state dict of `torch.save`, or their index is wrong.
    #[error("`{path}` is not a usable checkpoint: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is broken or not supported, as a clause (`its shards are missing: …`).
        reason: String,
    },
    /// Names, shapes or types of the weights differ from what the config asks for.
    #[error("the weights in `{path}` do not fit config.json: {}", .problems.join("; "))]
    Weights {
        /// The file.
        path: PathBuf,
        /// All differences, each one a clause that names a tensor.
        problems: Vec<String>,
    },
    /// The tokenizer does not load, or cannot be used as it is.
    #[error("`{path}` is not a usable tokenizer: {reason}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        reason: String,
    },
    /// The tokenizer can produce ids for which the model has no embedding.
    #[error(
        "`{tokenizer}` has token ids up to {max_id}, but `{config}` has vocab_size {vocab_size}: \
         they belong to different models"
    )]
    Vocabulary {
        /// Path of the tokenizer file.
        tokenizer: PathBuf,
        /// Largest token id in it.
        max_id: u32,
        /// Path of the config file.
        config: PathBuf,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// The tokenizer could not split one particular text.
    #[error("the tokenizer rejects this text: {reason}")]
    Tokenise {
        /// What the tokenizer library said.
        reason: String,
    },
    /// `init` was asked to write into a directory that holds something else.
    #[error("`{path}` already exists and holds something else")]
    Occupied {
        /// The file or directory in the way.
        path: PathBuf,
    },
}
