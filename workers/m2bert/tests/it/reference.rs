//! A second implementation, from the equations, in f64, with direct sums and no transform, and random models of every
//! kind to compare the engines with.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use m2bert::Dtype;
use m2bert::net::{Engine, Network, Rows, Settings, Wanted};
use model_dir::{Config, WeightFile};
use proptest::prelude::*;
use safetensors::tensor::TensorView;
use serde_json::json;

/// A small model with random weights, tables included.
#[derive(Debug, Clone)]
struct Model {
    hidden: usize,
    layers: usize,
    features: usize,
    blocks: usize,
    l_max: usize,
    emb_dim: usize,
    order: usize,
    bidirectional: bool,
    residual: bool,
    positions: bool,
    scale: f64,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

const VOCAB: usize = 40;

/// Uniform numbers in [-1, 1].
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32) / (1 << 23) as f32 - 1.0
    }
}

impl Model {
    fn add(&mut self, random: &mut Random, name: String, shape: &[usize], scale: f32, offset: f32) {
        let n = shape.iter().product();
        let values = (0..n).map(|_| random.next() * scale + offset).collect();
        self.tensors.insert(name, (shape.to_vec(), values));
    }

    fn fill(&mut self, seed: u64) {
        let mut r = Random(seed);
        let (d, f, b, e, o, l) =
            (self.hidden, self.features, self.blocks, self.emb_dim, self.order, self.l_max);
        let fan = |n: usize| (3.0 / n as f32).sqrt();
        let emb = "bert.embeddings";
        self.add(&mut r, format!("{emb}.word_embeddings.weight"), &[VOCAB, d], 1.0, 0.0);
        self.add(&mut r, format!("{emb}.token_type_embeddings.weight"), &[2, d], 0.5, 0.0);
        if self.positions {
            self.add(&mut r, format!("{emb}.position_embeddings.weight"), &[l, d], 0.5, 0.0);
        }
        self.add(&mut r, format!("{emb}.LayerNorm.weight"), &[d], 0.3, 1.0);
        self.add(&mut r, format!("{emb}.LayerNorm.bias"), &[d], 0.3, 0.0);
        for layer in 0..self.layers {
            let mixer = format!("bert.encoder.layer.{layer}.attention");
            self.add(&mut r, format!("{mixer}.in_linear.weight"), &[3 * d, d], fan(d), 0.0);
            self.add(&mut r, format!("{mixer}.in_linear.bias"), &[3 * d], 0.3, 0.0);
            self.add(&mut r, format!("{mixer}.out_linear.weight"), &[d, d], fan(d), 0.0);
            self.add(&mut r, format!("{mixer}.out_linear.bias"), &[d], 0.3, 0.0);
            self.add(&mut r, format!("{mixer}.short_filter.weight"), &[3 * d, 1, 3], 0.7, 0.0);
            self.add(&mut r, format!("{mixer}.short_filter.bias"), &[3 * d], 0.3, 0.0);
            for filter in self.filters() {
                let filter = format!("{mixer}.{filter}");
                self.add(&mut r, format!("{filter}.bias"), &[d], 0.5, 0.0);
                self.add(&mut r, format!("{filter}.pos_emb.z"), &[1, l, e], 1.0, 0.0);
                self.add(&mut r, format!("{filter}.pos_emb.t"), &[1, l, 1], 0.5, 0.5);
                self.add(&mut r, format!("{filter}.modulation.deltas"), &[1, 1, d], 3.0, 0.0);
                self.add(&mut r, format!("{filter}.implicit_filter.1.freq"), &[1, o], 2.0, 3.0);
                for direction in self.directions() {
                    let net = format!("{filter}.{direction}");
                    self.add(&mut r, format!("{net}.0.weight"), &[o, e], fan(e), 0.0);
                    self.add(&mut r, format!("{net}.0.bias"), &[o], 0.3, 0.0);
                    for linear in ["2", "4"] {
                        self.add(&mut r, format!("{net}.{linear}.weight"), &[o, o], fan(o), 0.0);
                        self.add(&mut r, format!("{net}.{linear}.bias"), &[o], 0.3, 0.0);
                    }
                    self.add(&mut r, format!("{net}.6.weight"), &[d, o], fan(o) / (l as f32).sqrt(), 0.0);
                }
            }
            let mlp = format!("bert.encoder.layer.{layer}.mlp");
            self.add(&mut r, format!("{mlp}.gated_layers.weight"), &[b, 2 * f / b, d / b], fan(d / b), 0.0);
            self.add(&mut r, format!("{mlp}.wo.weight"), &[b, d / b, f / b], fan(f / b), 0.0);
            self.add(&mut r, format!("{mlp}.wo.bias"), &[d], 0.3, 0.0);
            self.add(&mut r, format!("{mlp}.layernorm.weight"), &[d], 0.3, 1.0);
            self.add(&mut r, format!("{mlp}.layernorm.bias"), &[d], 0.3, 0.0);
        }
        self.add(&mut r, "bert.pooler.dense.weight".to_owned(), &[d, d], fan(d), 0.0);
        self.add(&mut r, "bert.pooler.dense.bias".to_owned(), &[d], 0.3, 0.0);
    }

    fn filters(&self) -> &'static [&'static str] {
        if self.residual { &["filter_fn", "filter_fn2"] } else { &["filter_fn"] }
    }

    fn directions(&self) -> &'static [&'static str] {
        if self.bidirectional { &["implicit_filter", "implicit_filter_rev"] } else { &["implicit_filter"] }
    }

    fn write(&self, dir: &Path) {
        let config = json!({
            "model_type": "m2_bert", "hidden_act": "gelu", "use_glu_mlp": true, "use_monarch_mlp": true,
            "hidden_size": self.hidden, "num_hidden_layers": self.layers, "intermediate_size": self.features,
            "monarch_mlp_nblocks": self.blocks, "vocab_size": VOCAB, "type_vocab_size": 2,
            "max_position_embeddings": self.l_max, "long_conv_l_max": self.l_max, "hyena_emb_dim": self.emb_dim,
            "hyena_filter_order": self.order, "layer_norm_eps": 1e-12, "bidirectional": self.bidirectional,
            "residual_long_conv": self.residual, "use_positional_encodings": self.positions,
            "hyena_w_mod": self.scale,
        });
        std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
        let bytes: BTreeMap<&String, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, (_, values))| (name, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            .collect();
        let views = self.tensors.iter().map(|(name, (shape, _))| {
            (name, TensorView::new(safetensors::Dtype::F32, shape.clone(), &bytes[name]).unwrap())
        });
        let file = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
        std::fs::write(dir.join("model.safetensors"), file).unwrap();
    }

    fn of(&self, name: &str) -> Vec<f64> {
        self.tensors[name].1.iter().map(|value| f64::from(*value)).collect()
    }

    /// `x W^T + b` for one vector.
    fn linear(&self, place: &str, x: &[f64]) -> Vec<f64> {
        let weight = self.of(&format!("{place}.weight"));
        let bias =
            self.tensors.contains_key(&format!("{place}.bias")).then(|| self.of(&format!("{place}.bias")));
        let rows = weight.chunks(x.len()).enumerate();
        rows.map(|(row, weights)| dot(weights, x) + bias.as_ref().map_or(0.0, |bias| bias[row])).collect()
    }

    fn norm(&self, place: &str, x: &[f64]) -> Vec<f64> {
        let (weight, bias) = (self.of(&format!("{place}.weight")), self.of(&format!("{place}.bias")));
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let unit = |value: &f64| (value - mean) / (variance + 1e-12).sqrt();
        x.iter().enumerate().map(|(c, value)| unit(value) * weight[c] + bias[c]).collect()
    }

    /// Taps `[length, D]` of one direction, without the skip term.
    fn taps(&self, filter: &str, direction: &str, length: usize) -> Vec<Vec<f64>> {
        let z = self.of(&format!("{filter}.pos_emb.z"));
        let t = self.of(&format!("{filter}.pos_emb.t"));
        let deltas = self.of(&format!("{filter}.modulation.deltas"));
        let freq = self.of(&format!("{filter}.implicit_filter.1.freq"));
        let tap = |j: usize| {
            let mut x = z[j * self.emb_dim..(j + 1) * self.emb_dim].to_vec();
            for linear in ["0", "2", "4"] {
                x = self.linear(&format!("{filter}.{direction}.{linear}"), &x);
                x.iter_mut().zip(&freq).for_each(|(x, f)| *x = (*x * f).sin());
            }
            let x = self.linear(&format!("{filter}.{direction}.6"), &x);
            let decayed = |(c, x): (usize, f64)| self.scale * x * (-t[j] * deltas[c].abs()).exp();
            x.into_iter().enumerate().map(decayed).collect()
        };
        (0..length).map(tap).collect()
    }

    /// `K ⊛ x + d x`, term by term.
    fn long_conv(&self, filter: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let length = x.len();
        let forward = self.taps(filter, "implicit_filter", length);
        let reverse = self.bidirectional.then(|| self.taps(filter, "implicit_filter_rev", length));
        let skip = self.of(&format!("{filter}.bias"));
        let at = |t: usize, c: usize| {
            let past: f64 = (0..=t).map(|j| forward[j][c] * x[t - j][c]).sum();
            let future: f64 = reverse
                .as_ref()
                .map_or(0.0, |reverse| (t + 1..length).map(|s| reverse[s - t - 1][c] * x[s][c]).sum());
            past + future + skip[c] * x[t][c]
        };
        (0..length).map(|t| (0..self.hidden).map(|c| at(t, c)).collect()).collect()
    }

    fn mixer(&self, place: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let d = self.hidden;
        let p: Vec<Vec<f64>> = x.iter().map(|x| self.linear(&format!("{place}.in_linear"), x)).collect();
        let w = self.of(&format!("{place}.short_filter.weight"));
        let b = self.of(&format!("{place}.short_filter.bias"));
        let s = |t: usize, c: usize| {
            let earlier = |lag: usize| if t >= lag { p[t - lag][c] } else { 0.0 };
            w[3 * c] * earlier(2) + w[3 * c + 1] * earlier(1) + w[3 * c + 2] * p[t][c] + b[c]
        };
        let gated: Vec<Vec<f64>> =
            (0..x.len()).map(|t| (0..d).map(|c| s(t, 2 * d + c) * s(t, c)).collect()).collect();
        let mut y = self.long_conv(&format!("{place}.filter_fn"), &gated);
        for (t, y) in y.iter_mut().enumerate() {
            y.iter_mut().enumerate().for_each(|(c, y)| *y *= s(t, d + c));
        }
        if self.residual {
            let added = self.long_conv(&format!("{place}.filter_fn2"), x);
            y.iter_mut()
                .zip(&added)
                .for_each(|(y, added)| y.iter_mut().zip(added).for_each(|(y, a)| *y += a));
        }
        y.iter().map(|y| self.linear(&format!("{place}.out_linear"), y)).collect()
    }

    fn block_diagonal(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (shape, _) = &self.tensors[name];
        let weight = self.of(name);
        let [n_blocks, n_out, n_in] = shape[..] else { panic!("{name}") };
        let row = |block: usize, out: usize| {
            let first = (block * n_out + out) * n_in;
            dot(&weight[first..first + n_in], &x[block * n_in..(block + 1) * n_in])
        };
        (0..n_blocks)
            .flat_map(|block| (0..n_out).map(move |out| (block, out)))
            .map(|(b, o)| row(b, o))
            .collect()
    }

    fn mlp(&self, place: &str, h: &[f64]) -> Vec<f64> {
        let a = self.block_diagonal(&format!("{place}.gated_layers.weight"), h);
        let gated: Vec<f64> = (0..self.features).map(|i| gelu(a[i]) * a[self.features + i]).collect();
        let out = self.block_diagonal(&format!("{place}.wo.weight"), &gated);
        let bias = self.of(&format!("{place}.wo.bias"));
        let sum: Vec<f64> = (0..self.hidden).map(|c| out[c] + bias[c] + h[c]).collect();
        self.norm(&format!("{place}.layernorm"), &sum)
    }

    /// The last hidden states of one row: `[L, D]`.
    fn forward(&self, ids: &[u32], types: &[u32]) -> Vec<Vec<f64>> {
        let emb = "bert.embeddings";
        let row = |table: &str, index: usize| {
            let table = self.of(&format!("{emb}.{table}.weight"));
            table[index * self.hidden..(index + 1) * self.hidden].to_vec()
        };
        let embedded = |(t, (id, kind)): (usize, (&u32, &u32))| {
            let mut x = row("word_embeddings", *id as usize);
            x.iter_mut().zip(row("token_type_embeddings", *kind as usize)).for_each(|(x, v)| *x += v);
            if self.positions {
                x.iter_mut().zip(row("position_embeddings", t)).for_each(|(x, v)| *x += v);
            }
            self.norm(&format!("{emb}.LayerNorm"), &x)
        };
        let mut x: Vec<Vec<f64>> = ids.iter().zip(types).enumerate().map(embedded).collect();
        for layer in 0..self.layers {
            let place = format!("bert.encoder.layer.{layer}");
            let h = self.mixer(&format!("{place}.attention"), &x);
            x = h.iter().map(|h| self.mlp(&format!("{place}.mlp"), h)).collect();
        }
        x
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// By the series of erf: arguments here are small.
fn gelu(x: f64) -> f64 {
    let z = x / 2.0_f64.sqrt();
    if z.abs() > 5.5 {
        return x.max(0.0);
    }
    let (mut term, mut sum) = (z, z);
    for n in 1..200 {
        term *= -z * z / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
}

fn models() -> impl Strategy<Value = Model> {
    let sizes = (1_usize..=4, 1_usize..=6, 1_usize..=3, 1_usize..=3, 2_usize..=40, 1_usize..=7, 1_usize..=9);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), prop_oneof![Just(1.0), Just(0.5)]);
    (sizes, switches, any::<u64>()).prop_map(|(sizes, switches, seed)| {
        let (blocks, slice, per_slice, layers, l_max, emb_dim, order) = sizes;
        let (bidirectional, residual, positions, scale) = switches;
        let mut model = Model {
            hidden: blocks * slice * 2,
            layers,
            features: blocks * slice * 2 * per_slice,
            blocks,
            l_max,
            emb_dim,
            order,
            bidirectional,
            residual,
            positions,
            scale,
            tensors: BTreeMap::new(),
        };
        model.fill(seed);
        model
    })
}

/// Rows of a model's lengths, by shares of the longest, with types.
fn rows_of(model: &Model, shares: &[f64], seed: u64) -> Rows {
    let mut random = Random(seed);
    let mut id = |n: usize| ((random.next() + 1.0) / 2.0 * n as f32) as u32 % n as u32;
    let mut rows = Rows::default();
    for share in shares {
        let length = ((model.l_max as f64 * share) as usize).clamp(1, model.l_max);
        rows.push((0..length).map(|_| id(VOCAB)).collect::<Vec<_>>(), length);
    }
    rows.type_ids = Some((0..rows.n_tokens()).map(|_| id(2)).collect());
    rows
}

fn network(model: &Model, settings: Settings) -> Network {
    let dir = tempfile::tempdir().unwrap();
    model.write(dir.path());
    let config = Config::read(&dir.path().join("config.json")).unwrap();
    let weights = WeightFile::open(&dir.path().join("model.safetensors"), &config).unwrap();
    Network::load(&weights, &config, settings).unwrap()
}

/// The largest difference of a row's states from the reference.
fn difference(model: &Model, rows: &Rows, range: &Range<usize>, states: &[f32]) -> f64 {
    let types = rows.type_ids.as_ref().unwrap();
    let expected = model.forward(&rows.ids[range.clone()], &types[range.clone()]);
    let actual = &states[range.start * model.hidden..range.end * model.hidden];
    let pairs = expected.iter().flatten().zip(actual);
    pairs.map(|(expected, actual)| (expected - f64::from(*actual)).abs()).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_engine_computes_the_equations(
        model in models(),
        shares in prop::collection::vec(0.0_f64..=1.0, 1..5),
        seed in any::<u64>(),
        n_threads in 1_usize..=3,
        spectra_budget in prop_oneof![Just(0), Just(1 << 12), Just(1 << 30)],
    ) {
        let rows = rows_of(&model, &shares, seed);
        let firsts: Vec<usize> = rows.ranges().iter().map(|row| row.start).collect();
        for engine in [Engine::Fused, Engine::Torch, Engine::Plain] {
            let settings = Settings { engine, n_threads, spectra_budget, ..Settings::default() };
            let mut network = network(&model, settings);
            let wanted = Wanted { hidden: true, mean: true, picked: firsts.clone() };
            // Twice: what the first pass leaves behind must not matter.
            let first = network.run(&rows, &wanted, None).unwrap();
            let states = network.run(&rows, &wanted, None).unwrap();
            prop_assert_eq!(&first, &states);
            for (row, range) in rows.ranges().iter().enumerate() {
                let largest = difference(&model, &rows, range, &states.hidden);
                // Norms of nearly constant rows of two channels amplify rounding.
                let tolerance = if model.hidden < 8 { 5e-3 } else { 2e-4 };
                prop_assert!(largest < tolerance, "{:?} differs by {} in a row of {:?}", engine, largest, range);
                let d = model.hidden;
                prop_assert_eq!(&states.picked[row * d..][..d], &states.hidden[range.start * d..][..d]);
                for c in 0..d {
                    let sum: f32 = range.clone().map(|token| states.hidden[token * d + c]).sum();
                    prop_assert!((states.mean[row * d + c] - sum / range.len() as f32).abs() < 1e-4);
                }
            }
            // Sentence embeddings alone take a shorter way through the last layer.
            let firsts_only = Wanted { picked: firsts.clone(), ..Wanted::default() };
            let alone = network.run(&rows, &firsts_only, None).unwrap();
            let largest = alone.picked.iter().zip(&states.picked).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            prop_assert!(largest < 1e-4_f32.max(if model.hidden < 8 { 5e-3 } else { 0.0 }), "differs by {}", largest);
        }
    }

    #[test]
    fn products_in_bf16_change_the_third_digit_only(model in models(), seed in any::<u64>()) {
        prop_assume!(model.hidden >= 16 && model.layers == 1);
        let rows = rows_of(&model, &[1.0, 0.4], seed);
        let wanted = Wanted { mean: true, ..Wanted::default() };
        let [exact, rounded] = [Dtype::F32, Dtype::Bf16].map(|dtype| {
            network(&model, Settings { dtype, ..Settings::default() }).run(&rows, &wanted, None).unwrap().mean
        });
        for (exact, rounded) in exact.chunks(model.hidden).zip(rounded.chunks(model.hidden)) {
            let (exact, rounded): (Vec<f64>, Vec<f64>) = (
                exact.iter().map(|value| f64::from(*value)).collect(),
                rounded.iter().map(|value| f64::from(*value)).collect(),
            );
            let cosine = dot(&exact, &rounded) / (dot(&exact, &exact) * dot(&rounded, &rounded)).sqrt();
            prop_assert!(cosine > 0.99, "cosine {}", cosine);
        }
    }
}
