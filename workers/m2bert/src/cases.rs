//! Token ids from a safetensors file through a network and back into one: what the golden data and `m2bert forward`
//! are made of.
//!
//! A case is a rectangle of rows: `<case>.input_ids` and `<case>.attention_mask`, i64 `[B, L]`, and optionally
//! `<case>.token_type_ids`.

use std::collections::BTreeMap;

use model_dir::Padding;
use safetensors::{Dtype, SafeTensors};
use tch::Tensor;

use crate::Error;
use crate::net::{Network, Rows, Trace, Wanted, to_vec};

/// Rows of token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What stands before the dot.
    pub name: String,
    n_rows: usize,
    length: usize,
    ids: Vec<u32>,
    /// Real tokens of each row.
    n_real: Vec<usize>,
    type_ids: Option<Vec<u32>>,
}

/// Numbers of some shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

impl Case {
    /// All cases of a file, by name.
    ///
    /// # Errors
    /// [`Error::Case`] for a case that lacks a tensor, or has one of another shape or type, or a mask that is not
    /// ones first.
    pub fn read_all(file: &SafeTensors<'_>) -> Result<Vec<Self>, Error> {
        let mut names: Vec<&str> =
            file.names().into_iter().filter_map(|name| name.strip_suffix(".input_ids")).collect();
        names.sort_unstable();
        names.into_iter().map(|name| Self::read(file, name)).collect()
    }

    fn read(file: &SafeTensors<'_>, name: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::Case { case: name.to_owned(), reason };
        let (shape, ids) = integers(file, name, "input_ids")?;
        let [n_rows, length] = shape[..] else { return Err(bad(format!("its ids have shape {shape:?}"))) };
        if n_rows == 0 || length == 0 {
            return Err(bad("it has no tokens".to_owned()));
        }
        let same_shape = |(other, values): (Vec<usize>, Vec<u32>), what: &str| {
            if other == shape {
                Ok(values)
            } else {
                Err(bad(format!("its {what} has shape {other:?}, not {shape:?}")))
            }
        };
        let mask = same_shape(integers(file, name, "attention_mask")?, "attention_mask")?;
        let type_ids = match file.tensor(&format!("{name}.token_type_ids")) {
            Ok(_) => Some(same_shape(integers(file, name, "token_type_ids")?, "token_type_ids")?),
            Err(_) => None,
        };
        let mut n_real = Vec::with_capacity(n_rows);
        for (row, mask) in mask.chunks_exact(length).enumerate() {
            let n = mask.iter().take_while(|value| **value == 1).count();
            if n == 0 || mask[n..].iter().any(|value| *value != 0) {
                return Err(bad(format!("the attention mask of row {row} is not ones and then zeros")));
            }
            n_real.push(n);
        }
        Ok(Self { name: name.to_owned(), n_rows, length, ids, n_real, type_ids })
    }

    /// Every output that the network has for this case, by name; with `trace`, also the intermediate ones.
    ///
    /// With [`Padding::MaxLength`], padding takes part like any token. With [`Padding::None`] it does not, and outputs
    /// are zero there.
    ///
    /// # Errors
    /// [`Error::Case`] for ids that the model has not, and what [`Network::run`] fails with.
    pub fn run(
        &self,
        network: &mut Network,
        padding: Padding,
        trace: bool,
    ) -> Result<BTreeMap<String, Array>, Error> {
        self.check(network)?;
        let rows = self.rows(padding);
        let picked = rows.ranges().iter().map(|row| row.start).collect();
        let wanted = Wanted { hidden: true, mean: true, picked };
        let mut kept = Trace::default();
        let states = network.run(&rows, &wanted, trace.then_some(&mut kept))?;
        let per_row = |values: &[f32]| Array {
            shape: vec![self.n_rows, values.len() / self.n_rows],
            values: values.to_vec(),
        };
        let per_token = |values: &[f32]| self.rectangle(&rows, values);
        let width = states.width as i64;
        let tensor = |values: &[f32]| {
            Tensor::f_from_slice(values)?.f_view([-1, width])?.f_to(network.settings().device)
        };
        let mut outputs = BTreeMap::from([
            ("last_hidden_state".to_owned(), per_token(&states.hidden)),
            ("cls_hidden".to_owned(), per_row(&states.picked)),
        ]);
        if let Some(pooler) = network.pooler() {
            let sentence =
                |values: &[f32]| Ok::<_, Error>(per_row(&to_vec(&pooler.forward(&tensor(values)?)?)?));
            let pooled = if pooler.takes_mean() { &states.mean } else { &states.picked };
            outputs.insert("sentence_embedding".to_owned(), sentence(pooled)?);
            outputs.insert("sentence_embedding_if_pool_all".to_owned(), sentence(&states.mean)?);
        }
        if let Some(head) = network.masked_lm() {
            let logits = to_vec(&head.forward(&tensor(&states.hidden)?)?)?;
            outputs.insert("logits".to_owned(), per_token(&logits));
        }
        if trace {
            outputs.insert("embedding_output".to_owned(), per_token(&kept.embedding));
            let mut add = |kind: &str, stages: &[Vec<f32>]| {
                for (layer, stage) in stages.iter().enumerate() {
                    outputs.insert(format!("{kind}.{layer}"), per_token(stage));
                }
            };
            add("mixer", &kept.mixers);
            add("hidden", &kept.hidden);
        }
        Ok(outputs)
    }

    fn check(&self, network: &Network) -> Result<(), Error> {
        let config = network.config();
        let bad = |reason: String| Err(Error::Case { case: self.name.clone(), reason });
        if self.length > config.l_max() {
            return bad(format!("its rows have {} tokens, the model takes {}", self.length, config.l_max()));
        }
        let outside = |ids: &[u32], size: usize| ids.iter().copied().find(|id| *id as usize >= size);
        if let Some(id) = outside(&self.ids, config.vocab_size) {
            return bad(format!("token id {id} is outside the vocabulary of {}", config.vocab_size));
        }
        match self.type_ids.as_deref().and_then(|types| outside(types, config.type_vocab_size)) {
            Some(id) => bad(format!("token type {id} is outside the model's {}", config.type_vocab_size)),
            None => Ok(()),
        }
    }

    fn rows(&self, padding: Padding) -> Rows {
        let mut rows = Rows::default();
        let mut types = Vec::new();
        for (row, ids) in self.ids.chunks_exact(self.length).enumerate() {
            let n_tokens = match padding {
                Padding::None => self.n_real[row],
                Padding::MaxLength => self.length,
            };
            rows.push(ids[..n_tokens].iter().copied(), self.n_real[row]);
            types.extend(self.type_ids.iter().flat_map(|types| &types[row * self.length..][..n_tokens]));
        }
        rows.type_ids = self.type_ids.is_some().then_some(types);
        rows
    }

    /// `[T, n]` as `[B, L, n]`, zero where there are no tokens.
    fn rectangle(&self, rows: &Rows, values: &[f32]) -> Array {
        let width = values.len() / rows.n_tokens();
        let mut padded = vec![0.0; self.n_rows * self.length * width];
        for (row, range) in rows.ranges().iter().enumerate() {
            let from = &values[range.start * width..range.end * width];
            padded[row * self.length * width..][..from.len()].copy_from_slice(from);
        }
        Array { shape: vec![self.n_rows, self.length, width], values: padded }
    }
}

/// An i64 tensor whose elements fit u32.
fn integers(file: &SafeTensors<'_>, case: &str, what: &str) -> Result<(Vec<usize>, Vec<u32>), Error> {
    let bad = |reason: String| Error::Case { case: case.to_owned(), reason };
    let view = file.tensor(&format!("{case}.{what}")).map_err(|_| bad(format!("it has no `{what}`")))?;
    if view.dtype() != Dtype::I64 {
        return Err(bad(format!("its {what} has type {:?}, not I64", view.dtype())));
    }
    let (words, _) = view.data().as_chunks::<8>();
    let values = words.iter().map(|word| u32::try_from(i64::from_le_bytes(*word)));
    let values = values
        .collect::<Result<_, _>>()
        .map_err(|_| bad(format!("its {what} holds a negative or huge id")))?;
    Ok((view.shape().to_vec(), values))
}
