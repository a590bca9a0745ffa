//! What goes into a network, and what comes out of it.

use std::collections::BTreeMap;
use std::ops::Range;

use tch::Tensor;

use super::cpu::n_points;
use crate::Error;

/// Token ids of rows of any lengths, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Each below the vocabulary size.
    pub ids: Vec<u32>,
    /// The type of each token; type 0 everywhere if absent.
    pub type_ids: Option<Vec<u32>>,
    /// The tokens of each row, at least one.
    ranges: Vec<Range<usize>>,
    /// Tokens of each row that are no padding.
    n_real: Vec<usize>,
}

impl Rows {
    /// Adds a row. Tokens behind the first `n_real` are padding that takes part like any token, except in means.
    ///
    /// # Panics
    /// If the row has no tokens, or fewer than `n_real`.
    pub fn push(&mut self, ids: impl IntoIterator<Item = u32>, n_real: usize) {
        let start = self.ids.len();
        self.ids.extend(ids);
        assert!(start < self.ids.len() && n_real <= self.ids.len() - start, "a row has real tokens first");
        self.ranges.push(start..self.ids.len());
        self.n_real.push(n_real);
    }

    /// Number of rows, B.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Number of tokens in all rows, T.
    pub fn n_tokens(&self) -> usize {
        self.ids.len()
    }

    /// Tokens of the longest row.
    pub(super) fn longest(&self) -> usize {
        self.ranges.iter().map(Range::len).max().unwrap_or(0)
    }

    /// The tokens of each row.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Place of a token within its row.
    pub(super) fn position(&self, token: usize) -> usize {
        token - self.ranges[self.row_of(token)].start
    }

    /// The real tokens of each row that are in a range of tokens.
    pub(super) fn real_tokens_within(
        &self,
        tokens: Range<usize>,
    ) -> impl Iterator<Item = (usize, Range<usize>)> {
        (self.row_of(tokens.start)..self.len())
            .take_while(move |row| self.ranges[*row].start < tokens.end)
            .map(move |row| {
                let Range { start, .. } = self.ranges[row];
                (row, start.max(tokens.start)..(start + self.n_real[row]).min(tokens.end))
            })
            .filter(|(_, real)| !real.is_empty())
    }

    /// The rows by the size of transform that convolves them.
    pub(super) fn by_points(&self) -> BTreeMap<usize, Vec<Range<usize>>> {
        let mut by_points: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
        for range in &self.ranges {
            by_points.entry(n_points(range.len())).or_default().push(range.clone());
        }
        by_points
    }

    /// Whether all rows are of one length.
    pub(super) fn are_even(&self) -> bool {
        self.ranges.windows(2).all(|pair| pair[0].len() == pair[1].len())
    }

    /// Rows with these indices only.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self { type_ids: self.type_ids.as_ref().map(|_| Vec::new()), ..Self::default() };
        for &row in rows {
            let range = self.ranges[row].clone();
            selected.push(self.ids[range.clone()].iter().copied(), self.n_real[row]);
            if let (Some(types), Some(all)) = (&mut selected.type_ids, &self.type_ids) {
                types.extend_from_slice(&all[range]);
            }
        }
        selected
    }

    /// As rectangles, padded with zeros to the longest row: ids and types i64 `[B, L]`, f32 `[B, L]` that is 1 at real
    /// tokens, and f32 `[B, L]` that is 1 at tokens.
    pub(super) fn to_tensors(&self, device: tch::Device) -> Result<Rectangle, Error> {
        let length = self.longest();
        let shape = [self.len() as i64, length as i64];
        let fill = |of: &dyn Fn(usize, usize) -> i64| {
            let cell = |row: usize, at: usize| {
                if at < self.ranges[row].len() { of(row, at) } else { 0 }
            };
            let values: Vec<i64> =
                (0..self.len()).flat_map(|row| (0..length).map(move |at| cell(row, at))).collect();
            Ok::<_, Error>(Tensor::f_from_slice(&values)?.f_view(shape)?.f_to(device)?)
        };
        let at = |row: usize, at: usize| self.ranges[row].start + at;
        let types = self.type_ids.as_ref();
        Ok(Rectangle {
            ids: fill(&|row, place| i64::from(self.ids[at(row, place)]))?,
            type_ids: types.map(|types| fill(&|row, place| i64::from(types[at(row, place)]))).transpose()?,
            is_real: fill(&|row, place| i64::from(place < self.n_real[row]))?.f_to_kind(super::KIND)?,
            is_token: fill(&|_, _| 1)?.f_to_kind(super::KIND)?,
        })
    }

    /// Whether only the first tokens of rows are wanted.
    pub(super) fn wants_firsts(&self, wanted: &Wanted) -> bool {
        let is_first = |token: &usize| self.ranges[self.row_of(*token)].start == *token;
        !wanted.hidden && !wanted.mean && wanted.picked.iter().all(is_first)
    }

    /// The row that a token belongs to.
    pub(super) fn row_of(&self, token: usize) -> usize {
        self.ranges.partition_point(|range| range.end <= token)
    }

    /// Number of real tokens of a row.
    pub(super) fn n_real(&self, row: usize) -> usize {
        self.n_real[row]
    }
}

/// See [`Rows::to_tensors`].
pub(super) struct Rectangle {
    pub(super) ids: Tensor,
    pub(super) type_ids: Option<Tensor>,
    pub(super) is_real: Tensor,
    pub(super) is_token: Tensor,
}

/// What is wanted of the last hidden states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All of them.
    pub hidden: bool,
    /// The mean over the real tokens of each row.
    pub mean: bool,
    /// Those of single tokens, by index into [`Rows::ids`].
    pub picked: Vec<usize>,
}

/// Last hidden states, as far as they were wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct States {
    /// Width of each, D.
    pub width: usize,
    /// f32 `[T, D]`
    pub hidden: Vec<f32>,
    /// f32 `[B, D]`
    pub mean: Vec<f32>,
    /// f32 `[n_picked, D]`
    pub picked: Vec<f32>,
}

impl States {
    /// Room for all that is wanted, zero.
    pub(super) fn new(width: usize, rows: &Rows, wanted: &Wanted) -> Self {
        let room = |is_wanted: bool, n: usize| vec![0.0; if is_wanted { n * width } else { 0 }];
        Self {
            width,
            hidden: room(wanted.hidden, rows.n_tokens()),
            mean: room(wanted.mean, rows.len()),
            picked: room(true, wanted.picked.len()),
        }
    }

    /// Adds what one chunk has of the sums and the single tokens.
    pub(super) fn add(&mut self, taken: super::cpu::Taken) {
        for (row, sum) in taken.sums {
            let total = &mut self.mean[row * self.width..][..self.width];
            total.iter_mut().zip(sum).for_each(|(total, value)| *total += value);
        }
        for (index, state) in taken.picked {
            self.picked[index * self.width..][..self.width].copy_from_slice(&state);
        }
    }

    /// Makes means of sums.
    pub(super) fn finish(&mut self, rows: &Rows) {
        for (row, mean) in self.mean.chunks_exact_mut(self.width.max(1)).enumerate() {
            let scale = 1.0 / rows.n_real(row) as f32;
            mean.iter_mut().for_each(|value| *value *= scale);
        }
    }
}

/// Every intermediate `[T, D]` of a forward pass, for whoever looks on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The embeddings, after their norm.
    pub embedding: Vec<f32>,
    /// What the sequence mixer of each layer makes.
    pub mixers: Vec<Vec<f32>>,
    /// What each layer makes.
    pub hidden: Vec<Vec<f32>>,
}

impl Trace {
    /// Room for every layer.
    pub(super) fn resize(&mut self, n_layers: usize, len: usize) {
        self.embedding.resize(len, 0.0);
        for stages in [&mut self.mixers, &mut self.hidden] {
            stages.resize(n_layers, Vec::new());
            stages.iter_mut().for_each(|stage| stage.resize(len, 0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lengths: &[(usize, usize)]) -> Rows {
        let mut rows = Rows::default();
        lengths.iter().for_each(|(length, n_real)| rows.push((0..*length).map(|id| id as u32), *n_real));
        rows
    }

    #[test]
    fn tokens_know_their_place_and_padding_is_no_real_token() {
        let rows = rows(&[(3, 3), (5, 2), (1, 1)]);
        assert_eq!((0..9).map(|token| rows.position(token)).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2, 3, 4, 0]);
        assert_eq!(rows.real_tokens_within(0..9).collect::<Vec<_>>(), [(0, 0..3), (1, 3..5), (2, 8..9)]);
        assert_eq!(rows.real_tokens_within(2..4).collect::<Vec<_>>(), [(0, 2..3), (1, 3..4)]);
        assert_eq!(rows.real_tokens_within(5..8).count(), 0);
    }

    #[test]
    fn rows_of_similar_length_share_a_transform() {
        let by_points = rows(&[(100, 100), (127, 127), (8, 8)]).by_points();
        assert_eq!(
            by_points.into_iter().map(|(points, rows)| (points, rows.len())).collect::<Vec<_>>(),
            [(16, 1), (224, 1), (256, 1)]
        );
    }
}
