//! Cuts a run of files into batches of roughly equal cost within fixed bounds. Pure and deterministic.

use std::ops::Range;

/// Most files of a batch: what a worker's overhead per batch is spread over, and how much a poisoned one costs.
pub const MAX_FILES: usize = 64;
/// Most estimated tokens of a batch: a few seconds of a small model on one core, so that a lost worker costs seconds.
pub const MAX_TOKENS: u64 = 65_536;
/// Most bytes of a batch. Never reached at today's [`BYTES_PER_TOKEN_TENTHS`]; bounds memory should that change.
pub const MAX_BYTES: u64 = 4 << 20;
/// Bytes per token, times ten: byte-level BPE vocabularies trained on code come to 3 to 3.5.
pub const BYTES_PER_TOKEN_TENTHS: u64 = 32;
/// Tokens that every file costs beside its text: begin, end, and the fixed work per file.
pub const TOKENS_PER_FILE: u64 = 8;

/// How fine the even cut is: bounds are tried in steps of one 64th.
const STEPS: u64 = 64;

/// The estimated tokens of a file.
#[must_use]
pub fn estimated_tokens(n_bytes: u64) -> u64 {
    (n_bytes * 10).div_ceil(BYTES_PER_TOKEN_TENTHS) + TOKENS_PER_FILE
}

/// Cuts files (by their bytes, in order) into consecutive ranges that cover them all.
///
/// Uses as few batches as the bounds allow, and then makes them as even as that number allows: 65 files are 33 and
/// 32, not 64 and 1. A file that is over a bound by itself is its own batch.
#[must_use]
pub fn cut(n_bytes: &[u64]) -> Vec<Range<usize>> {
    let fewest = fill(n_bytes, STEPS).len();
    (1..=STEPS).map(|scale| fill(n_bytes, scale)).find(|batches| batches.len() <= fewest).unwrap_or_default()
}

/// Fills batches to `scale` 64ths of the bounds, one after the other.
fn fill(n_bytes: &[u64], scale: u64) -> Vec<Range<usize>> {
    let max_files = (MAX_FILES as u64 * scale).div_ceil(STEPS);
    let (max_tokens, max_bytes) = (MAX_TOKENS * scale / STEPS, MAX_BYTES * scale / STEPS);
    let mut batches = Vec::new();
    let (mut start, mut tokens, mut bytes) = (0, 0, 0);
    for (index, &size) in n_bytes.iter().enumerate() {
        let cost = estimated_tokens(size);
        let n_files = (index - start) as u64;
        let is_full = n_files >= max_files || tokens + cost > max_tokens || bytes + size > max_bytes;
        if n_files > 0 && is_full {
            batches.push(start..index);
            (start, tokens, bytes) = (index, 0, 0);
        }
        tokens += cost;
        bytes += size;
    }
    if start < n_bytes.len() {
        batches.push(start..n_bytes.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_files_more_than_a_batch_holds_are_split_evenly() {
        assert_eq!(cut(&[100; 65]), [0..33, 33..65]);
        assert_eq!(cut(&[100; 64]).len(), 1);
        assert!(cut(&[]).is_empty());
    }

    #[test]
    fn a_file_over_the_bounds_is_its_own_batch() {
        assert_eq!(cut(&[100, 1 << 20, 100]), [0..1, 1..2, 2..3]);
    }

    proptest! {
        #[test]
        fn batches_cover_all_files_once_in_order_and_within_bounds(
            n_bytes in prop::collection::vec(prop_oneof![0_u64..20_000, 0_u64..600_000], 0..400),
        ) {
            let batches = cut(&n_bytes);
            let covered: Vec<usize> = batches.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..n_bytes.len()).collect::<Vec<_>>());
            for batch in &batches {
                let sizes = &n_bytes[batch.clone()];
                let tokens: u64 = sizes.iter().map(|&size| estimated_tokens(size)).sum();
                prop_assert!(!sizes.is_empty() && sizes.len() <= MAX_FILES);
                prop_assert!(sizes.len() == 1 || tokens <= MAX_TOKENS);
                prop_assert!(sizes.len() == 1 || sizes.iter().sum::<u64>() <= MAX_BYTES);
            }
        }

        #[test]
        fn the_even_cut_never_takes_more_batches_than_the_greedy_one(
            n_bytes in prop::collection::vec(0_u64..100_000, 0..300),
        ) {
            prop_assert_eq!(cut(&n_bytes).len(), fill(&n_bytes, STEPS).len());
        }
    }
}
