use serde::Deserialize;

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
    let n_first = rows[0].len() - 1;
    assert_eq!(rows[0][..n_first], whole[..n_first]);
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

/// What the Python library makes of a text with the tokenizer of the published models.
#[derive(Deserialize)]
struct Case {
    text: String,
    /// A second text, which this program never has.
    pair: Option<String>,
    ids: Vec<u32>,
    #[serde(default)]
    tokens: Vec<String>,
}

/// The folder of the published tokenizer, which lies beside the checkout. Where it is absent, this
/// says so and there is nothing to test, unless `NM_REQUIRE_TOKENIZER_CASES=1`.
fn published() -> Option<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/m2bert/tokenizer");
    if folder.join("cases.json").is_file() {
        return Some(folder);
    }
    let required = std::env::var("NM_REQUIRE_TOKENIZER_CASES").is_ok_and(|value| value == "1");
    assert!(!required, "tokenizer cases are required and {} is not there", folder.display());
    eprintln!("NOT TESTED: no tokenizer cases at {}", folder.display());
    None
}

#[test]
fn the_published_tokenizer_gives_the_ids_of_the_python_library() {
    let Some(folder) = published() else { return };
    let tokenizer = Tokenizer::open(&folder.join("tokenizer.json")).unwrap();
    assert_eq!((tokenizer.max_id(), tokenizer.n_special()), (30_521, 2));
    let cases: Vec<Case> =
        serde_json::from_slice(&std::fs::read(folder.join("cases.json")).unwrap()).unwrap();
    let mut single = cases.into_iter().filter(|case| case.pair.is_none()).peekable();
    assert!(single.peek().is_some());
    for case in single {
        assert_eq!(tokenizer.encode(&case.text).unwrap(), case.ids, "{:?}", case.text);
        assert_eq!(tokenizer.count(&case.text).unwrap(), case.ids.len(), "{:?}", case.text);
        let row = tokenizer.encode_spanned(case.text.as_bytes()).unwrap();
        assert_eq!(row.ids(), case.ids, "{:?}", case.text);
        check_spans(&case, &row);
    }
}

/// A token that is written in the text as it is in the vocabulary, but for case, has that as its span.
fn check_spans(case: &Case, row: &SpannedRow) {
    let n_inner = case.tokens.len() - 2;
    for (index, token) in case.tokens.iter().enumerate().skip(1).take(n_inner) {
        let piece = &case.text[row.span(index).unwrap()];
        let token = token.strip_prefix("##").unwrap_or(token);
        if piece.is_ascii() && token != "[UNK]" {
            assert_eq!(piece.to_lowercase(), token.to_lowercase(), "token {index} of {:?}", case.text);
        }
        assert!(!piece.is_empty(), "token {index} of {:?}", case.text);
    }
}
