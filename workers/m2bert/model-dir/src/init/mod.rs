//! A new model directory: right in every shape, untrained in every weight.
//!
//! It exists so that the whole pipeline can run, be tested and be measured before there is a
//! trained model. Same size, seed and texts give the same bytes on every machine.

mod corpus;
mod directory;
mod tokenizer;
mod values;

use serde_json::{Value, json};

pub use corpus::default_corpus;
pub use directory::{Files, Written};
pub(crate) use tokenizer::train_tokenizer;

use crate::names::{self, Heads};
use crate::{CARD_FILE, CONFIG_FILE, Config, Error, TOKENIZER_FILE, WEIGHTS_FILE};

/// The sizes in which an untrained model can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 2 layers of width 16 over 64 tokens: for tests that only need *a* model.
    Micro,
    /// 4 layers of width 128 over 8,192 tokens, for demonstrations.
    Tiny,
}

impl Size {
    /// The name in cards and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Tiny => "tiny",
        }
    }

    /// Entries of the tokenizer's vocabulary, if the texts have words for so many.
    pub fn vocab_size(self) -> usize {
        self.config().vocab_size
    }

    /// The shape, with the vocabulary that the tokenizer is trained to reach.
    fn config(self) -> Config {
        let (hidden_size, n_layers, l_max, filter_order, vocab_size) = match self {
            Self::Micro => (16, 2, 64, 8, 300),
            Self::Tiny => (128, 4, 8192, 64, 8192),
        };
        Config {
            hidden_size,
            n_layers,
            intermediate_size: 4 * hidden_size,
            n_blocks: 4,
            vocab_size,
            type_vocab_size: 2,
            max_position_embeddings: l_max,
            long_conv_l_max: l_max,
            filter_emb_dim: 5,
            filter_order,
            layer_norm_eps: 1e-12,
            pad_token_id: 0,
            pool_all: false,
            bidirectional: true,
            residual_long_conv: true,
            use_positional_encodings: true,
            kernel_scale: 1.0,
        }
    }
}

/// Makes the files of an untrained model, with a byte-level BPE tokenizer trained on `texts`.
///
/// If the texts have too few different words for the size's vocabulary, the vocabulary is smaller.
///
/// # Errors
/// [`Error::Tokenizer`] if the tokenizer cannot be trained.
pub fn untrained(size: Size, seed: u64, texts: &[String]) -> Result<Files, Error> {
    let mut config = size.config();
    let tokenizer = train_tokenizer(texts, config.vocab_size)?;
    config.vocab_size = count_vocabulary(&tokenizer);
    let weights = make_weights(&config, seed)?;
    let card = json!({
        "name": format!("{}-{seed}", size.name()),
        "trained": false,
        "padding": "none",
        "seed": seed,
        "description": "random weights, good for measuring and testing only",
    });
    Ok(Files::new([
        (CONFIG_FILE, pretty(&config.to_json())),
        (CARD_FILE, pretty(&card)),
        (TOKENIZER_FILE, tokenizer.into_bytes()),
        (WEIGHTS_FILE, weights),
    ]))
}

/// Number of entries in the vocabulary of a BPE `tokenizer.json` that was just made.
fn count_vocabulary(tokenizer: &str) -> usize {
    let json: Value = serde_json::from_str(tokenizer).expect("the tokenizer writes JSON");
    json["model"]["vocab"].as_object().map_or(0, serde_json::Map::len)
}

/// All tensors of the network, as a safetensors file.
fn make_weights(config: &Config, seed: u64) -> Result<Vec<u8>, Error> {
    let heads = Heads { pooler: true, masked_lm: false, own_decoder: false };
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = names::expected(config, heads)
        .into_iter()
        .map(|(name, shape)| {
            let values = values::initial(config, seed, &name, &shape);
            let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
            (name, shape, bytes)
        })
        .collect();
    let invalid = |source| Error::Safetensors { path: WEIGHTS_FILE.into(), source };
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, bytes) in &tensors {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)
            .map_err(invalid)?;
        views.push((name, view));
    }
    safetensors::serialize(views, None).map_err(invalid)
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value can be written");
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
        let texts = vec![include_str!("mod.rs").to_owned(), "const a = 'é';".to_owned()];
        let first = untrained(Size::Micro, 1, &texts).unwrap();
        assert_eq!(first, untrained(Size::Micro, 1, &texts).unwrap());
        assert_ne!(first, untrained(Size::Micro, 2, &texts).unwrap());
    }
}
