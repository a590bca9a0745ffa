//! What a checkpoint has, compared with what a config asks for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::checkpoint::{Checkpoint, Stored};
use super::elements;
use crate::Config;
use crate::names::{self, Heads};

/// What is in a checkpoint and how it differs from what the config asks for. All lists are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightReport {
    /// What the checkpoint has on top of the encoder.
    pub heads: Heads,
    /// Number of parameters: elements of all tensors that are not ignored, the two buffers of each
    /// filter included. A tensor with several names counts once.
    pub n_parameters: u64,
    /// How many of those tensors there are of each type (`F32`, `F16`, `BF16`).
    pub dtypes: BTreeMap<String, usize>,
    /// Names of tensors that the config asks for and that are not there.
    pub missing: Vec<String>,
    /// Names of tensors that are there and that nothing asks for.
    pub unexpected: Vec<String>,
    /// Tensors of another shape, one clause each: `NAME has shape [1], not [2]`.
    pub misshapen: Vec<String>,
    /// Tensors whose type is not that of a weight, one clause each.
    pub mistyped: Vec<String>,
    /// Tensors that are there a second time with other elements, one clause each.
    pub doubled: Vec<String>,
    /// Names, as stored, of tensors that nobody needs: the position counter, tables of a CUDA kernel.
    pub ignored: Vec<String>,
}

impl WeightReport {
    /// Whether the checkpoint is all that the config asks for and nothing else.
    pub fn fits(&self) -> bool {
        self.problems().is_empty()
    }

    /// All differences, each one a clause that names a tensor.
    pub fn problems(&self) -> Vec<String> {
        let missing = self.missing.iter().map(|name| format!("missing {name}"));
        let unexpected = self.unexpected.iter().map(|name| format!("unexpected {name}"));
        let clauses = [&self.mistyped, &self.doubled, &self.misshapen].into_iter().flatten().cloned();
        clauses.chain(missing).chain(unexpected).collect()
    }
}

/// The tensors of a checkpoint under our names, each once.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) tensors: BTreeMap<String, Stored>,
    mistyped: Vec<String>,
    doubled: Vec<String>,
    ignored: Vec<String>,
}

impl Named {
    pub(super) fn of(checkpoint: &Checkpoint) -> Self {
        let mut named = Self::default();
        for (stored_name, stored) in &checkpoint.tensors {
            match names::canonical(stored_name) {
                Some(name) => named.add(checkpoint, stored_name, name, stored),
                None => named.ignored.push(stored_name.clone()),
            }
        }
        named.untie(checkpoint);
        named
    }

    fn add(&mut self, checkpoint: &Checkpoint, stored_name: &str, name: String, stored: &Stored) {
        if !elements::is_float(stored.dtype) {
            self.mistyped.push(format!("{stored_name} has type {:?}, not F32, F16 or BF16", stored.dtype));
        }
        match self.tensors.entry(name) {
            Entry::Vacant(place) => {
                place.insert(stored.clone());
            }
            // A shared tensor may be stored under several of its names, but it must be one tensor.
            Entry::Occupied(twin)
                if names::has_aliases(twin.key()) && checkpoint.same(twin.get(), stored) => {}
            Entry::Occupied(twin) => {
                self.doubled.push(format!("{stored_name} is a second, different {}", twin.key()));
            }
        }
    }

    /// Drops the decoder's matrix if it is the token embeddings under a second name.
    fn untie(&mut self, checkpoint: &Checkpoint) {
        let pair = (self.tensors.get(names::DECODER), self.tensors.get(names::WORD_EMBEDDINGS));
        if let (Some(decoder), Some(embeddings)) = pair
            && checkpoint.same(decoder, embeddings)
        {
            self.tensors.remove(names::DECODER);
        }
    }

    pub(super) fn compare(&self, config: &Config) -> WeightReport {
        let heads = Heads::of(self.tensors.keys().map(String::as_str));
        let expected = names::expected(config, heads);
        let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
        for (name, shape) in &expected {
            match self.tensors.get(name) {
                None => missing.push(name.clone()),
                Some(found) if found.shape != *shape => {
                    misshapen.push(format!("{name} has shape {:?}, not {shape:?}", found.shape));
                }
                Some(_) => {}
            }
        }
        let mut dtypes = BTreeMap::new();
        for stored in self.tensors.values() {
            *dtypes.entry(format!("{:?}", stored.dtype)).or_insert(0) += 1;
        }
        let n_elements = |stored: &Stored| elements::count(&stored.shape).unwrap_or(0) as u64;
        WeightReport {
            heads,
            n_parameters: self.tensors.values().map(n_elements).sum(),
            dtypes,
            missing,
            unexpected: self.tensors.keys().filter(|name| !expected.contains_key(*name)).cloned().collect(),
            misshapen,
            mistyped: self.mistyped.clone(),
            doubled: self.doubled.clone(),
            ignored: self.ignored.clone(),
        }
    }
}
