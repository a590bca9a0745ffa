//! Cuts a run of files into batches of roughly equal cost within fixed bounds. Pure and deterministic.

use std::ops::Range;

/// Most files of a batch without a model: what a worker's overhead per batch is spread over, and how much a poisoned
/// one costs.
pub const MAX_FILES: usize = 64;
/// Most files of a batch with a model: more, since it is bound by its tokens, and batches of small files would cost
/// a fraction of the others.
pub const MAX_FILES_READ: usize = 256;
/// Most a batch costs, in tokens: a few seconds of a small model on one core, so that a lost worker costs seconds.
pub const MAX_COST: u64 = 65_536;
/// Most bytes of a batch: bounds memory where a tokenizer makes one token of very many bytes.
pub const MAX_BYTES: u64 = 4 << 20;

/// What is known of a file when batches are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// See [`super::cost`].
    pub cost: u64,
    /// Bytes.
    pub n_bytes: u64,
}

/// How fine the even cut is: bounds are tried in steps of one 64th.
const STEPS: u64 = 64;

/// Cuts files, in order, into consecutive ranges that cover them all, of at most `max_files` files.
///
/// Uses as few batches as the bounds allow, and then makes them as even as that number allows: 65 files are 33 and
/// 32, not 64 and 1. A file that is over a bound by itself is its own batch.
#[must_use]
pub fn cut(files: &[Size], max_files: usize) -> Vec<Range<usize>> {
    let fewest = fill(files, max_files, STEPS).len();
    (1..=STEPS)
        .map(|scale| fill(files, max_files, scale))
        .find(|batches| batches.len() <= fewest)
        .unwrap_or_default()
}

/// Fills batches to `scale` 64ths of the bounds, one after the other.
fn fill(files: &[Size], max_files: usize, scale: u64) -> Vec<Range<usize>> {
    let max_files = (max_files as u64 * scale).div_ceil(STEPS);
    let (max_cost, max_bytes) = (MAX_COST * scale / STEPS, MAX_BYTES * scale / STEPS);
    let mut batches = Vec::new();
    let (mut start, mut cost, mut bytes) = (0, 0, 0);
    for (index, file) in files.iter().enumerate() {
        let n_files = (index - start) as u64;
        let is_full = n_files >= max_files || cost + file.cost > max_cost || bytes + file.n_bytes > max_bytes;
        if n_files > 0 && is_full {
            batches.push(start..index);
            (start, cost, bytes) = (index, 0, 0);
        }
        cost += file.cost;
        bytes += file.n_bytes;
    }
    if start < files.len() {
        batches.push(start..files.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized((cost, n_bytes): (u64, u64)) -> Size {
        Size { cost, n_bytes }
    }

    #[test]
    fn few_files_more_than_a_batch_holds_are_split_evenly() {
        assert_eq!(cut(&[sized((40, 100)); 65], MAX_FILES), [0..33, 33..65]);
        assert_eq!(cut(&[sized((40, 100)); 64], MAX_FILES).len(), 1);
        assert!(cut(&[], MAX_FILES).is_empty());
    }

    #[test]
    fn a_file_over_the_bounds_is_its_own_batch() {
        let small = sized((40, 100));
        assert_eq!(cut(&[small, sized((1 << 20, 100)), small], MAX_FILES), [0..1, 1..2, 2..3]);
        assert_eq!(cut(&[small, sized((40, 5 << 20)), small], MAX_FILES), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn batches_cost_the_same_however_many_bytes_a_token_has() {
        let files: Vec<Size> = (0..900).map(|n| sized((1500 + n % 7 * 500, 100 + n % 90 * 400))).collect();
        let costs: Vec<u64> = cut(&files, MAX_FILES_READ)
            .into_iter()
            .map(|batch| files[batch].iter().map(|file| file.cost).sum())
            .collect();
        // The last one has what is left; of the others, none is further off than by one file.
        let (_, others) = costs.split_last().unwrap();
        let (most, least) = (others.iter().max().unwrap(), others.iter().min().unwrap());
        assert!(others.len() > 30 && most - least <= 4500, "{costs:?}");
    }

    proptest! {
        #[test]
        fn batches_cover_all_files_once_in_order_and_within_bounds(
            files in prop::collection::vec(
                prop_oneof![(0_u64..6_000, 0_u64..20_000), (0_u64..200_000, 0_u64..1_000_000)], 0..400),
            max_files in 1_usize..100,
        ) {
            let files: Vec<Size> = files.into_iter().map(sized).collect();
            let batches = cut(&files, max_files);
            let covered: Vec<usize> = batches.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..files.len()).collect::<Vec<_>>());
            for batch in &batches {
                let files = &files[batch.clone()];
                prop_assert!(!files.is_empty() && files.len() <= max_files);
                prop_assert!(files.len() == 1 || files.iter().map(|file| file.cost).sum::<u64>() <= MAX_COST);
                prop_assert!(files.len() == 1 || files.iter().map(|file| file.n_bytes).sum::<u64>() <= MAX_BYTES);
            }
        }

        #[test]
        fn the_even_cut_never_takes_more_batches_than_the_greedy_one(
            files in prop::collection::vec((0_u64..30_000, 0_u64..100_000), 0..300),
            max_files in 1_usize..100,
        ) {
            let files: Vec<Size> = files.into_iter().map(sized).collect();
            prop_assert_eq!(cut(&files, max_files).len(), fill(&files, max_files, STEPS).len());
        }
    }
}
