//! `config.json`: the architecture, read strictly where it changes the result.
//!
//! A published config has some thirty fields. Those that shape the network are read here; those
//! that switch to mathematics which this program does not implement must have the one supported
//! value; the rest (dropouts, learning rates, attention heads, versions) matter in training only
//! and are not looked at.

use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;

/// The shape of an M2-BERT network.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Width of the hidden states, D.
    pub hidden_size: usize,
    /// Number of layers.
    pub n_layers: usize,
    /// Width inside the MLP, F.
    pub intermediate_size: usize,
    /// Blocks of the block-diagonal matrices; divides `hidden_size` and `intermediate_size`.
    pub n_blocks: usize,
    /// Rows of the token embedding table.
    pub vocab_size: usize,
    /// Rows of the token type embedding table.
    pub type_vocab_size: usize,
    /// Rows of the position embedding table.
    pub max_position_embeddings: usize,
    /// Length for which the long convolution's kernels are defined, Lm.
    pub long_conv_l_max: usize,
    /// Width of the position features from which the kernels are computed, E.
    pub filter_emb_dim: usize,
    /// Width of the small network that computes the kernels, O.
    pub filter_order: usize,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// The token that pads, for models that are padded.
    pub pad_token_id: u32,
    /// Sentence embedding from the mean of the hidden states instead of position 0.
    pub pool_all: bool,
    /// Whether the long convolutions also look ahead. Without, each has forward taps only.
    pub bidirectional: bool,
    /// Whether a second long convolution over a layer's input is added to the gated one.
    pub residual_long_conv: bool,
    /// Whether there is a table of position embeddings. Without, `max_position_embeddings` limits nothing.
    pub use_positional_encodings: bool,
    /// What the kernels are multiplied with (`hyena_w_mod`).
    pub kernel_scale: f64,
}

impl Config {
    /// Reads and checks a config file.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if it cannot be read, [`Error::Json`] if it is not a JSON
    /// object, [`Error::Field`] for a field that is absent, of the wrong type, or unsupported.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
            _ => Error::Io { path: path.to_owned(), source },
        })?;
        Self::parse(path, &text)
    }

    /// The longest row, in tokens, that positions and kernels allow.
    pub fn l_max(&self) -> usize {
        if self.use_positional_encodings {
            self.max_position_embeddings.min(self.long_conv_l_max)
        } else {
            self.long_conv_l_max
        }
    }

    /// Parses the text of the config file at `path`, which errors will name.
    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|source| Error::Json { path: path.to_owned(), source })?;
        let fields = Fields { path, object };
        fields.check_supported()?;
        let config = Self {
            hidden_size: fields.count("hidden_size")?,
            n_layers: fields.count("num_hidden_layers")?,
            intermediate_size: fields.count("intermediate_size")?,
            n_blocks: fields.count("monarch_mlp_nblocks")?,
            vocab_size: fields.count("vocab_size")?,
            type_vocab_size: fields.count("type_vocab_size")?,
            max_position_embeddings: fields.count("max_position_embeddings")?,
            long_conv_l_max: fields.count("long_conv_l_max")?,
            filter_emb_dim: fields.count("hyena_emb_dim")?,
            filter_order: fields.count("hyena_filter_order")?,
            layer_norm_eps: fields.positive("layer_norm_eps")?,
            pad_token_id: fields.pad_token_id()?,
            pool_all: fields.flag("pool_all", Some(false))?,
            bidirectional: fields.flag("bidirectional", None)?,
            residual_long_conv: fields.flag("residual_long_conv", None)?,
            use_positional_encodings: fields.flag("use_positional_encodings", None)?,
            kernel_scale: fields.number("hyena_w_mod", 1.0)?,
        };
        for (field, width) in
            [("hidden_size", config.hidden_size), ("intermediate_size", config.intermediate_size)]
        {
            if !width.is_multiple_of(config.n_blocks) {
                let expected = format!("monarch_mlp_nblocks, {}, must divide it", config.n_blocks);
                return Err(fields.error(field, expected));
            }
        }
        Ok(config)
    }

    /// The JSON that [`Config::read`] reads back to the same value, with the switches spelled out.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        for switch in SWITCHES.iter().filter(|switch| switch.required) {
            object.insert(switch.field.to_owned(), switch.supported[0].into_json());
        }
        let shape = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.n_layers),
            ("intermediate_size", self.intermediate_size),
            ("monarch_mlp_nblocks", self.n_blocks),
            ("vocab_size", self.vocab_size),
            ("type_vocab_size", self.type_vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("long_conv_l_max", self.long_conv_l_max),
            ("hyena_emb_dim", self.filter_emb_dim),
            ("hyena_filter_order", self.filter_order),
            ("pad_token_id", self.pad_token_id as usize),
        ];
        object.extend(shape.map(|(field, value)| (field.to_owned(), value.into())));
        object.insert("layer_norm_eps".to_owned(), self.layer_norm_eps.into());
        let flags = [
            ("pool_all", self.pool_all),
            ("bidirectional", self.bidirectional),
            ("residual_long_conv", self.residual_long_conv),
            ("use_positional_encodings", self.use_positional_encodings),
        ];
        object.extend(flags.map(|(field, value)| (field.to_owned(), value.into())));
        object.insert("hyena_w_mod".to_owned(), self.kernel_scale.into());
        Value::Object(object)
    }
}

/// A value that a switch may have.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Bool(bool),
    Text(&'static str),
}

impl Choice {
    fn into_json(self) -> Value {
        match self {
            Self::Bool(value) => value.into(),
            Self::Text(value) => value.into(),
        }
    }

    fn is(self, value: &Value) -> bool {
        match self {
            Self::Bool(own) => value.as_bool() == Some(own),
            Self::Text(own) => value.as_str() == Some(own),
        }
    }
}

/// A field that selects the mathematics, and the values for which this program has them.
struct Switch {
    field: &'static str,
    supported: &'static [Choice],
    /// Whether the field must be present: where the published code's default is another one.
    required: bool,
}

const fn required(field: &'static str, supported: &'static [Choice]) -> Switch {
    Switch { field, supported, required: true }
}

const fn optional(field: &'static str, supported: &'static [Choice]) -> Switch {
    Switch { field, supported, required: false }
}

const TRUE: &[Choice] = &[Choice::Bool(true)];
const FALSE: &[Choice] = &[Choice::Bool(false)];

/// All switches. `true` for `hyena_training_additions` would add a layer norm before the projection.
const SWITCHES: &[Switch] = &[
    required("model_type", &[Choice::Text("m2_bert"), Choice::Text("bert")]),
    required("hidden_act", &[Choice::Text("gelu")]),
    required("use_glu_mlp", TRUE),
    required("use_monarch_mlp", TRUE),
    optional("hyena_training_additions", FALSE),
    optional("position_embedding_type", &[Choice::Text("absolute")]),
    optional("monarch_mixer_sequence_mixing", TRUE),
    optional("use_cls_token", TRUE),
    optional("use_normalized_embeddings", FALSE),
    optional("expand_positional_embeddings", FALSE),
];

/// The object of a config file, with readers whose errors name file, field and value.
struct Fields<'a> {
    path: &'a Path,
    object: Map<String, Value>,
}

impl Fields<'_> {
    fn check_supported(&self) -> Result<(), Error> {
        for switch in SWITCHES {
            let fits = match self.object.get(switch.field) {
                Some(value) => switch.supported.iter().any(|choice| choice.is(value)),
                None => !switch.required,
            };
            if !fits {
                let choices: Vec<_> =
                    switch.supported.iter().map(|choice| choice.into_json().to_string()).collect();
                return Err(self.error(switch.field, format!("only {} is supported", choices.join(" or "))));
            }
        }
        Ok(())
    }

    /// A whole number from 1 to 2^31, so that products of three of them fit 128 bits and sizes fit i64.
    fn count(&self, field: &'static str) -> Result<usize, Error> {
        let value = self.object.get(field).and_then(Value::as_u64);
        value
            .filter(|value| (1..=1 << 31).contains(value))
            .map(|value| value as usize)
            .ok_or_else(|| self.error(field, "it must be a whole number from 1 to 2147483648".to_owned()))
    }

    fn positive(&self, field: &'static str) -> Result<f64, Error> {
        let value = self.object.get(field).and_then(Value::as_f64);
        value
            .filter(|value| *value > 0.0)
            .ok_or_else(|| self.error(field, "it must be a number above 0".to_owned()))
    }

    /// A switch; one without a default must be there, since the published code's own default is another one.
    fn flag(&self, field: &'static str, default: Option<bool>) -> Result<bool, Error> {
        let value = match self.object.get(field) {
            None => default,
            Some(value) => value.as_bool(),
        };
        value.ok_or_else(|| self.error(field, "it must be true or false".to_owned()))
    }

    fn number(&self, field: &'static str, default: f64) -> Result<f64, Error> {
        let value = match self.object.get(field) {
            None => Some(default),
            Some(value) => value.as_f64(),
        };
        value.ok_or_else(|| self.error(field, "it must be a number".to_owned()))
    }

    fn pad_token_id(&self) -> Result<u32, Error> {
        let field = "pad_token_id";
        let vocab_size = self.count("vocab_size")?;
        let id = match self.object.get(field) {
            None => Some(0),
            Some(value) => value.as_u64(),
        };
        id.filter(|id| *id < vocab_size as u64)
            .and_then(|id| u32::try_from(id).ok())
            .ok_or_else(|| self.error(field, format!("it must be a token id below {vocab_size}")))
    }

    fn error(&self, field: &'static str, expected: String) -> Error {
        let value = self.object.get(field).map_or_else(|| "absent".to_owned(), Value::to_string);
        Error::Field { path: self.path.to_owned(), field, value, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = include_str!("../../goldens/retrieval/config.json");

    /// Parses the golden config with one field replaced, or removed.
    fn with(field: &str, value: Option<Value>) -> Result<Config, Error> {
        let mut object: Map<String, Value> = serde_json::from_str(PUBLISHED).unwrap();
        match value {
            Some(value) => object.insert(field.to_owned(), value),
            None => object.remove(field),
        };
        Config::parse(Path::new("m/config.json"), &Value::Object(object).to_string())
    }

    #[test]
    fn a_published_config_is_read() {
        let config = Config::parse(Path::new("config.json"), PUBLISHED).unwrap();
        assert_eq!((config.hidden_size, config.n_layers, config.filter_order), (64, 2, 32));
        assert_eq!((config.l_max(), config.vocab_size, config.layer_norm_eps), (128, 512, 1e-12));
    }

    #[test]
    fn writing_and_reading_is_the_identity() {
        let config = Config::parse(Path::new("config.json"), PUBLISHED).unwrap();
        let again = Config::parse(Path::new("config.json"), &config.to_json().to_string()).unwrap();
        assert_eq!(config, again);
    }

    #[test]
    fn fields_that_matter_in_training_only_may_be_absent() {
        for field in ["hyena_w", "hyena_wd", "num_attention_heads", "initializer_range", "pad_token_id"] {
            with(field, None).unwrap();
        }
    }

    #[test]
    fn an_unsupported_switch_names_file_field_and_value() {
        let message = with("hidden_act", Some("relu".into())).unwrap_err().to_string();
        assert_eq!(message, "`m/config.json`: `hidden_act` is \"relu\", but only \"gelu\" is supported");
        for (field, value) in [
            ("hyena_training_additions", Value::from(true)),
            ("bidirectional", "yes".into()),
            ("hyena_w_mod", "1".into()),
            ("use_normalized_embeddings", true.into()),
            ("model_type", "gpt2".into()),
        ] {
            let message = with(field, Some(value)).unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
    }

    #[test]
    fn an_absent_shape_is_an_error_and_so_is_a_wrong_one() {
        let message = with("hidden_size", None).unwrap_err().to_string();
        assert!(message.contains("`hidden_size` is absent"), "{message}");
        with("num_hidden_layers", Some(0.into())).unwrap_err();
        with("intermediate_size", Some("256".into())).unwrap_err();
        with("pad_token_id", Some(512.into())).unwrap_err();
        with("layer_norm_eps", Some(0.into())).unwrap_err();
    }

    #[test]
    fn blocks_must_divide_both_widths() {
        let message = with("monarch_mlp_nblocks", Some(3.into())).unwrap_err().to_string();
        assert!(message.contains("monarch_mlp_nblocks, 3, must divide it"), "{message}");
    }
}
