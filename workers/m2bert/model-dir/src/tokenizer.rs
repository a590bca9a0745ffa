//! Text to token ids, through `tokenizer.json`, and long texts to windows.

use std::path::Path;

use crate::{Error, Windows};

/// The tokenizer of a model. Cheap to share between threads by reference.
///
/// Two settings of a stored tokenizer are overruled: it never truncates and never pads. Everything
/// else is as stored. In particular the spelling of a special token in a text (`[SEP]` in a source
/// file) becomes that token, as it does where the published models were trained.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    max_id: u32,
    /// Special tokens in front of every text, such as `[CLS]`.
    prefix: Vec<u32>,
    /// Special tokens behind every text, such as `[SEP]`.
    suffix: Vec<u32>,
}

impl Tokenizer {
    /// Loads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if the file cannot be read, [`Error::Tokenizer`] if it is
    /// not a tokenizer, has no tokens, or puts special tokens anywhere but around a text.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
            _ => Error::Io { path: path.to_owned(), source },
        })?;
        let unusable = |reason: String| Error::Tokenizer { path: path.to_owned(), reason };
        let mut inner =
            tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| unusable(error.to_string()))?;
        inner.with_truncation(None).map_err(|error| unusable(error.to_string()))?;
        inner.with_padding(None);
        let max_id = inner.get_vocab(true).into_values().max();
        let max_id = max_id.ok_or_else(|| unusable("it has no tokens".to_owned()))?;
        let (prefix, suffix) = affixes(&inner).map_err(unusable)?;
        Ok(Self { inner, max_id, prefix, suffix })
    }

    /// The largest id that this tokenizer can produce.
    pub fn max_id(&self) -> u32 {
        self.max_id
    }

    /// The token that hides another one, `[MASK]`, if there is one.
    pub fn mask_id(&self) -> Option<u32> {
        self.inner.token_to_id("[MASK]")
    }

    /// Number of special tokens around every text.
    pub fn n_special(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    /// Token ids of a text, with the special tokens around it, however long it is.
    ///
    /// # Errors
    /// [`Error::Tokenise`] if the tokenizer gives up on this text, such as an expression that would
    /// backtrack without end.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let bare = self.encode_bare(text)?;
        Ok(self.enclose(bare.get_ids()))
    }

    /// Number of tokens of a text, special tokens included: the length of [`encode`](Self::encode).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(self.encode_bare(text)?.len() + self.n_special())
    }

    /// Token ids of a text in rows of at most `max_len`, which overlap by `overlap` tokens or more.
    ///
    /// Each row has the special tokens around it, so that every window looks like a whole text. A
    /// text that fits is one row, equal to [`encode`](Self::encode).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    /// If `max_len` has no room for the special tokens, the overlap and one token more.
    pub fn encode_windows(&self, text: &str, max_len: usize, overlap: usize) -> Result<Vec<Vec<u32>>, Error> {
        let bare = self.encode_bare(text)?;
        let ids = bare.get_ids();
        let windows = Windows::new(ids.len(), max_len.saturating_sub(self.n_special()), overlap);
        Ok(windows.map(|window| self.enclose(&ids[window])).collect())
    }

    fn encode_bare(&self, text: &str) -> Result<tokenizers::Encoding, Error> {
        let encoding = self.inner.encode_fast(text, false);
        encoding.map_err(|error| Error::Tokenise { reason: error.to_string() })
    }

    fn enclose(&self, ids: &[u32]) -> Vec<u32> {
        [&self.prefix, ids, &self.suffix].concat()
    }
}

/// The special tokens before and after a text, found by comparing a probe with and without them.
fn affixes(tokenizer: &tokenizers::Tokenizer) -> Result<(Vec<u32>, Vec<u32>), String> {
    let ids = |with_special| {
        let encoding = tokenizer.encode_fast("a b", with_special).map_err(|error| error.to_string())?;
        Ok::<_, String>(encoding.get_ids().to_vec())
    };
    let (bare, full) = (ids(false)?, ids(true)?);
    if bare.is_empty() {
        return Err("it makes no tokens of a letter".to_owned());
    }
    let start = full.windows(bare.len()).position(|window| window == bare);
    let start = start.ok_or("its special tokens do not stand around the text")?;
    Ok((full[..start].to_vec(), full[start + bare.len()..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::train_tokenizer;

    const CORPUS: &str = "fn main() { let answer = 42; }\nfn other() { let answer = main(); }\n";

    /// A small tokenizer with `[CLS]` and `[SEP]`, and with settings that must not count.
    fn tokenizer() -> Tokenizer {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokenizer.json");
        let json = train_tokenizer(&[CORPUS.to_owned()], 300).unwrap();
        let mut stored: serde_json::Value = serde_json::from_str(&json).unwrap();
        stored["truncation"] = serde_json::json!(
            {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
        );
        std::fs::write(&path, stored.to_string()).unwrap();
        Tokenizer::open(&path).unwrap()
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
}
