//! What a file costs, in tokens: batches are cut by it. Pure, and the one place for it.
//!
//! A token costs the same in a long row as in a short one: M2-BERT takes about 99 MFLOP a token in its dense parts
//! and `12 · 15,360 · log2(2 L)` FLOP in its convolutions, 1.1 MFLOP in a row of 32 tokens and 2.9 MFLOP in one of
//! 32,768. Counting tokens alone is off by less than two in a hundred.

use model_dir::{Padding, Windows};

/// Bytes per token, times ten: byte-level BPE vocabularies trained on code come to 3 to 3.5.
pub const BYTES_PER_TOKEN_TENTHS: u64 = 32;
/// Tokens that every file costs beside its text: rules, and the fixed work per file.
pub const TOKENS_PER_FILE: u64 = 8;

/// A file on the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Its tokens: counted with a model, estimated without.
    pub n_tokens: u64,
    /// What it costs a worker, in tokens.
    pub cost: u64,
    /// Windows that the model reads it in; none without a model.
    pub n_windows: u64,
}

impl Weight {
    /// By bytes, where there is no model.
    #[must_use]
    pub fn estimated(n_bytes: u64) -> Self {
        let n_tokens = (n_bytes * 10).div_ceil(BYTES_PER_TOKEN_TENTHS) + TOKENS_PER_FILE;
        Self { n_tokens, cost: n_tokens, n_windows: 0 }
    }

    /// By the tokens of a text under the model's tokenizer, special tokens included; 0 for an empty file.
    #[must_use]
    pub fn counted(n_tokens: u64, reading: &Reading) -> Self {
        let n_windows = reading.n_windows(n_tokens);
        Self { n_tokens, cost: reading.computed(n_tokens) + TOKENS_PER_FILE, n_windows }
    }
}

/// How a model reads a text: in rows of at most so many tokens, a longer one in windows that overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    l_max: usize,
    overlap: usize,
    n_special: usize,
    padding: Padding,
}

impl Reading {
    /// Of a model of that length whose tokenizer puts `n_special` tokens around a row. Nothing if that leaves no
    /// room for a text.
    #[must_use]
    pub fn new(l_max: usize, n_special: usize, padding: Padding) -> Option<Self> {
        // As `ModelDir::rows` has it.
        let overlap = l_max / 8;
        (l_max > n_special + overlap).then_some(Self { l_max, overlap, n_special, padding })
    }

    /// The windows that a text of so many tokens is read in; none for an empty one.
    #[must_use]
    pub fn n_windows(&self, n_tokens: u64) -> u64 {
        self.windows(n_tokens).map_or(0, |windows| windows.len() as u64)
    }

    fn windows(&self, n_tokens: u64) -> Option<Windows> {
        let n_bare = usize::try_from(n_tokens).unwrap_or(usize::MAX).saturating_sub(self.n_special);
        (n_tokens > 0).then(|| Windows::new(n_bare, self.l_max - self.n_special, self.overlap))
    }

    /// The tokens that the model computes for it, with what overlaps and the padding that the model wants.
    fn computed(&self, n_tokens: u64) -> u64 {
        let Some(windows) = self.windows(n_tokens) else { return 0 };
        let n_computed = match self.padding {
            Padding::None => windows.total_len() + windows.len() * self.n_special,
            Padding::MaxLength => windows.len() * self.l_max,
        };
        n_computed as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_dir::ModelDir;
    use model_dir::init::{Size, untrained};
    use proptest::prelude::*;

    fn reading(l_max: usize) -> Reading {
        Reading::new(l_max, 2, Padding::None).unwrap()
    }

    #[test]
    fn a_long_file_costs_its_windows_and_a_padded_one_its_padding() {
        let cost = |n_tokens, padding| {
            Weight::counted(n_tokens, &Reading::new(64, 2, padding).unwrap()).cost - TOKENS_PER_FILE
        };
        assert_eq!([0, 10, 64, 65, 120].map(|n| cost(n, Padding::None)), [0, 10, 64, 75, 140]);
        assert_eq!([0, 10, 64, 65, 120].map(|n| cost(n, Padding::MaxLength)), [0, 64, 64, 128, 192]);
        assert_eq!(Reading::new(8, 7, Padding::None), None);
    }

    #[test]
    fn the_cost_is_what_the_model_s_rows_hold() {
        let dir = tempfile::tempdir().unwrap();
        untrained(Size::Micro, 1, &["x = 1\n".repeat(9)]).unwrap().write(&dir.path().join("m")).unwrap();
        let model = ModelDir::open(&dir.path().join("m")).unwrap();
        let reading =
            Reading::new(model.config().l_max(), model.tokenizer().n_special(), model.padding()).unwrap();
        for n in (1..400).step_by(7) {
            let text = "z".repeat(n);
            let rows = model.rows(&text).unwrap();
            let n_tokens = model.tokenizer().count(&text).unwrap() as u64;
            assert_eq!(reading.n_windows(n_tokens), rows.len() as u64);
            assert_eq!(reading.computed(n_tokens), rows.iter().map(Vec::len).sum::<usize>() as u64);
        }
    }

    proptest! {
        #[test]
        fn the_cost_never_falls_and_stays_near_the_tokens(
            n_tokens in 0_u64..2_000_000,
            more in 0_u64..10_000,
            l_max in 32_usize..40_000,
        ) {
            let reading = reading(l_max);
            let cost = |n_tokens| Weight::counted(n_tokens, &reading).cost - TOKENS_PER_FILE;
            prop_assert!(cost(n_tokens) >= n_tokens);
            prop_assert!(cost(n_tokens) <= cost(n_tokens + more));
            // An eighth overlaps, and special tokens stand around each window.
            prop_assert!(cost(n_tokens) <= n_tokens * 3 / 2 + l_max as u64);
        }

        #[test]
        fn any_number_has_a_cost(n_tokens in any::<u32>(), n_bytes in 0_u64..1 << 50, l_max in 4_usize..9000) {
            prop_assert!(Weight::counted(n_tokens.into(), &reading(l_max)).cost >= u64::from(n_tokens));
            prop_assert!(Weight::estimated(n_bytes).cost <= Weight::estimated(n_bytes + 1).cost);
        }
    }
}
