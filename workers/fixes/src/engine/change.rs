//! Edits on top of edits: what several passes did to a text, as edits of the text before the first.

use std::ops::Range;

use crate::rule::Edit;

/// A text in the making: what is kept of the base, and what is new.
#[derive(Clone, Debug)]
pub struct Change {
    pieces: Vec<Piece>,
    /// Where each piece ends in the new text.
    ends: Vec<usize>,
    base_len: usize,
}

#[derive(Clone, Debug)]
enum Piece {
    Kept(Range<usize>),
    New(Vec<u8>),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Kept(range) => range.len(),
            Self::New(bytes) => bytes.len(),
        }
    }

    fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Self::Kept(kept) => Self::Kept(kept.start + range.start..kept.start + range.end),
            Self::New(bytes) => Self::New(bytes[range].to_vec()),
        }
    }
}

impl Change {
    /// A base text of `base_len` bytes, unchanged.
    #[must_use]
    pub fn none(base_len: usize) -> Self {
        Self { pieces: vec![Piece::Kept(0..base_len)], ends: vec![base_len], base_len }
    }

    /// The change that sorted, non-overlapping `edits` make to a text of `base_len` bytes.
    #[must_use]
    pub fn of(base_len: usize, edits: &[Edit]) -> Self {
        let mut change = Self::none(base_len);
        change.stack(edits);
        change
    }

    /// Applies sorted, non-overlapping edits of the text so far.
    pub fn stack(&mut self, edits: &[Edit]) {
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2 * edits.len());
        let mut copied_to = 0;
        for edit in edits {
            self.copy(copied_to..edit.range.start, &mut pieces);
            if !edit.text.is_empty() {
                pieces.push(Piece::New(edit.text.clone().into_bytes()));
            }
            copied_to = edit.range.end;
        }
        self.copy(copied_to..self.ends.last().copied().unwrap_or(0), &mut pieces);
        self.pieces = pieces;
        self.ends.clear();
        let mut end = 0;
        self.ends.extend(self.pieces.iter().map(|piece| {
            end += piece.len();
            end
        }));
    }

    fn copy(&self, wanted: Range<usize>, into: &mut Vec<Piece>) {
        let first = self.ends.partition_point(|&end| end <= wanted.start);
        for (piece, &end) in self.pieces[first..].iter().zip(&self.ends[first..]) {
            let start = end - piece.len();
            let (from, to) = (wanted.start.max(start), wanted.end.min(end));
            if from >= to {
                break;
            }
            into.push(piece.slice(from - start..to - start));
        }
    }

    /// The change as minimal edits of the base: sorted, not touching, and neither starting nor ending with
    /// bytes that they leave as they are. `None` if the new text is not UTF-8.
    #[must_use]
    pub fn edits(&self, base: &[u8]) -> Option<Vec<Edit>> {
        let mut edits = Vec::new();
        let mut at = 0;
        let mut new = Vec::new();
        for piece in self.pieces.iter().chain([&Piece::Kept(self.base_len..self.base_len)]) {
            match piece {
                Piece::New(bytes) => new.extend_from_slice(bytes),
                Piece::Kept(kept) => {
                    if kept.start > at || !new.is_empty() {
                        let text = String::from_utf8(std::mem::take(&mut new)).ok()?;
                        edits.extend(trimmed(base, Edit { range: at..kept.start, text }));
                    }
                    at = kept.end;
                }
            }
        }
        Some(edits)
    }

    /// Where byte `at` of the new text comes from; `None` if it is new.
    #[must_use]
    pub fn origin_of(&self, at: usize) -> Option<usize> {
        let index = self.ends.partition_point(|&end| end <= at);
        match self.pieces.get(index)? {
            Piece::Kept(kept) => Some(kept.end - (self.ends[index] - at)),
            Piece::New(_) => None,
        }
    }

    /// Where the new text has a range of the base, unless that was edited.
    #[must_use]
    pub fn place_of(&self, base: &Range<usize>) -> Option<Range<usize>> {
        self.pieces.iter().zip(&self.ends).find_map(|(piece, &end)| match piece {
            Piece::Kept(kept) if kept.start <= base.start && base.end <= kept.end => {
                Some(end - (kept.end - base.start)..end - (kept.end - base.end))
            }
            _ => None,
        })
    }

    /// The range of the base that the new text around byte `at` stands for; `None` if the byte is kept.
    #[must_use]
    pub fn replaced_at(&self, at: usize) -> Option<Range<usize>> {
        let index = self.ends.partition_point(|&end| end <= at);
        if !matches!(self.pieces.get(index)?, Piece::New(_)) {
            return None;
        }
        let kept = |piece: &Piece| match piece {
            Piece::Kept(kept) => Some(kept.clone()),
            Piece::New(_) => None,
        };
        let start = self.pieces[..index].iter().rev().find_map(kept).map_or(0, |kept| kept.end);
        let end = self.pieces[index..].iter().find_map(kept).map_or(self.base_len, |kept| kept.start);
        Some(start..end)
    }

    /// The places of the new text that are not as in the base: new bytes, and empty ranges where bytes are gone.
    #[must_use]
    pub fn mended_places(&self) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let (mut start, mut expected) = (0, 0);
        for piece in &self.pieces {
            let end = start + piece.len();
            match piece {
                Piece::New(_) => places.push(start..end),
                Piece::Kept(kept) => {
                    let is_known = places.last().is_some_and(|place: &Range<usize>| place.end == start);
                    if kept.start > expected && !is_known {
                        places.push(start..start);
                    }
                    expected = kept.end;
                }
            }
            start = end;
        }
        if expected < self.base_len && places.last().is_none_or(|place| place.end < start) {
            places.push(start..start);
        }
        places
    }
}

/// Leaves out of an edit what it does not change; `None` if that is all of it.
fn trimmed(base: &[u8], edit: Edit) -> Option<Edit> {
    let Edit { mut range, mut text } = edit;
    let old = &base[range.clone()];
    if old == text.as_bytes() {
        return None;
    }
    let mut n_same = old.iter().zip(text.as_bytes()).take_while(|(old, new)| old == new).count();
    while !text.is_char_boundary(n_same) {
        n_same -= 1;
    }
    text.drain(..n_same);
    range.start += n_same;
    let old = &base[range.clone()];
    let mut n_same = old.iter().rev().zip(text.bytes().rev()).take_while(|(old, new)| *old == new).count();
    while !text.is_char_boundary(text.len() - n_same) {
        n_same -= 1;
    }
    text.truncate(text.len() - n_same);
    range.end -= n_same;
    Some(Edit { range, text })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::edits::{apply, are_well_formed};

    fn edits_within(len: usize) -> impl Strategy<Value = Vec<Edit>> {
        proptest::collection::vec((0..=len, "[a-cß]{0,3}"), 0..8).prop_map(move |cuts| {
            let mut places: Vec<usize> = cuts.iter().map(|(at, _)| *at).collect();
            places.sort_unstable();
            places.dedup();
            let texts = cuts.into_iter().map(|(_, text)| text);
            places
                .chunks_exact(2)
                .zip(texts)
                .map(|(pair, text)| Edit { range: pair[0]..pair[1], text })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn stacked_edits_do_what_one_after_the_other_does(
            (base, first, second) in "[a-c]{0,30}".prop_flat_map(|base| {
                let len = base.len();
                (Just(base), edits_within(len), edits_within(12))
            })
        ) {
            let middle = apply(base.as_bytes(), &first);
            prop_assume!(are_well_formed(&second, middle.len()));
            prop_assume!(std::str::from_utf8(&apply(&middle, &second)).is_ok());
            let mut change = Change::none(base.len());
            change.stack(&first);
            change.stack(&second);
            let edits = change.edits(base.as_bytes());
            prop_assume!(edits.is_some());
            let edits = edits.unwrap();
            prop_assert!(are_well_formed(&edits, base.len()));
            prop_assert_eq!(apply(base.as_bytes(), &edits), apply(&middle, &second));
        }
    }

    #[test]
    fn edits_are_minimal() {
        let base = b"let x = 1;";
        let change = Change::of(base.len(), &[Edit::replace(0..10, "const x = 1;")]);
        assert_eq!(change.edits(base).unwrap(), [Edit::replace(0..2, "cons")]);
    }

    #[test]
    fn mended_places_and_origins() {
        let change = Change::of(10, &[Edit::replace(0..3, "const"), Edit::delete(8..10)]);
        assert_eq!(change.mended_places(), [0..5, 10..10]);
        assert_eq!(change.origin_of(2), None);
        assert_eq!(change.origin_of(5), Some(3));
        assert_eq!((change.place_of(&(4..6)), change.place_of(&(2..4))), (Some(6..8), None));
        assert_eq!([change.replaced_at(2), change.replaced_at(5)], [Some(0..3), None]);
    }
}
