//! The texts that a tokenizer is trained on when nobody names any: this crate's own sources.

/// A small, fixed corpus of code. It is too small for a full vocabulary; name a file list instead
/// if the tokenizer is to be any good.
pub fn default_corpus() -> Vec<String> {
    [
        include_str!("../card.rs"),
        include_str!("../config.rs"),
        include_str!("../dir.rs"),
        include_str!("../encode.rs"),
        include_str!("../error.rs"),
        include_str!("../lib.rs"),
        include_str!("../names.rs"),
        include_str!("../tokenizer.rs"),
        include_str!("../vocabulary.rs"),
        include_str!("../weights/mod.rs"),
        include_str!("../weights/pickle/mod.rs"),
        include_str!("../windows.rs"),
        include_str!("directory.rs"),
        include_str!("tokenizer.rs"),
        include_str!("values.rs"),
        include_str!("weights.rs"),
    ]
    .map(str::to_owned)
    .to_vec()
}
