//! Byte-level BPE without the bookkeeping of the `tokenizers` crate: the same tokens, many times faster.
//!
//! The crate copies every word, turns its bytes into other characters, and keeps an alignment for
//! each, though all that is wanted is ids and places. Here a word is a slice of the text. Most words
//! are in the vocabulary and cost one look-up; the others are merged. Nothing changes after loading,
//! so that threads share a tokenizer without a lock.
//!
//! The one known difference: where a million white space characters stand in a row, the crate's
//! regular expression gives up and leaves the rest of the text in one piece. Here it is cut as
//! everywhere else.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use tokenizers::{AddedToken, ModelWrapper, PreTokenizerWrapper};

use super::words::Splitter;

/// A tokenizer of the kind that [`of`](Self::of) knows.
pub(super) struct ByteBpe {
    splitter: Splitter,
    /// Finds the added tokens, such as `[SEP]`, that are spelled in a text.
    added: AhoCorasick,
    /// Their ids, by the index of the pattern.
    added_ids: Vec<u32>,
    /// The token of every byte.
    bytes: [u32; 256],
    merges: FxHashMap<(u32, u32), Merge>,
    /// Words that become one token.
    words: FxHashMap<Box<[u8]>, u32>,
}

/// What becomes of two neighbours.
#[derive(Clone, Copy)]
struct Merge {
    /// The smallest of a word goes first.
    rank: u32,
    id: u32,
}

/// The field of a stored BPE model to which the `tokenizers` crate has no other access.
#[derive(Deserialize)]
struct StoredMerges {
    merges: Vec<(String, String)>,
}

impl ByteBpe {
    /// The same tokenizer, if it is byte-level BPE with the words of GPT-2 and with no feature that
    /// would make its tokens depend on anything else.
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Option<Self> {
        let ModelWrapper::BPE(model) = tokenizer.get_model() else { return None };
        let Some(PreTokenizerWrapper::ByteLevel(split)) = tokenizer.get_pre_tokenizer() else { return None };
        let added = tokenizer.get_added_tokens_decoder();
        let plain = tokenizer.get_normalizer().is_none()
            && (split.use_regex && !split.add_prefix_space)
            && (model.dropout.is_none() && !model.ignore_merges)
            && model.continuing_subword_prefix.as_deref().unwrap_or_default().is_empty()
            && model.end_of_word_suffix.as_deref().unwrap_or_default().is_empty()
            && added.values().all(is_plain);
        if !plain || tokenizer.get_encode_special_tokens() {
            return None;
        }

        let vocab = model.get_vocab();
        // Two spellings of one id would make merges ambiguous.
        if vocab.values().collect::<HashSet<_>>().len() < vocab.len() {
            return None;
        }
        let alphabet = alphabet();
        let mut bytes = [0; 256];
        for (id, character) in bytes.iter_mut().zip(alphabet) {
            *id = *vocab.get(character.encode_utf8(&mut [0; 2]) as &str)?;
        }
        let stored: StoredMerges = serde_json::from_str(&serde_json::to_string(model).ok()?).ok()?;
        let mut merges = FxHashMap::default();
        for ((left, right), rank) in stored.merges.iter().zip(0..) {
            let id = *vocab.get(&format!("{left}{right}"))?;
            merges.insert((*vocab.get(left)?, *vocab.get(right)?), Merge { rank, id });
        }
        let (added_ids, patterns): (Vec<u32>, Vec<String>) =
            added.into_iter().map(|(id, token)| (id, token.content)).unzip();
        let added = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()?;

        let words = FxHashMap::default();
        let mut this = Self { splitter: Splitter::new(), added, added_ids, bytes, merges, words };
        let byte_of: FxHashMap<char, u8> = alphabet.into_iter().zip(0..=u8::MAX).collect();
        let spelled = |token: &str| token.chars().map(|c| byte_of.get(&c).copied()).collect();
        this.words = this.single_words(vocab.keys().filter_map(|token| spelled(token)));
        Some(this)
    }

    /// Calls `each` with id and place of every token of a text, in order.
    pub(super) fn for_each_token(&self, text: &str, mut each: impl FnMut(u32, Range<usize>)) {
        let mut word = Word::default();
        let mut place = 0;
        for found in self.added.find_iter(text) {
            self.for_each_plain(&text[..found.start()], place, &mut word, &mut each);
            each(self.added_ids[found.pattern()], found.range());
            place = found.end();
        }
        self.for_each_plain(text, place, &mut word, &mut each);
    }

    /// The tokens of `text` from `start` on, in which no added token is spelled.
    fn for_each_plain(
        &self,
        text: &str,
        mut start: usize,
        word: &mut Word,
        each: &mut impl FnMut(u32, Range<usize>),
    ) {
        while start < text.len() {
            let end = self.splitter.word_end(text, start);
            let spelling = &text.as_bytes()[start..end];
            match self.words.get(spelling) {
                Some(id) => each(*id, start..end),
                None => {
                    word.merge(spelling, self);
                    word.for_each_part(|id, part| each(id, start + part.start..start + part.end));
                }
            }
            start = end;
        }
    }

    /// Those of `spellings` that become one token, with that token. It is not enough that a word is
    /// in the vocabulary: its merges may go another way, and special tokens have none.
    fn single_words(&self, spellings: impl Iterator<Item = Vec<u8>>) -> FxHashMap<Box<[u8]>, u32> {
        let mut word = Word::default();
        let mut single = FxHashMap::default();
        for spelling in spellings {
            word.merge(&spelling, self);
            word.for_each_part(|id, part| {
                if part.len() == spelling.len() {
                    single.insert(spelling.as_slice().into(), id);
                }
            });
        }
        single
    }
}

impl std::fmt::Debug for ByteBpe {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ByteBpe").field("n_merges", &self.merges.len()).finish_non_exhaustive()
    }
}

/// Whether a token is found by its spelling alone, before anything else happens to a text.
fn is_plain(token: &AddedToken) -> bool {
    !(token.single_word || token.lstrip || token.rstrip || token.normalized)
}

/// The characters that stand for the 256 bytes in a stored vocabulary: a visible one for itself, the
/// others for themselves moved behind Latin-1.
fn alphabet() -> [char; 256] {
    let mut moved = '\u{100}'..;
    std::array::from_fn(|byte| match byte as u8 {
        byte @ (b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) => char::from(byte),
        _ => moved.next().expect("fewer than 256 are moved"),
    })
}

/// A word on its way from bytes to tokens. Kept between words for its memory.
#[derive(Default)]
struct Word {
    /// By the place where a part starts. A part that was merged into the one before has no next.
    parts: Vec<Part>,
    /// Merges that were possible when they were put here, by rank and then place.
    queue: BinaryHeap<Reverse<(u32, usize)>>,
}

#[derive(Clone, Copy)]
struct Part {
    id: u32,
    previous: Option<usize>,
    /// Where the next part starts; the length of the word for the last.
    next: usize,
}

impl Word {
    /// Merges the neighbours of the smallest rank, the leftmost first, until no two can be merged.
    fn merge(&mut self, spelling: &[u8], bpe: &ByteBpe) {
        let part = |(place, byte): (usize, &u8)| Part {
            id: bpe.bytes[usize::from(*byte)],
            previous: place.checked_sub(1),
            next: place + 1,
        };
        self.parts.clear();
        self.parts.extend(spelling.iter().enumerate().map(part));
        (0..spelling.len()).for_each(|place| self.offer(place, bpe));
        while let Some(Reverse((rank, left))) = self.queue.pop() {
            // Either neighbour may have been merged with another since.
            let Some(merge) = self.merge_at(left, bpe).filter(|merge| merge.rank == rank) else { continue };
            let right = self.parts[left].next;
            let next = std::mem::replace(&mut self.parts[right].next, spelling.len());
            self.parts[left] = Part { id: merge.id, next, ..self.parts[left] };
            if let Some(part) = self.parts.get_mut(next) {
                part.previous = Some(left);
            }
            self.offer(left, bpe);
            if let Some(previous) = self.parts[left].previous {
                self.offer(previous, bpe);
            }
        }
    }

    fn offer(&mut self, left: usize, bpe: &ByteBpe) {
        if let Some(merge) = self.merge_at(left, bpe) {
            self.queue.push(Reverse((merge.rank, left)));
        }
    }

    fn merge_at(&self, left: usize, bpe: &ByteBpe) -> Option<Merge> {
        let Part { id, next, .. } = self.parts[left];
        let right = self.parts.get(next)?;
        bpe.merges.get(&(id, right.id)).copied()
    }

    fn for_each_part(&self, mut each: impl FnMut(u32, Range<usize>)) {
        let mut place = 0;
        while let Some(part) = self.parts.get(place) {
            each(part.id, place..part.next);
            place = part.next;
        }
    }
}

#[cfg(test)]
mod tests;
