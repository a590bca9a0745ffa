use super::*;
use crate::init::train_tokenizer;

pub(super) const CORPUS: &str = "fn main() { let answer = 42; }\nfn other() { let answer = main(); }\n";

/// Loads a `tokenizer.json`.
pub(super) fn tokenizer_of(json: &serde_json::Value) -> Tokenizer {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    std::fs::write(&path, json.to_string()).unwrap();
    Tokenizer::open(&path).unwrap()
}

/// A small tokenizer with `[CLS]` and `[SEP]`, and with settings that must not count.
pub(super) fn tokenizer() -> Tokenizer {
    let json = train_tokenizer(&[CORPUS.to_owned()], 300).unwrap();
    let mut stored: serde_json::Value = serde_json::from_str(&json).unwrap();
    stored["truncation"] = serde_json::json!(
        {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    );
    tokenizer_of(&stored)
}

#[test]
fn nothing_is_truncated_and_count_agrees() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode(CORPUS).unwrap();
    assert!(ids.len() > 10, "{ids:?}");
    assert_eq!(tokenizer.count(CORPUS).unwrap(), ids.len());
    assert_eq!(tokenizer.encode("").unwrap().len(), tokenizer.n_special());
    assert!(ids.iter().all(|id| *id <= tokenizer.max_id()));
}

#[test]
fn special_tokens_stand_around_a_text_and_are_known_within_it() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("a[SEP]b").unwrap();
    assert_eq!((ids[0], ids[ids.len() - 1]), (1, 2));
    assert_eq!(ids.iter().filter(|id| **id == 2).count(), 2, "{ids:?}");
}

#[test]
fn windows_hold_every_token_between_special_ones() {
    let tokenizer = tokenizer();
    let whole = tokenizer.encode(CORPUS).unwrap();
    let rows = tokenizer.encode_windows(CORPUS, 16, 2).unwrap();
    assert!(rows.len() > 1);
    for row in &rows {
        assert!(row.len() <= 16);
        assert_eq!((row[0], row[row.len() - 1]), (whole[0], whole[whole.len() - 1]));
    }
    assert_eq!(rows[0][..15], whole[..15]);
    assert_eq!(tokenizer.encode_windows(CORPUS, 4096, 512).unwrap(), [whole]);
}

#[test]
fn a_file_that_is_no_tokenizer_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    assert!(matches!(Tokenizer::open(&path), Err(Error::Missing { .. })));
    std::fs::write(&path, "{}").unwrap();
    let message = Tokenizer::open(&path).unwrap_err().to_string();
    assert!(message.contains("tokenizer.json` is not a usable tokenizer"), "{message}");
}
