//! The model as the worker sees it: batches of tokens in, vectors out.

use model_dir::{Encode, EncodeError, Encodings, ModelDir, Padding, TokenBatch};
use tch::{Kind, Tensor};

use crate::net::{Input, KIND, Network, masked_mean};
use crate::{Device, Error};

/// A loaded model. It belongs to one thread, which should live as long as the model does.
#[derive(Debug)]
pub struct Encoder {
    network: Network,
    padding: Padding,
}

impl Encoder {
    /// Loads a checked model directory onto a device.
    ///
    /// Sets the number of threads that libtorch uses for operations of the calling thread, so call
    /// it on the thread that will encode. One thread is best where there are as many workers as
    /// cores; more pay for themselves with long rows on idle cores.
    ///
    /// # Errors
    /// [`Error::NoDevice`], [`Error::NoPooler`], or [`Error::OutOfMemory`].
    pub fn load(model: &ModelDir, device: Device, n_threads: usize) -> Result<Self, Error> {
        let device = device.open()?;
        tch::set_num_threads(i32::try_from(n_threads.max(1)).unwrap_or(i32::MAX));
        let network = tch::no_grad(|| Network::load(model.weights(), model.config(), device))?;
        Self::new(network, model.padding()).ok_or_else(|| Error::NoPooler { name: model.name().to_owned() })
    }

    /// Makes an encoder of a network, or nothing if the network has no pooler.
    pub fn new(network: Network, padding: Padding) -> Option<Self> {
        network.pooler()?;
        Some(Self { network, padding })
    }

    /// Length to which the rows of a batch are padded.
    fn padded_len(&self, batch: &TokenBatch) -> usize {
        match self.padding {
            Padding::None => batch.max_len(),
            Padding::MaxLength => self.network.config().l_max(),
        }
    }

    fn check(&self, batch: &TokenBatch) -> Result<(), EncodeError> {
        let config = self.network.config();
        for (row, ids) in batch.rows().iter().enumerate() {
            let reason = if ids.is_empty() {
                "it has no tokens".to_owned()
            } else if ids.len() > config.l_max() {
                format!("it has {} tokens, the model takes {}", ids.len(), config.l_max())
            } else if let Some(id) = ids.iter().find(|id| **id as usize >= config.vocab_size) {
                format!("token id {id} is outside the vocabulary of {}", config.vocab_size)
            } else {
                continue;
            };
            return Err(EncodeError::BadBatch { row, reason });
        }
        Ok(())
    }

    /// The rows padded to `len`: ids i64 `[B, len]`, and f32 `[B, len]` that is 1 at real tokens.
    fn pad(&self, batch: &TokenBatch, len: usize) -> Result<(Tensor, Tensor), Error> {
        let pad_id = i64::from(self.network.config().pad_token_id);
        let mut ids = vec![pad_id; batch.n_rows() * len];
        let mut mask = vec![0.0_f32; ids.len()];
        let rows = ids.chunks_exact_mut(len).zip(mask.chunks_exact_mut(len));
        for ((ids, mask), row) in rows.zip(batch.rows()) {
            for (id, token) in ids.iter_mut().zip(row) {
                *id = i64::from(*token);
            }
            mask[..row.len()].fill(1.0);
        }
        let shape = [batch.n_rows() as i64, len as i64];
        let on_device = |tensor: Tensor| tensor.f_view(shape)?.f_to(self.network.device());
        Ok((on_device(Tensor::f_from_slice(&ids)?)?, on_device(Tensor::f_from_slice(&mask)?)?))
    }

    /// Encodes a checked batch that is not empty.
    fn forward(&mut self, batch: &TokenBatch) -> Result<Encodings, Error> {
        let len = self.padded_len(batch);
        let (ids, mask) = self.pad(batch, len)?; // [B, L] each
        let must_hide = self.padding == Padding::None && batch.n_tokens() < batch.n_rows() * len;
        let hidden_mask = must_hide.then(|| mask.shallow_clone());
        let hidden = self.network.forward(&Input { ids, type_ids: None, mask: hidden_mask })?; // [B, L, D]
        let pooler = self.network.pooler().expect("`new` checks that there is one");
        let sentence = pooler.forward(&hidden, &mask)?; // [B, D]
        let mean = masked_mean(&hidden, &mask)?; // [B, D]
        Ok(Encodings {
            hidden_size: self.network.config().hidden_size,
            n_rows: batch.n_rows(),
            n_computed: batch.n_rows() * len,
            sentence: to_vec(&sentence)?,
            mean: to_vec(&mean)?,
            ..Encodings::default()
        })
    }
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
        if batch.n_rows() == 0 {
            return Ok(Encodings::default());
        }
        tch::no_grad(|| self.forward(batch)).map_err(EncodeError::from)
    }
}

/// All elements, row by row, on the host.
fn to_vec(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    debug_assert_eq!(tensor.kind(), KIND);
    let flat = tensor.f_to(tch::Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view(-1_i64)?;
    let mut values = vec![0.0; flat.numel()];
    let n_values = values.len();
    flat.f_copy_data(&mut values, n_values)?;
    Ok(values)
}
