//! Where the mixer's inputs lie in memory.
//!
//! Projections work on a chunk of tokens and all channels; convolutions on a group of channels and all tokens. So the
//! inputs of a mixer are kept as `[chunk][slice][group][token][lane]`: a projection writes one contiguous block per
//! chunk, and a convolution reads long contiguous runs.

use std::ops::Range;

/// What enters a mixer: three slices of the projection and the layer's input itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slice {
    /// Gates before the convolution.
    X1 = 0,
    /// Gates after it.
    X2 = 1,
    /// What is convolved.
    V = 2,
    /// The layer's input.
    X = 3,
}

/// Number of slices.
pub(super) const N_SLICES: usize = 4;

/// Widths and the size of a chunk.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    width: usize,
    lanes: usize,
    n_tokens: usize,
    chunk: usize,
}

/// Consecutive tokens within one chunk.
#[derive(Debug)]
pub(super) struct Piece {
    chunk: usize,
    /// First token within the chunk.
    first: usize,
    pub(super) n_tokens: usize,
}

impl Layout {
    /// For `n_tokens` of `width` channels, in chunks of `chunk` tokens, with `lanes` channels in a group.
    pub(super) fn new(width: usize, lanes: usize, n_tokens: usize, chunk: usize) -> Self {
        Self { width, lanes, n_tokens, chunk }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes
    }

    /// Groups of channels; the last one may have lanes to spare.
    pub(super) fn n_groups(&self) -> usize {
        self.width.div_ceil(self.lanes)
    }

    pub(super) fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// Tokens of a chunk; the last one may have fewer.
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// The tokens of each chunk.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n_tokens, chunk) = (self.n_tokens, self.chunk);
        (0..n_tokens).step_by(chunk).map(move |first| first..n_tokens.min(first + chunk))
    }

    /// Floats of a token in all slices.
    pub(super) fn floats_per_token(&self) -> usize {
        N_SLICES * self.n_groups() * self.lanes
    }

    /// Where the lanes of a token of a chunk begin within the chunk's block.
    #[inline(always)]
    pub(super) fn place(&self, n_chunk_tokens: usize, slice: usize, group: usize, token: usize) -> usize {
        ((slice * self.n_groups() + group) * n_chunk_tokens + token) * self.lanes
    }

    /// The runs of consecutive tokens, chunk by chunk, that make up a range of tokens.
    pub(super) fn pieces(&self, tokens: Range<usize>) -> impl Iterator<Item = Piece> + use<> {
        let chunk = self.chunk;
        (tokens.start / chunk..tokens.end.div_ceil(chunk)).map(move |index| {
            let first = tokens.start.max(index * chunk);
            let end = tokens.end.min((index + 1) * chunk);
            Piece { chunk: index, first: first - index * chunk, n_tokens: end - first }
        })
    }

    /// One slice and group of a piece: `[n_tokens, lanes]`.
    #[inline(always)]
    pub(super) fn lanes_of<'a>(
        &self,
        inputs: &'a [f32],
        piece: &Piece,
        slice: Slice,
        group: usize,
    ) -> &'a [f32] {
        let first_token = piece.chunk * self.chunk;
        let n_chunk_tokens = self.chunk.min(self.n_tokens - first_token);
        let block = first_token * self.floats_per_token();
        let first = block + self.place(n_chunk_tokens, slice as usize, group, piece.first);
        &inputs[first..first + piece.n_tokens * self.lanes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_range_and_stay_within_chunks() {
        let layout = Layout::new(6, 4, 23, 8);
        let pieces: Vec<_> =
            layout.pieces(5..20).map(|piece| (piece.chunk, piece.first, piece.n_tokens)).collect();
        assert_eq!(pieces, [(0, 5, 3), (1, 0, 8), (2, 0, 4)]);
        assert_eq!(layout.pieces(8..16).count(), 1);
        assert_eq!(layout.chunks().last(), Some(16..23));
    }

    #[test]
    fn every_token_slice_and_group_has_a_place_of_its_own() {
        let layout = Layout::new(6, 4, 23, 8);
        let mut seen = vec![false; 23 * layout.floats_per_token()];
        let marks: Vec<f32> = (0..seen.len()).map(|place| place as f32).collect();
        for slice in [Slice::X1, Slice::X2, Slice::V, Slice::X] {
            for group in 0..layout.n_groups() {
                for piece in layout.pieces(0..23) {
                    for mark in layout.lanes_of(&marks, &piece, slice, group) {
                        assert!(!std::mem::replace(&mut seen[*mark as usize], true), "{mark} twice");
                    }
                }
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }
}
