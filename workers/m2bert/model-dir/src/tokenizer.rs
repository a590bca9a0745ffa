//! Text to token ids, through `tokenizer.json`, and long texts to windows.
//!
//! Reading order: [`Tokenizer`] → `engine.rs`, which chooses who does the work → `byte_bpe.rs` and
//! `words.rs`, our own for the tokenizers that `init` makes → `spans.rs`, from tokens back to files.

mod byte_bpe;
mod engine;
mod spans;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use tokenizers::PostProcessorWrapper;

use self::engine::Engine;
use self::spans::Places;
pub use self::spans::SpannedRow;
use crate::{Error, Windows};

/// The tokenizer of a model. Cheap to share between threads by reference.
///
/// Two settings of a stored tokenizer are overruled: it never truncates and never pads. Everything
/// else is as stored. In particular the spelling of a special token in a text (`[SEP]` in a source
/// file) becomes that token, as it does where the published models were trained.
#[derive(Debug)]
pub struct Tokenizer {
    engine: Engine,
    max_id: u32,
    mask_id: Option<u32>,
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
        let mask_id = inner.token_to_id("[MASK]");
        // Its work is done by `enclose`, and some trim white space from spans, which `SpannedRow` keeps.
        inner.with_post_processor(None::<PostProcessorWrapper>);
        Ok(Self { engine: Engine::new(inner), max_id, mask_id, prefix, suffix })
    }

    /// The largest id that this tokenizer can produce.
    pub fn max_id(&self) -> u32 {
        self.max_id
    }

    /// The token that hides another one, `[MASK]`, if there is one.
    pub fn mask_id(&self) -> Option<u32> {
        self.mask_id
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
        Ok(self.enclose(&self.engine.ids(text)?))
    }

    /// Number of tokens of a text, special tokens included: the length of [`encode`](Self::encode).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(self.engine.count(text)? + self.n_special())
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
        let ids = self.engine.ids(text)?;
        Ok(self.windows(ids.len(), max_len, overlap).map(|window| self.enclose(&ids[window])).collect())
    }

    /// [`encode`](Self::encode) of a file, with the bytes that each token stands for.
    ///
    /// What is not UTF-8 is replaced, as by [`String::from_utf8_lossy`]; spans are places in `source`
    /// all the same.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_spanned(&self, source: &[u8]) -> Result<SpannedRow, Error> {
        let (ids, spans) = self.spanned_bare(source)?;
        Ok(SpannedRow::new(self.enclose(&ids), self.prefix.len(), spans))
    }

    /// [`encode_windows`](Self::encode_windows) of a file, with the bytes that each token stands for,
    /// as [`encode_spanned`](Self::encode_spanned).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    /// As [`encode_windows`](Self::encode_windows).
    pub fn spanned_windows(
        &self,
        source: &[u8],
        max_len: usize,
        overlap: usize,
    ) -> Result<Vec<SpannedRow>, Error> {
        let (ids, spans) = self.spanned_bare(source)?;
        let row = |window: Range<usize>| {
            let spans = spans[window.clone()].to_vec();
            SpannedRow::new(self.enclose(&ids[window]), self.prefix.len(), spans)
        };
        Ok(self.windows(ids.len(), max_len, overlap).map(row).collect())
    }

    fn windows(&self, n_tokens: usize, max_len: usize, overlap: usize) -> Windows {
        Windows::new(n_tokens, max_len.saturating_sub(self.n_special()), overlap)
    }

    /// Ids and spans without the special tokens around them.
    fn spanned_bare(&self, source: &[u8]) -> Result<(Vec<u32>, Vec<Range<usize>>), Error> {
        let text = String::from_utf8_lossy(source);
        let (ids, mut spans) = self.engine.spanned(&text)?;
        spans.iter_mut().for_each(|span| *span = spans::whole_characters(&text, span.clone()));
        if let Cow::Owned(_) = text {
            let places = Places::of(source);
            spans.iter_mut().for_each(|span| *span = places.in_file(span));
        }
        Ok((ids, spans))
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
mod tests;
