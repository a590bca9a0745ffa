//! Splitting a text that is longer than the model into overlapping windows. Pure arithmetic.
//!
//! Nothing is ever cut off: every token is in at least one window, and neighbours share at least
//! the asked-for overlap, so that what stands on a border is seen with context on one side or the
//! other.

use std::ops::Range;

/// The windows over a sequence of tokens, in order; an iterator of index ranges.
///
/// A sequence that fits is one window. A longer one is covered by the smallest possible number of
/// windows: full ones at fixed places, and a last one that holds what is left. So a change of the
/// text changes no window in front of it, however the length changes, and what was computed of
/// those windows still holds.
#[derive(Debug, Clone)]
pub struct Windows {
    n_tokens: usize,
    max_len: usize,
    /// From the start of one window to that of the next.
    stride: usize,
    n_windows: usize,
    next: usize,
}

impl Windows {
    /// Plans windows of at most `max_len` tokens that overlap by `overlap` tokens.
    ///
    /// An empty sequence has one empty window, so that every text has a row.
    ///
    /// # Panics
    /// If `overlap >= max_len`: such windows would never advance.
    pub fn new(n_tokens: usize, max_len: usize, overlap: usize) -> Self {
        assert!(overlap < max_len, "an overlap of {overlap} leaves no room in a window of {max_len}");
        let stride = max_len - overlap;
        let n_windows = if n_tokens <= max_len { 1 } else { (n_tokens - overlap).div_ceil(stride) };
        Self { n_tokens, max_len, stride, n_windows, next: 0 }
    }

    /// Tokens of all windows together: every token, and what overlaps once more.
    pub fn total_len(&self) -> usize {
        self.n_tokens + (self.n_windows - 1) * (self.max_len - self.stride)
    }
}

impl Iterator for Windows {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.next == self.n_windows {
            return None;
        }
        let start = self.next * self.stride;
        self.next += 1;
        Some(start..(start + self.max_len).min(self.n_tokens))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n_left = self.n_windows - self.next;
        (n_left, Some(n_left))
    }
}

impl ExactSizeIterator for Windows {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// First and end token of each window.
    fn plan(n_tokens: usize, max_len: usize, overlap: usize) -> Vec<(usize, usize)> {
        Windows::new(n_tokens, max_len, overlap).map(|window| (window.start, window.end)).collect()
    }

    #[test]
    fn a_short_sequence_is_one_window() {
        assert_eq!(plan(5, 8, 1), [(0, 5)]);
        assert_eq!(plan(8, 8, 1), [(0, 8)]);
        assert_eq!(plan(0, 8, 1), [(0, 0)]);
    }

    #[test]
    fn one_token_too_many_makes_a_second_window() {
        assert_eq!(plan(9, 8, 1), [(0, 8), (7, 9)]);
        assert_eq!(plan(15, 8, 1), [(0, 8), (7, 15)]);
    }

    proptest! {
        #[test]
        fn windows_cover_everything_and_overlap(
            n_tokens in 0_usize..100_000,
            max_len in 1_usize..5_000,
            share in 0_usize..8,
        ) {
            let overlap = max_len * share / 8;
            let windows: Vec<_> = Windows::new(n_tokens, max_len, overlap).collect();
            prop_assert_eq!(windows.len(), Windows::new(n_tokens, max_len, overlap).len());
            prop_assert_eq!(windows[0].start, 0);
            prop_assert_eq!(windows[windows.len() - 1].end, n_tokens);
            for window in &windows {
                prop_assert!(window.len() <= max_len);
            }
            for pair in windows.windows(2) {
                prop_assert!(pair[0].start < pair[1].start);
                prop_assert_eq!(pair[1].start + overlap, pair[0].end);
            }
            let total: usize = windows.iter().map(Range::len).sum();
            prop_assert_eq!(total, Windows::new(n_tokens, max_len, overlap).total_len());
        }

        #[test]
        fn no_plan_has_a_needless_window(n_tokens in 1_usize..10_000, max_len in 2_usize..500) {
            let overlap = max_len / 8;
            let n_windows = Windows::new(n_tokens, max_len, overlap).len();
            // One window fewer would reach at most this many tokens.
            let reach = (n_windows - 1) * (max_len - overlap) + overlap;
            prop_assert!(n_windows == 1 || reach < n_tokens);
        }

        #[test]
        fn a_longer_text_has_the_same_windows_in_front(n_tokens in 0_usize..9_000, more in 1_usize..900) {
            let plan = |n_tokens| Windows::new(n_tokens, 100, 12).collect::<Vec<_>>();
            let (before, after) = (plan(n_tokens), plan(n_tokens + more));
            let full = before.len() - 1;
            prop_assert_eq!(&before[..full], &after[..full]);
        }
    }
}
