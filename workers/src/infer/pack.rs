//! Which rows go through the model together: few passes, little padding. Pure and deterministic.

use std::cmp::Reverse;
use std::ops::Range;

/// Of the tokens that a batch is computed in, at least so many in a hundred are real where an encoder pads rows to the
/// longest beside them.
pub(super) const MIN_FILL_PERCENT: usize = 90;

/// What a pass costs beside its tokens, in tokens: the more, the fewer passes and the more padding. The first that
/// leaves enough real tokens is taken; with the last there is no padding.
const PASS_COSTS: [usize; 14] = [4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 0];

/// Groups rows, longest first, so that each group, its rows padded to its longest, holds at most `max_padded` tokens,
/// and at least [`MIN_FILL_PERCENT`] of the tokens of all groups together are real. A row that is longer than
/// `max_padded` is a group of its own.
///
/// An encoder that does not pad loses nothing by it: its groups are as large as memory and cache like them.
pub(super) fn pack(lengths: &[usize], max_padded: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| (Reverse(lengths[row]), row));
    let sorted: Vec<usize> = order.iter().map(|&row| lengths[row]).collect();
    let n_real: usize = sorted.iter().sum();
    let is_filled = |groups: &Vec<Range<usize>>| 100 * n_real >= MIN_FILL_PERCENT * padded(&sorted, groups);
    let groups = PASS_COSTS
        .into_iter()
        .map(|pass_cost| cheapest(&sorted, max_padded, pass_cost))
        .find(is_filled)
        .expect("without a price of passes nothing is padded");
    groups.into_iter().map(|group| order[group].to_vec()).collect()
}

/// The tokens of all groups, padding included.
fn padded(sorted: &[usize], groups: &[Range<usize>]) -> usize {
    groups.iter().map(|group| group.len() * sorted[group.start]).sum()
}

/// The consecutive groups of least padded tokens and passes together.
fn cheapest(sorted: &[usize], max_padded: usize, pass_cost: usize) -> Vec<Range<usize>> {
    // Of the rows before each end: the least cost, and where their last group starts.
    let mut best = vec![(0, 0)];
    for end in 1..=sorted.len() {
        let fits = |start: &usize| end - start == 1 || (end - start) * sorted[*start] <= max_padded;
        let cost_from = |start: usize| (best[start].0 + (end - start) * sorted[start] + pass_cost, start);
        let cheapest = (0..end).rev().take_while(fits).map(cost_from).min();
        best.push(cheapest.expect("a row alone is a group"));
    }
    let mut groups = Vec::new();
    let mut end = sorted.len();
    while end > 0 {
        groups.push(best[end].1..end);
        end = best[end].1;
    }
    groups.reverse();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_of_one_length_share_passes_up_to_the_cap() {
        let sizes: Vec<usize> = pack(&[10; 7], 30).iter().map(Vec::len).collect();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|&n_rows| n_rows <= 3));
        assert!(pack(&[], 10).is_empty());
    }

    #[test]
    fn the_longest_come_first_and_small_rows_share_a_pass() {
        let groups = pack(&[5, 1000, 7, 950, 6, 4000], 16_000);
        assert_eq!(groups, [vec![5], vec![1, 3], vec![2, 4, 0]]);
    }

    /// The least cost over every way to cut the rows.
    fn least_cost(sorted: &[usize], max_padded: usize, pass_cost: usize) -> usize {
        (0..1_u32 << (sorted.len() - 1))
            .filter_map(|cuts| {
                let ends =
                    (1..=sorted.len()).filter(|&end| end == sorted.len() || cuts >> (end - 1) & 1 == 1);
                let mut start = 0;
                ends.map(|end| {
                    let n_rows = end - std::mem::replace(&mut start, end);
                    let n_padded = n_rows * sorted[end - n_rows];
                    (n_rows == 1 || n_padded <= max_padded).then_some(n_padded + pass_cost)
                })
                .sum::<Option<usize>>()
            })
            .min()
            .unwrap()
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_group_and_groups_keep_to_cap_and_fill(
            lengths in prop::collection::vec(prop_oneof![1_usize..40, 1_usize..500], 0..80),
            max_padded in 1_usize..2000,
        ) {
            let groups = pack(&lengths, max_padded);
            let mut rows: Vec<usize> = groups.concat();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
            let mut n_padded = 0;
            for group in groups {
                let longest = group.iter().map(|&row| lengths[row]).max().unwrap();
                prop_assert!(group.len() == 1 || group.len() * longest <= max_padded);
                n_padded += group.len() * longest;
            }
            prop_assert!(100 * lengths.iter().sum::<usize>() >= MIN_FILL_PERCENT * n_padded);
        }

        #[test]
        fn no_other_way_to_cut_is_cheaper(
            mut lengths in prop::collection::vec(1_usize..60, 1..9),
            max_padded in 1_usize..200,
            pass_cost in 0_usize..40,
        ) {
            lengths.sort_by_key(|&length| Reverse(length));
            let groups = cheapest(&lengths, max_padded, pass_cost);
            let cost = padded(&lengths, &groups) + groups.len() * pass_cost;
            prop_assert_eq!(cost, least_cost(&lengths, max_padded, pass_cost));
        }
    }
}
