//! Which bytes of a file each token stands for, so that a score of a token can be put on an edit.

use std::ops::Range;

/// The token ids of one row and, for each, the bytes of the file that it stands for.
///
/// The bytes of a token are whole characters: two tokens that share a character both stand for all
/// of it. Spans are where the text was before the tokenizer changed it (case, accents), and bytes
/// that no token stands for, such as white space or an accent that the tokenizer drops, may be in no
/// span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpannedRow {
    ids: Vec<u32>,
    n_prefix: usize,
    /// Of the tokens between the special ones.
    spans: Vec<Range<usize>>,
}

impl SpannedRow {
    /// `ids` are `n_prefix` special tokens, one token for each of `spans`, and other special tokens.
    pub(super) fn new(ids: Vec<u32>, n_prefix: usize, spans: Vec<Range<usize>>) -> Self {
        debug_assert!(n_prefix + spans.len() <= ids.len());
        Self { ids, n_prefix, spans }
    }

    /// The row as the model wants it, special tokens included.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// [`ids`](Self::ids), without the spans.
    pub fn into_ids(self) -> Vec<u32> {
        self.ids
    }

    /// Where in the file the token at `index` of [`ids`](Self::ids) stands; `None` for the special
    /// tokens around a row, which stand for nothing, and past the end.
    pub fn span(&self, index: usize) -> Option<Range<usize>> {
        self.spans.get(index.checked_sub(self.n_prefix)?).cloned()
    }

    /// The tokens, as a range of [`ids`](Self::ids), that stand for any of the bytes of an edit.
    ///
    /// An insertion takes the place between two bytes: its tokens are those that hold the place or
    /// touch it. The range is empty if the edit lies outside this window or in dropped white space.
    pub fn tokens_over(&self, edit: &Range<usize>) -> Range<usize> {
        let meets = |span: &Range<usize>| match edit.is_empty() {
            true => span.start <= edit.start && edit.start <= span.end,
            false => span.start < edit.end && edit.start < span.end,
        };
        // Not a binary search: a normalizer that reorders marks may leave spans out of order.
        match (self.spans.iter().position(meets), self.spans.iter().rposition(meets)) {
            (Some(first), Some(last)) => self.n_prefix + first..self.n_prefix + last + 1,
            _ => 0..0,
        }
    }
}

/// Widens a span of `text` to whole characters.
pub(super) fn whole_characters(text: &str, span: Range<usize>) -> Range<usize> {
    text.floor_char_boundary(span.start)..text.ceil_char_boundary(span.end)
}

/// Places in the bytes of a file, by the place in the text that [`String::from_utf8_lossy`] makes of
/// it.
///
/// The text of what is not UTF-8 is longer or shorter than the bytes: every bad sequence, of one to
/// three bytes, became one character of three.
pub(super) struct Places {
    /// Of each point at which the distance between text and file may change: the place in both.
    turns: Vec<(usize, usize)>,
}

impl Places {
    /// Of the file `source`.
    pub(super) fn of(source: &[u8]) -> Self {
        let (mut in_text, mut in_file) = (0, 0);
        let mut turns = vec![(0, 0)];
        for chunk in source.utf8_chunks() {
            in_text += chunk.valid().len();
            in_file += chunk.valid().len();
            turns.push((in_text, in_file));
            if !chunk.invalid().is_empty() {
                in_text += char::REPLACEMENT_CHARACTER.len_utf8();
                in_file += chunk.invalid().len();
                turns.push((in_text, in_file));
            }
        }
        Self { turns }
    }

    /// The bytes of the file behind whole characters of the text.
    pub(super) fn in_file(&self, span: &Range<usize>) -> Range<usize> {
        self.place(span.start)..self.place(span.end)
    }

    fn place(&self, place: usize) -> usize {
        let next = self.turns.partition_point(|(in_text, _)| *in_text <= place);
        let (in_text, in_file) = self.turns[next - 1];
        in_file + (place - in_text)
    }
}

#[cfg(test)]
mod tests;
