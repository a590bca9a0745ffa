//! A new model directory: right in every shape, untrained in every weight.
//!
//! It exists so that the whole pipeline can run, be tested and be measured before there is a
//! trained model. Same size, seed and texts give the same bytes on every machine.

mod corpus;
mod directory;
mod tokenizer;
mod values;
mod weights;

use serde_json::{Value, json};

pub use corpus::default_corpus;
pub use directory::{Files, Written};
pub(crate) use tokenizer::train_tokenizer;

use directory::Contents;
use weights::Recipe;

use crate::{CARD_FILE, CONFIG_FILE, Config, Error, TOKENIZER_FILE, WEIGHTS_FILE};

/// The sizes in which an untrained model can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 2 layers of width 16 over 64 tokens: for tests that only need *a* model.
    Micro,
    /// 4 layers of width 128 over 8,192 tokens, for demonstrations.
    Tiny,
    /// The shape of the published model of 80 million parameters over 2,048 tokens.
    M80x2k,
    /// The same over 8,192 tokens.
    M80x8k,
    /// The same over 32,768 tokens: 440 MB.
    M80x32k,
}

impl Size {
    /// All sizes, from small to large.
    pub const ALL: [Self; 5] = [Self::Micro, Self::Tiny, Self::M80x2k, Self::M80x8k, Self::M80x32k];

    /// The name in cards and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Tiny => "tiny",
            Self::M80x2k => "80m-2k",
            Self::M80x8k => "80m-8k",
            Self::M80x32k => "80m-32k",
        }
    }

    /// Entries of the tokenizer's vocabulary, if the texts have words for so many.
    pub fn vocab_size(self) -> usize {
        self.config().vocab_size
    }

    /// Whether the embedding table keeps its size where the tokenizer has fewer entries: a model of a published shape
    /// has that shape in every number.
    fn has_fixed_table(self) -> bool {
        matches!(self, Self::M80x2k | Self::M80x8k | Self::M80x32k)
    }

    /// The shape, with the vocabulary that the tokenizer is trained to reach.
    fn config(self) -> Config {
        let (hidden_size, n_layers, l_max, filter_order, vocab_size) = match self {
            Self::Micro => (16, 2, 64, 8, 300),
            Self::Tiny => (128, 4, 8192, 64, 8192),
            Self::M80x2k => (768, 12, 2048, 128, 30528),
            Self::M80x8k => (768, 12, 8192, 128, 30528),
            Self::M80x32k => (768, 12, 32768, 128, 30528),
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
/// If the texts have too few different words for the size's vocabulary, the vocabulary is smaller; so is the embedding
/// table, but for the published shapes. The weights are made when they are written.
///
/// # Errors
/// [`Error::Tokenizer`] if the tokenizer cannot be trained.
pub fn untrained(size: Size, seed: u64, texts: &[String]) -> Result<Files, Error> {
    let mut config = size.config();
    let tokenizer = train_tokenizer(texts, config.vocab_size)?;
    if !size.has_fixed_table() {
        config.vocab_size = count_vocabulary(&tokenizer);
    }
    let card = json!({
        "name": format!("{}-{seed}", size.name()),
        "trained": false,
        "padding": "none",
        "seed": seed,
        "description": "random weights, good for measuring and testing only",
    });
    Ok(Files::new([
        (CONFIG_FILE, Contents::Bytes(pretty(&config.to_json()))),
        (CARD_FILE, Contents::Bytes(pretty(&card))),
        (TOKENIZER_FILE, Contents::Bytes(tokenizer.into_bytes())),
        (WEIGHTS_FILE, Contents::Weights(Recipe::new(config, seed))),
    ]))
}

/// Number of entries in the vocabulary of a BPE `tokenizer.json` that was just made.
fn count_vocabulary(tokenizer: &str) -> usize {
    let json: Value = serde_json::from_str(tokenizer).expect("the tokenizer writes JSON");
    json["model"]["vocab"].as_object().map_or(0, serde_json::Map::len)
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value can be written");
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelDir;

    fn digest(size: Size, seed: u64) -> String {
        let texts = vec![include_str!("mod.rs").to_owned(), "const a = 'é';".to_owned()];
        let dir = tempfile::tempdir().unwrap();
        untrained(size, seed, &texts).unwrap().write(dir.path()).unwrap();
        let model = ModelDir::open(dir.path()).unwrap();
        assert!(model.warnings().is_empty(), "{:?}", model.warnings());
        model.digest().to_owned()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
        assert_eq!(digest(Size::Micro, 1), digest(Size::Micro, 1));
        assert_ne!(digest(Size::Micro, 1), digest(Size::Micro, 2));
    }

    #[test]
    fn the_large_sizes_have_the_published_numbers_of_parameters() {
        let heads = crate::Heads { pooler: true, masked_lm: false, own_decoder: false };
        let n_million = |size: Size| {
            let tensors = crate::names::expected(&size.config(), heads);
            // The published numbers leave the two buffers of positions out.
            let trained = tensors.iter().filter(|(name, _)| !name.ends_with("pos_emb.t"));
            trained.map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>() / 100_000
        };
        assert_eq!([Size::M80x2k, Size::M80x8k, Size::M80x32k].map(n_million), [819, 874, 1092]);
    }

    #[test]
    fn a_published_shape_keeps_its_table_and_nobody_is_warned() {
        let texts = ["let x = 1;\n".to_owned()];
        let dir = tempfile::tempdir().unwrap();
        untrained(Size::M80x2k, 1, &texts).unwrap().write(dir.path()).unwrap();
        let model = ModelDir::open(dir.path()).unwrap();
        assert_eq!(model.config().vocab_size, 30528);
        assert!(model.tokenizer().max_id() < 1000);
        assert_eq!((model.name(), model.warnings()), ("80m-2k-1", [].as_slice()));
    }
}
