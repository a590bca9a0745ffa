//! Whether a tokenizer and a model belong together.

use std::path::Path;

use serde_json::Value;

use crate::{CONFIG_FILE, Card, Config, Error, TOKENIZER_FILE, Tokenizer};

/// More unused embedding rows than this are not rounding up: the tokenizer may be another model's.
const USUAL_SPARE_ROWS: usize = 128;

/// Rows of the embedding table of the published models: the vocabulary of uncased BERT, plain and rounded up.
const PUBLISHED_VOCAB_SIZES: [usize; 2] = [30522, 30528];

/// Entries by which that vocabulary is known.
const PUBLISHED_ENTRIES: [(&str, u64); 5] =
    [("[PAD]", 0), ("[CLS]", 101), ("[SEP]", 102), ("[MASK]", 103), ("the", 1996)];

/// Every id of the tokenizer must have an embedding, and a row must have room for the text. Returns what is odd.
///
/// # Errors
/// [`Error::Vocabulary`] or [`Error::Tokenizer`] if not.
pub(crate) fn check(
    dir: &Path,
    config: &Config,
    card: &Card,
    tokenizer: &Tokenizer,
) -> Result<Vec<String>, Error> {
    let path = dir.join(TOKENIZER_FILE);
    let (max_id, vocab_size, l_max) = (tokenizer.max_id(), config.vocab_size, config.l_max());
    if max_id as usize >= vocab_size {
        let config = dir.join(CONFIG_FILE);
        return Err(Error::Vocabulary { tokenizer: path, max_id, config, vocab_size });
    }
    let n_special = tokenizer.n_special();
    if l_max <= n_special + l_max / 8 {
        let reason = format!("its {n_special} special tokens leave no room for a text in {l_max} tokens");
        return Err(Error::Tokenizer { path, reason });
    }
    // In an untrained model no row of the table belongs to any token yet.
    if !card.trained {
        return Ok(Vec::new());
    }
    let n_tokens = max_id as usize + 1;
    let spare = (vocab_size - n_tokens > USUAL_SPARE_ROWS).then(|| {
        format!(
            "uses {n_tokens} of the {vocab_size} rows of the embedding table: it may belong to another model"
        )
    });
    let oddities = [spare, unlike_published(&path, config, card)?];
    Ok(oddities.into_iter().flatten().map(|what| format!("`{}` {what}", path.display())).collect())
}

/// What is odd about the tokenizer of a model that seems to be a published one.
///
/// The published models were trained with the uncased vocabulary of BERT, but the `tokenizer.json` beside their
/// weights is of the cased one. With that, every id stands for another word.
fn unlike_published(path: &Path, config: &Config, card: &Card) -> Result<Option<String>, Error> {
    if !PUBLISHED_VOCAB_SIZES.contains(&config.vocab_size) {
        return Ok(None);
    }
    let text = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let stored: Value =
        serde_json::from_slice(&text).map_err(|source| Error::Json { path: path.to_owned(), source })?;
    // A card says that somebody made this directory as a whole, maybe with a tokenizer of another kind.
    let word_pieces = stored["model"]["type"] == "WordPiece";
    if !word_pieces && *card != Card::published() {
        return Ok(None);
    }
    Ok(oddity(&stored).map(|what| {
        format!("{what}, but models of vocab_size {} are published for uncased BERT's", config.vocab_size)
    }))
}

fn oddity(stored: &Value) -> Option<&'static str> {
    let vocabulary = &stored["model"]["vocab"];
    if vocabulary["The"].is_u64() {
        return Some("is a cased tokenizer");
    }
    if PUBLISHED_ENTRIES.iter().any(|(token, id)| vocabulary[token].as_u64() != Some(*id)) {
        return Some("has another vocabulary");
    }
    let normalizer = stored["normalizer"].to_string();
    let lowers = normalizer.contains(r#""lowercase":true"#) || normalizer.contains(r#""Lowercase""#);
    (!lowers).then_some("does not turn text to lower case")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn uncased() -> Value {
        json!({
            "normalizer": {"type": "BertNormalizer", "lowercase": true},
            "model": {"type": "WordPiece", "vocab": {
                "[PAD]": 0, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, "the": 1996,
            }},
        })
    }

    /// The warning about a tokenizer beside published weights of `vocab_size`.
    fn warning(stored: &Value, vocab_size: usize, card: &Card) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKENIZER_FILE);
        std::fs::write(&path, stored.to_string()).unwrap();
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens/retrieval/config.json");
        let config = Config { vocab_size, ..Config::read(Path::new(golden)).unwrap() };
        unlike_published(&path, &config, card).unwrap()
    }

    #[test]
    fn the_right_tokenizer_is_not_warned_of() {
        assert_eq!(warning(&uncased(), 30528, &Card::published()), None);
    }

    #[test]
    fn the_cased_tokenizer_of_published_directories_is_named() {
        let mut cased = uncased();
        cased["model"]["vocab"]["The"] = 1109.into();
        for vocab_size in PUBLISHED_VOCAB_SIZES {
            let message = warning(&cased, vocab_size, &Card::published()).unwrap();
            assert!(message.contains("is a cased tokenizer"), "{message}");
        }
        assert_eq!(warning(&cased, 28996, &Card::published()), None, "a model of its own");
    }

    #[test]
    fn another_vocabulary_and_a_kept_case_are_odd() {
        let mut other = uncased();
        other["model"]["vocab"]["the"] = 7.into();
        assert!(warning(&other, 30528, &Card::published()).unwrap().contains("another vocabulary"));
        let mut kept = uncased();
        kept["normalizer"]["lowercase"] = false.into();
        assert!(warning(&kept, 30528, &Card::published()).unwrap().contains("lower case"));
    }

    #[test]
    fn a_card_explains_a_tokenizer_of_another_kind() {
        let mut bytes = uncased();
        bytes["model"] = json!({"type": "BPE", "vocab": {"The": 300}});
        let card = Card { padding: crate::Padding::None, ..Card::published() };
        assert_eq!(warning(&bytes, 30528, &card), None);
        assert!(warning(&bytes, 30528, &Card::published()).is_some());
    }
}
