//! The model as its users see it: batches of tokens in, vectors out.

use std::ops::Range;

use model_dir::{Encode, EncodeError, Encodings, ModelDir, Padding, Position, TokenBatch};
use tch::Tensor;

use crate::memory::MemoryPlan;
use crate::net::{Engine, Network, Rows, Settings, States, Wanted, to_vec};
use crate::{Device, Dtype, Error};

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Where it computes.
    pub device: Device,
    /// The type of matrix products.
    pub dtype: Dtype,
    /// Threads of the processor. As many as there are cores that nobody else needs.
    pub n_threads: usize,
    /// Bytes that the process may take: decides how many tokens make a pass, and how many spectra are kept. Half of
    /// what is free if absent. Of main memory, whatever the device.
    pub memory_budget: Option<usize>,
    /// Bytes that the spectra of kernels may take; what the memory budget leaves if absent.
    pub spectra_budget: Option<usize>,
    /// Share of a GPU's memory that this process may take.
    pub gpu_memory_fraction: f64,
    /// Compute as the published code does, operation by operation: slow, for comparison.
    pub plain: bool,
}

impl Default for Options {
    /// One thread of the processor.
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            dtype: Dtype::F32,
            n_threads: 1,
            memory_budget: None,
            spectra_budget: None,
            gpu_memory_fraction: 1.0,
            plain: false,
        }
    }
}

/// A loaded model. It belongs to one thread, which should live as long as the model does.
#[derive(Debug)]
pub struct Encoder {
    network: Network,
    padding: Padding,
    /// The token that hides another one.
    mask_id: Option<u32>,
    /// Tokens of one pass through the network, at least one full row.
    tokens_per_pass: usize,
}

impl Encoder {
    /// Loads a checked model directory.
    ///
    /// # Errors
    /// [`Error::NoDevice`], [`Error::Budget`], or [`Error::OutOfMemory`].
    pub fn load(model: &ModelDir, options: &Options) -> Result<Self, Error> {
        let device = options.device.open()?;
        let plan = MemoryPlan::new(model, options, device)?;
        // For operators of the calling thread, which on a processor are the heads and the plain engine.
        tch::set_num_threads(i32::try_from(options.n_threads.max(1)).unwrap_or(i32::MAX));
        let settings = Settings {
            device,
            engine: Engine::for_device(device, options.plain),
            dtype: options.dtype,
            n_threads: options.n_threads,
            spectra_budget: plan.spectra_budget,
        };
        let network = tch::no_grad(|| Network::load(model.weights(), model.config(), settings))?;
        let mut encoder = Self::new(network, model.padding()).with_mask(model.tokenizer().mask_id());
        encoder.tokens_per_pass = plan.tokens_per_pass;
        Ok(encoder)
    }

    /// Makes an encoder of a network; one pass takes as many tokens as the longest row.
    pub fn new(network: Network, padding: Padding) -> Self {
        let tokens_per_pass = network.config().l_max();
        Self { network, padding, mask_id: None, tokens_per_pass }
    }

    /// The same encoder, with a token that hides others: what log-likelihoods need.
    #[must_use]
    pub fn with_mask(mut self, mask_id: Option<u32>) -> Self {
        self.mask_id = mask_id;
        self
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Whether the checkpoint has a layer that makes sentence embeddings.
    pub fn has_pooler(&self) -> bool {
        self.network.pooler().is_some()
    }

    /// Tokens of one pass through the network.
    pub fn tokens_per_pass(&self) -> usize {
        self.tokens_per_pass
    }

    fn check(&self, batch: &TokenBatch) -> Result<(), EncodeError> {
        let config = self.network.config();
        let bad = |row, reason| Err(EncodeError::BadBatch { row, reason });
        for (row, ids) in batch.rows().iter().enumerate() {
            if ids.is_empty() {
                return bad(row, "it has no tokens".to_owned());
            } else if ids.len() > config.l_max() {
                return bad(row, format!("it has {} tokens, the model takes {}", ids.len(), config.l_max()));
            } else if let Some(id) = ids.iter().find(|id| **id as usize >= config.vocab_size) {
                return bad(row, format!("token id {id} is outside the vocabulary of {}", config.vocab_size));
            }
        }
        let outputs = batch.outputs();
        for Position { row, token } in &outputs.logits_at {
            if batch.rows().get(*row).is_none_or(|ids| *token >= ids.len()) {
                return bad(*row, format!("logits are wanted at token {token}, which it has not"));
            }
        }
        let wants_logits = !outputs.logits_at.is_empty() || outputs.log_likelihoods;
        if outputs.sentence && !self.has_pooler() {
            return Err(EncodeError::Unable("sentence embeddings: the checkpoint has no pooler".to_owned()));
        } else if wants_logits && self.network.masked_lm().is_none() {
            return Err(EncodeError::Unable("logits: the checkpoint has no masked LM head".to_owned()));
        } else if outputs.log_likelihoods && self.mask_id.is_none() {
            return Err(EncodeError::Unable("log-likelihoods: the tokenizer has no `[MASK]`".to_owned()));
        }
        Ok(())
    }

    /// Rows of a pass, padded as the model wants it.
    fn rows<'a>(&self, ids: impl IntoIterator<Item = &'a [u32]>) -> Rows {
        let config = self.network.config();
        let mut rows = Rows::default();
        for ids in ids {
            let n_pads = match self.padding {
                Padding::None => 0,
                Padding::MaxLength => config.l_max() - ids.len(),
            };
            let pads = std::iter::repeat_n(config.pad_token_id, n_pads);
            rows.push(ids.iter().copied().chain(pads), ids.len());
        }
        rows
    }

    /// Consecutive rows that make one pass together.
    fn passes(&self, rows: &[Vec<u32>]) -> Vec<Range<usize>> {
        let cost = |row: &Vec<u32>| match self.padding {
            Padding::None => row.len(),
            Padding::MaxLength => self.network.config().l_max(),
        };
        let mut passes: Vec<Range<usize>> = Vec::new();
        let mut n_tokens = 0;
        for (index, row) in rows.iter().enumerate() {
            n_tokens += cost(row);
            match passes.last_mut() {
                Some(pass) if n_tokens <= self.tokens_per_pass => pass.end = index + 1,
                _ => {
                    n_tokens = cost(row);
                    passes.push(index..index + 1);
                }
            }
        }
        passes
    }

    /// Encodes some rows of a checked batch in one pass.
    fn pass(&mut self, batch: &TokenBatch, range: Range<usize>) -> Result<Encodings, Error> {
        let (wishes, width) = (batch.outputs(), self.network.config().hidden_size);
        let rows = self.rows(batch.rows()[range.clone()].iter().map(Vec::as_slice));
        let pools_mean = self.network.pooler().is_some_and(crate::net::Pooler::takes_mean);
        let mut wanted = Wanted {
            hidden: wishes.hidden,
            mean: wishes.mean || wishes.sentence && pools_mean,
            picked: Vec::new(),
        };
        if wishes.sentence && !pools_mean {
            wanted.picked.extend(rows.ranges().iter().map(|row| row.start));
        }
        let n_pooled = wanted.picked.len();
        let logits_at = wishes.logits_at.iter().filter(|position| range.contains(&position.row));
        wanted.picked.extend(logits_at.map(|at| rows.ranges()[at.row - range.start].start + at.token));
        let states = self.network.run(&rows, &wanted, None)?;
        let mut encodings = Encodings {
            hidden_size: width,
            n_rows: rows.len(),
            n_computed: self.network.n_computed(&rows),
            hidden: real_states(&states, &rows, batch, &range),
            ..Encodings::default()
        };
        let (pooled, at_logits) = states.picked.split_at(n_pooled * width);
        if wishes.sentence {
            encodings.sentence = self.sentences(if pools_mean { &states.mean } else { pooled })?;
        }
        if !at_logits.is_empty() {
            encodings.logits = self.logits(at_logits)?;
        }
        if wishes.mean {
            encodings.mean = states.mean;
        }
        Ok(encodings)
    }

    /// `[B, D]` to `[B, D]`.
    fn sentences(&self, pooled: &[f32]) -> Result<Vec<f32>, Error> {
        let pooler = self.network.pooler().expect("checked");
        to_vec(&pooler.forward(&self.on_device(pooled)?)?)
    }

    /// `[N, D]` to `[N, V]`.
    fn logits(&self, states: &[f32]) -> Result<Vec<f32>, Error> {
        let head = self.network.masked_lm().expect("checked");
        to_vec(&head.forward(&self.on_device(states)?)?)
    }

    /// Vectors as a tensor `[N, D]`.
    fn on_device(&self, vectors: &[f32]) -> Result<Tensor, Error> {
        let width = self.network.config().hidden_size as i64;
        Ok(Tensor::f_from_slice(vectors)?.f_view([-1, width])?.f_to(self.network.settings().device)?)
    }

    /// The logarithm of the probability of each token of a row when it alone is masked: `[n_tokens]`. A pass over the
    /// row for each of its tokens (Salazar et al. 2020, arXiv 1910.14659).
    fn log_likelihoods(&mut self, row: &[u32]) -> Result<(Vec<f32>, usize), Error> {
        let mask_id = self.mask_id.expect("checked");
        let masked = |token: usize| {
            let mut masked = row.to_vec();
            masked[token] = mask_id;
            masked
        };
        let rows_per_pass = (self.tokens_per_pass / self.rows([row]).n_tokens()).max(1);
        let (mut scores, mut n_computed) = (Vec::with_capacity(row.len()), 0);
        for first in (0..row.len()).step_by(rows_per_pass) {
            let tokens = first..row.len().min(first + rows_per_pass);
            let variants: Vec<Vec<u32>> = tokens.clone().map(masked).collect();
            let rows = self.rows(variants.iter().map(Vec::as_slice));
            let picked =
                rows.ranges().iter().zip(tokens.clone()).map(|(row, token)| row.start + token).collect();
            let states = self.network.run(&rows, &Wanted { picked, ..Wanted::default() }, None)?;
            n_computed += self.network.n_computed(&rows);
            let head = self.network.masked_lm().expect("checked");
            let logits = head.forward(&self.on_device(&states.picked)?)?; // [N, V]
            let ids: Vec<i64> = row[tokens].iter().map(|id| i64::from(*id)).collect();
            let ids = Tensor::f_from_slice(&ids)?.f_to(logits.device())?.f_unsqueeze(1)?; // [N, 1]
            scores.extend(to_vec(&logits.f_log_softmax(-1, None)?.f_gather(1, &ids, false)?)?);
        }
        Ok((scores, n_computed))
    }

    fn encode_checked(&mut self, batch: &TokenBatch) -> Result<Encodings, Error> {
        let mut all = Encodings { hidden_size: self.network.config().hidden_size, ..Encodings::default() };
        // Logits come in the order of the wishes, which need not be that of the rows.
        let order = |batch: &TokenBatch| {
            let mut order: Vec<usize> = (0..batch.outputs().logits_at.len()).collect();
            order.sort_by_key(|index| batch.outputs().logits_at[*index].row);
            order
        };
        let mut sorted = batch.outputs().clone();
        sorted.logits_at.sort_by_key(|position| position.row);
        let sorted = TokenBatch::new(batch.rows().to_vec()).wanting(sorted);
        for pass in self.passes(batch.rows()) {
            all.append(self.pass(&sorted, pass)?);
        }
        let vocab_size = self.network.config().vocab_size;
        let mut logits = vec![0.0; all.logits.len()];
        for (values, index) in all.logits.chunks_exact(vocab_size).zip(order(batch)) {
            logits[index * vocab_size..][..vocab_size].copy_from_slice(values);
        }
        all.logits = logits;
        if batch.outputs().log_likelihoods {
            for row in batch.rows() {
                let (scores, n_computed) = tch::no_grad(|| self.log_likelihoods(row))?;
                all.log_likelihoods.extend(scores);
                all.n_computed += n_computed;
            }
        }
        Ok(all)
    }
}

/// The hidden states of a pass without those of padding: f32 `[n_tokens, D]`.
fn real_states(states: &States, rows: &Rows, batch: &TokenBatch, range: &Range<usize>) -> Vec<f32> {
    if states.hidden.is_empty() {
        return Vec::new();
    }
    let real = rows.ranges().iter().zip(&batch.rows()[range.clone()]);
    let of_row = |(row, ids): (&Range<usize>, &Vec<u32>)| {
        let first = row.start * states.width;
        &states.hidden[first..first + ids.len() * states.width]
    };
    real.flat_map(of_row).copied().collect()
}

impl Encode for Encoder {
    fn hidden_size(&self) -> usize {
        self.network.config().hidden_size
    }

    fn max_tokens(&self) -> usize {
        self.network.config().l_max()
    }

    fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
        self.check(batch)?;
        tch::no_grad(|| self.encode_checked(batch)).map_err(EncodeError::from)
    }
}
