//! Names and shapes of the weights: what a checkpoint may call them, what we call them, and which
//! ones a config asks for.
//!
//! Our name of a tensor is the published one with `bert.` or `cls.` in front. Of the six names
//! under which a filter's one frequency tensor is stored, ours is [`FREQ`].
//! Of the two of the decoder's bias it is [`DECODER_BIAS`].

use std::collections::BTreeMap;

use crate::Config;

/// The frequency tensor within a filter. All six sines of a filter, forward and reverse, share it.
const FREQ: &str = "implicit_filter.1.freq";

/// The token embeddings.
pub(crate) const WORD_EMBEDDINGS: &str = "bert.embeddings.word_embeddings.weight";

/// The decoder of the masked language model head; the same matrix, if the two are tied.
pub(crate) const DECODER: &str = "cls.predictions.decoder.weight";

/// The bias of that decoder, and its name as a parameter of the head.
const DECODER_BIAS: &str = "cls.predictions.decoder.bias";
const HEAD_BIAS: &str = "cls.predictions.bias";

/// What a checkpoint has on top of the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The dense layer that makes sentence embeddings.
    pub pooler: bool,
    /// The masked language model head.
    pub masked_lm: bool,
    /// Whether that head has a decoder matrix of its own; otherwise the token embeddings serve.
    pub own_decoder: bool,
}

impl Heads {
    /// Which heads the (our) names of a checkpoint belong to. Without any, it lacks its pooler.
    pub(crate) fn of<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let masked_lm = names.clone().any(|name| name.starts_with("cls.predictions."));
        Self {
            pooler: !masked_lm || names.clone().any(|name| name.starts_with("bert.pooler.")),
            masked_lm,
            own_decoder: names.any(|name| name == DECODER),
        }
    }
}

/// Our name for a stored tensor, or `None` if it is one that nobody needs: the position counter
/// and the tables of a CUDA kernel.
pub(crate) fn canonical(stored: &str) -> Option<String> {
    let mut name = stored;
    while let Some(rest) = name.strip_prefix("module.").or_else(|| name.strip_prefix("model.")) {
        name = rest;
    }
    if name.ends_with("embeddings.position_ids")
        || name.contains(".flashfft.")
        || name.starts_with("flashfft.")
    {
        return None;
    }
    if name == HEAD_BIAS {
        return Some(DECODER_BIAS.to_owned());
    }
    let encoder = ["embeddings.", "encoder.", "pooler."].iter().any(|part| name.starts_with(part));
    let name = if encoder { format!("bert.{name}") } else { name.to_owned() };
    Some(frequencies(&name).unwrap_or(name))
}

/// Whether a tensor of ours has several names in a checkpoint, any of which may be stored.
pub(crate) fn has_aliases(name: &str) -> bool {
    name == DECODER_BIAS || name.ends_with(FREQ)
}

/// The one name of a frequency tensor, if `name` is one of its six.
fn frequencies(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".freq")?;
    let stem = stem.strip_suffix(".1").or(stem.strip_suffix(".3")).or(stem.strip_suffix(".5"))?;
    let filter = stem.strip_suffix(".implicit_filter").or(stem.strip_suffix(".implicit_filter_rev"))?;
    Some(format!("{filter}.{FREQ}"))
}

/// Every tensor that a network of this config and these heads needs, with its shape.
pub(crate) fn expected(config: &Config, heads: Heads) -> BTreeMap<String, Vec<usize>> {
    let mut tensors = BTreeMap::new();
    let d = config.hidden_size;
    let mut embeddings = Prefixed::new("bert.embeddings", &mut tensors);
    embeddings.extend([
        ("word_embeddings.weight", vec![config.vocab_size, d]),
        ("token_type_embeddings.weight", vec![config.type_vocab_size, d]),
        ("LayerNorm.weight", vec![d]),
        ("LayerNorm.bias", vec![d]),
    ]);
    if config.use_positional_encodings {
        embeddings.extend([("position_embeddings.weight", vec![config.max_position_embeddings, d])]);
    }
    for layer in 0..config.n_layers {
        expect_mixer(config, &format!("bert.encoder.layer.{layer}.attention"), &mut tensors);
        expect_mlp(config, &format!("bert.encoder.layer.{layer}.mlp"), &mut tensors);
    }
    if heads.pooler {
        Prefixed::new("bert.pooler.dense", &mut tensors).extend([("weight", vec![d, d]), ("bias", vec![d])]);
    }
    if heads.masked_lm {
        expect_masked_lm(config, heads.own_decoder, &mut tensors);
    }
    tensors
}

fn expect_mixer(config: &Config, prefix: &str, tensors: &mut BTreeMap<String, Vec<usize>>) {
    let d = config.hidden_size;
    Prefixed::new(prefix, tensors).extend([
        ("in_linear.weight", vec![3 * d, d]),
        ("in_linear.bias", vec![3 * d]),
        ("out_linear.weight", vec![d, d]),
        ("out_linear.bias", vec![d]),
        ("short_filter.weight", vec![3 * d, 1, 3]),
        ("short_filter.bias", vec![3 * d]),
    ]);
    let filters: &[&str] =
        if config.residual_long_conv { &["filter_fn", "filter_fn2"] } else { &["filter_fn"] };
    for filter in filters {
        expect_filter(config, &format!("{prefix}.{filter}"), tensors);
    }
}

fn expect_filter(config: &Config, prefix: &str, tensors: &mut BTreeMap<String, Vec<usize>>) {
    let (d, o, e, l_max) =
        (config.hidden_size, config.filter_order, config.filter_emb_dim, config.long_conv_l_max);
    Prefixed::new(prefix, tensors).extend([
        ("bias", vec![d]),
        ("pos_emb.z", vec![1, l_max, e]),
        ("pos_emb.t", vec![1, l_max, 1]),
        ("modulation.deltas", vec![1, 1, d]),
        (FREQ, vec![1, o]),
    ]);
    let directions: &[&str] =
        if config.bidirectional { &["implicit_filter", "implicit_filter_rev"] } else { &["implicit_filter"] };
    for direction in directions {
        Prefixed::new(&format!("{prefix}.{direction}"), tensors).extend([
            ("0.weight", vec![o, e]),
            ("0.bias", vec![o]),
            ("2.weight", vec![o, o]),
            ("2.bias", vec![o]),
            ("4.weight", vec![o, o]),
            ("4.bias", vec![o]),
            ("6.weight", vec![d, o]),
        ]);
    }
}

fn expect_mlp(config: &Config, prefix: &str, tensors: &mut BTreeMap<String, Vec<usize>>) {
    let (d, f, blocks) = (config.hidden_size, config.intermediate_size, config.n_blocks);
    Prefixed::new(prefix, tensors).extend([
        ("gated_layers.weight", vec![blocks, 2 * f / blocks, d / blocks]),
        ("wo.weight", vec![blocks, d / blocks, f / blocks]),
        ("wo.bias", vec![d]),
        ("layernorm.weight", vec![d]),
        ("layernorm.bias", vec![d]),
    ]);
}

fn expect_masked_lm(config: &Config, own_decoder: bool, tensors: &mut BTreeMap<String, Vec<usize>>) {
    let (d, vocab_size) = (config.hidden_size, config.vocab_size);
    let mut head = Prefixed::new("cls.predictions", tensors);
    head.extend([
        ("transform.dense.weight", vec![d, d]),
        ("transform.dense.bias", vec![d]),
        ("transform.LayerNorm.weight", vec![d]),
        ("transform.LayerNorm.bias", vec![d]),
        ("decoder.bias", vec![vocab_size]),
    ]);
    if own_decoder {
        head.extend([("decoder.weight", vec![vocab_size, d])]);
    }
}

/// Adds names under a common prefix.
struct Prefixed<'a> {
    prefix: &'a str,
    tensors: &'a mut BTreeMap<String, Vec<usize>>,
}

impl<'a> Prefixed<'a> {
    fn new(prefix: &'a str, tensors: &'a mut BTreeMap<String, Vec<usize>>) -> Self {
        Self { prefix, tensors }
    }

    fn extend<const N: usize>(&mut self, entries: [(&str, Vec<usize>); N]) {
        for (name, shape) in entries {
            self.tensors.insert(format!("{}.{name}", self.prefix), shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_stripped_and_bert_is_added() {
        let name = "bert.encoder.layer.0.mlp.wo.bias";
        for stored in [name, "module.bert.encoder.layer.0.mlp.wo.bias", "encoder.layer.0.mlp.wo.bias"] {
            assert_eq!(canonical(stored).as_deref(), Some(name));
        }
        assert_eq!(canonical("model.module.pooler.dense.bias").as_deref(), Some("bert.pooler.dense.bias"));
    }

    #[test]
    fn buffers_that_nobody_reads_are_ignored() {
        assert_eq!(canonical("bert.embeddings.position_ids"), None);
        assert_eq!(canonical("bert.encoder.layer.3.attention.filter_fn2.flashfft.f_sqrt_N_fft"), None);
    }

    #[test]
    fn the_six_frequency_names_are_one() {
        let filter = "bert.encoder.layer.1.attention.filter_fn";
        for direction in ["implicit_filter", "implicit_filter_rev"] {
            for sine in [1, 3, 5] {
                let ours = canonical(&format!("{filter}.{direction}.{sine}.freq"));
                assert_eq!(ours, Some(format!("{filter}.implicit_filter.1.freq")));
            }
        }
        let other = format!("{filter}.implicit_filter.7.freq");
        assert_eq!(canonical(&other), Some(other));
    }

    #[test]
    fn the_bias_of_the_decoder_has_two_names() {
        for stored in ["cls.predictions.bias", "module.cls.predictions.bias", "cls.predictions.decoder.bias"]
        {
            assert_eq!(canonical(stored).as_deref(), Some("cls.predictions.decoder.bias"));
        }
    }

    fn published() -> Config {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens/retrieval/config.json");
        Config::read(std::path::Path::new(path)).unwrap()
    }

    /// The names that `config` asks for and the published one does not, and the other way round.
    fn difference(config: &Config) -> (Vec<String>, Vec<String>) {
        let heads = Heads { pooler: true, masked_lm: false, own_decoder: false };
        let (ours, theirs) = (expected(config, heads), expected(&published(), heads));
        let only = |these: &BTreeMap<String, Vec<usize>>, those: &BTreeMap<String, Vec<usize>>| {
            these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
        };
        (only(&ours, &theirs), only(&theirs, &ours))
    }

    #[test]
    fn without_a_second_direction_no_filter_has_its_reverse() {
        let (more, fewer) = difference(&Config { bidirectional: false, ..published() });
        assert!(more.is_empty());
        // Two layers, two filters, seven tensors of a reverse network: the frequencies are shared.
        assert_eq!(fewer.len(), 2 * 2 * 7);
        assert!(fewer.iter().all(|name| name.contains(".implicit_filter_rev.")), "{fewer:?}");
    }

    #[test]
    fn without_the_residual_convolution_there_is_one_filter() {
        let (more, fewer) = difference(&Config { residual_long_conv: false, ..published() });
        assert!(more.is_empty());
        assert_eq!(fewer.len(), 2 * (5 + 2 * 7));
        assert!(fewer.iter().all(|name| name.contains(".filter_fn2.")), "{fewer:?}");
    }

    #[test]
    fn without_positions_their_table_is_gone_and_its_length_limits_nothing() {
        let config = Config { use_positional_encodings: false, max_position_embeddings: 1, ..published() };
        let gone = vec!["bert.embeddings.position_embeddings.weight".to_owned()];
        assert_eq!(difference(&config), (vec![], gone));
        assert_eq!(config.l_max(), config.long_conv_l_max);
        assert_eq!(Config { max_position_embeddings: 1, ..published() }.l_max(), 1);
    }

    #[test]
    fn a_scale_of_the_kernels_has_no_tensor() {
        assert_eq!(difference(&Config { kernel_scale: 0.5, ..published() }), (vec![], vec![]));
    }

    #[test]
    fn all_switches_at_once_leave_one_filter_in_one_direction() {
        let bare = Config {
            bidirectional: false,
            residual_long_conv: false,
            use_positional_encodings: false,
            ..published()
        };
        let (more, fewer) = difference(&bare);
        assert!(more.is_empty());
        assert_eq!(fewer.len(), 1 + 2 * (5 + 2 * 7) + 2 * 7);
    }

    #[test]
    fn a_checkpoint_without_heads_is_expected_to_have_a_pooler() {
        let heads = Heads::of(["bert.embeddings.LayerNorm.bias"].into_iter());
        assert_eq!(heads, Heads { pooler: true, masked_lm: false, own_decoder: false });
        let heads = Heads::of(["cls.predictions.decoder.bias"].into_iter());
        assert_eq!(heads, Heads { pooler: false, masked_lm: true, own_decoder: false });
    }
}
