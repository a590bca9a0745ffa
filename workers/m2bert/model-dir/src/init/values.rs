//! The initial value of each weight: random where training would move it, exact where it is a
//! formula, and scaled so that activations neither vanish nor explode through the layers.

use std::f64::consts::TAU;

use blake3::OutputReader;

use crate::Config;

/// The frequency of the filters' sines before training.
const FREQUENCY: f32 = 10.0;

/// Kernels decay to this much at the end of their window.
const DECAY_TARGET: f64 = 1e-2;

/// The elements of one tensor, in the order in which they are stored.
pub(super) enum Values {
    /// A function of an element's number.
    Formula(Box<dyn Fn(usize) -> f32>),
    /// Uniform numbers of mean 0.
    Random { stream: Box<OutputReader>, half_width: f64 },
}

impl Values {
    /// Those of the tensor `name` of this shape. They depend on the seed and the name only, not on which other
    /// tensors there are.
    pub(super) fn initial(config: &Config, seed: u64, name: &str, shape: &[usize]) -> Self {
        let n: usize = shape.iter().product();
        let ends = |suffix: &str| name.ends_with(suffix);
        if ends("LayerNorm.weight") || ends("layernorm.weight") {
            return Self::formula(|_| 1.0);
        }
        if ends("pos_emb.t") {
            return Self::formula(move |j| time(j, n) as f32);
        }
        if ends("pos_emb.z") {
            let (l_max, emb_dim) = (shape[1], shape[2]);
            return Self::formula(move |i| position_feature(i / emb_dim, i % emb_dim, l_max, emb_dim));
        }
        if ends("modulation.deltas") {
            return Self::formula(move |channel| decay_rate(channel, n));
        }
        if ends(".freq") {
            return Self::formula(|_| FREQUENCY);
        }
        let deviation = deviation(config, name, shape);
        if deviation == 0.0 { Self::formula(|_| 0.0) } else { Self::random(seed, name, deviation) }
    }

    fn formula(element: impl Fn(usize) -> f32 + 'static) -> Self {
        Self::Formula(Box::new(element))
    }

    /// Uniform numbers of mean 0 and the given standard deviation.
    ///
    /// BLAKE3's output stream is the generator: the same on every machine and in every version, and
    /// each tensor has a stream of its own.
    fn random(seed: u64, name: &str, deviation: f64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("nightmend untrained model weights 1");
        let stream = hasher.update(&seed.to_le_bytes()).update(name.as_bytes()).finalize_xof();
        Self::Random { stream: Box::new(stream), half_width: deviation * 3.0_f64.sqrt() }
    }

    /// Writes the elements from `first` on into `bytes`, little-endian. Called with rising numbers and without gaps.
    pub(super) fn fill(&mut self, first: usize, bytes: &mut [u8]) {
        match self {
            Self::Formula(element) => {
                for (j, word) in bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    *word = element(first + j).to_le_bytes();
                }
            }
            Self::Random { stream, half_width } => {
                stream.fill(bytes);
                for word in bytes.as_chunks_mut::<4>().0 {
                    let unit = f64::from(u32::from_le_bytes(*word)) / f64::from(u32::MAX);
                    *word = ((*half_width * (2.0 * unit - 1.0)) as f32).to_le_bytes();
                }
            }
        }
    }
}

/// The standard deviation of a random tensor; 0 for the biases that start at zero.
fn deviation(config: &Config, name: &str, shape: &[usize]) -> f64 {
    let fan_in = shape[shape.len() - 1] as f64;
    if name.contains("embeddings.weight") {
        0.02
    } else if name.ends_with("filter_fn.bias") || name.ends_with("filter_fn2.bias") {
        // The skip term of a long convolution.
        0.5
    } else if name.ends_with(".6.weight") {
        // A kernel of Lm taps then has a norm of about one, whatever Lm is.
        4.0 / (config.long_conv_l_max as f64 * fan_in).sqrt()
    } else if name.ends_with("bias") && !name.contains("implicit_filter") {
        0.0
    } else {
        // Keeps the variance of what goes through; a bias within a filter's network is as wide as one weight.
        1.0 / fan_in.sqrt()
    }
}

/// Position j of n on the unit interval.
fn time(j: usize, n: usize) -> f64 {
    j as f64 / (n - 1).max(1) as f64
}

/// A position feature from which kernels are computed: time, then cosines and sines of a few
/// frequencies, `emb_dim` of them for each of `l_max` positions.
fn position_feature(position: usize, feature: usize, l_max: usize, emb_dim: usize) -> f32 {
    let n_bands = emb_dim.saturating_sub(1) / 2;
    let band = |b: usize| {
        let (low, high) = (1e-4, n_bands as f64 - 1.0);
        if n_bands == 1 { low } else { low + (high - low) * b as f64 / (n_bands as f64 - 1.0) }
    };
    let angle = TAU * position as f64 / l_max as f64;
    let value = match feature.checked_sub(1) {
        None => time(position, l_max),
        Some(b) if b < n_bands => (band(b) * angle).cos(),
        Some(b) => -(band(b - n_bands) * angle).sin(),
    };
    value as f32
}

/// Decay rates from slow to fast, one per channel: fast channels forget within a third of the
/// window, slow ones outlast it.
fn decay_rate(channel: usize, n_channels: usize) -> f32 {
    let (slow, fast) = (DECAY_TARGET.ln() / 1.5, DECAY_TARGET.ln() / 0.3);
    (slow + (fast - slow) * time(channel, n_channels)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u64, name: &str, n: usize, deviation: f64) -> Vec<f32> {
        let mut bytes = vec![0; 4 * n];
        Values::random(seed, name, deviation).fill(0, &mut bytes);
        bytes.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
    }

    #[test]
    fn random_numbers_have_the_asked_for_spread() {
        let values = random(3, "some.weight", 100_000, 0.5);
        let mean = values.iter().sum::<f32>() / 1e5;
        let variance = values.iter().map(|value| value * value).sum::<f32>() / 1e5;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 0.25).abs() < 0.005, "{variance}");
    }

    #[test]
    fn tensors_do_not_share_a_stream() {
        assert_ne!(random(1, "a", 8, 1.0), random(1, "b", 8, 1.0));
        assert_ne!(random(1, "a", 8, 1.0), random(2, "a", 8, 1.0));
        assert_eq!(random(1, "a", 8, 1.0), random(1, "a", 16, 1.0)[..8]);
    }

    #[test]
    fn a_tensor_in_pieces_is_the_tensor() {
        let mut whole = [0; 400];
        Values::random(1, "a", 1.0).fill(0, &mut whole);
        let mut values = Values::random(1, "a", 1.0);
        let mut pieces = [0; 400];
        for (i, piece) in pieces.chunks_mut(28).enumerate() {
            values.fill(7 * i, piece);
        }
        assert_eq!(pieces, whole);
    }

    #[test]
    fn position_features_start_at_time_zero() {
        let features = |position| [0, 1, 2, 3, 4].map(|feature| position_feature(position, feature, 4, 5));
        assert_eq!(features(0), [0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(features(3)[0], 1.0);
        assert!(features(1)[2].abs() < 1e-6, "cos of a quarter turn");
        assert_eq!(features(1)[4], -1.0, "minus sine of a quarter turn");
    }
}
