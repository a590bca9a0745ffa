//! What turns text into tokens: our own byte-level BPE where a tokenizer is of that kind, the
//! `tokenizers` crate for all others.

use std::ops::Range;

use super::byte_bpe::ByteBpe;
use crate::Error;

/// Both give the same tokens; `byte_bpe.rs` names the one exception.
#[derive(Debug)]
pub(super) enum Engine {
    ByteBpe(Box<ByteBpe>),
    Library(Box<tokenizers::Tokenizer>),
}

impl Engine {
    /// The fastest engine for a tokenizer that neither truncates nor pads.
    pub(super) fn new(tokenizer: tokenizers::Tokenizer) -> Self {
        match ByteBpe::of(&tokenizer) {
            Some(bpe) => Self::ByteBpe(Box::new(bpe)),
            None => Self::Library(Box::new(tokenizer)),
        }
    }

    pub(super) fn count(&self, text: &str) -> Result<usize, Error> {
        match self {
            Self::ByteBpe(bpe) => {
                let mut n_tokens = 0;
                bpe.for_each_token(text, |_, _| n_tokens += 1);
                Ok(n_tokens)
            }
            Self::Library(library) => Ok(library.encode_fast(text, false).map_err(rejected)?.len()),
        }
    }

    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, Error> {
        match self {
            Self::ByteBpe(bpe) => {
                let mut ids = Vec::new();
                bpe.for_each_token(text, |id, _| ids.push(id));
                Ok(ids)
            }
            Self::Library(library) => {
                Ok(library.encode_fast(text, false).map_err(rejected)?.get_ids().to_vec())
            }
        }
    }

    /// Ids, and the bytes of the text that each stands for.
    pub(super) fn spanned(&self, text: &str) -> Result<(Vec<u32>, Vec<Range<usize>>), Error> {
        match self {
            Self::ByteBpe(bpe) => {
                let (mut ids, mut spans) = (Vec::new(), Vec::new());
                bpe.for_each_token(text, |id, span| {
                    ids.push(id);
                    spans.push(span);
                });
                Ok((ids, spans))
            }
            Self::Library(library) => {
                let encoding = library.encode(text, false).map_err(rejected)?;
                let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end).collect();
                Ok((encoding.get_ids().to_vec(), spans))
            }
        }
    }
}

fn rejected(error: tokenizers::Error) -> Error {
    Error::Tokenise { reason: error.to_string() }
}
