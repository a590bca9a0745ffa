//! The initial value of each weight: random where training would move it, exact where it is a
//! formula, and scaled so that activations neither vanish nor explode through the layers.

use std::f64::consts::TAU;

use crate::Config;

/// The frequency of the filters' sines before training.
const FREQUENCY: f32 = 10.0;

/// Kernels decay to this much at the end of their window.
const DECAY_TARGET: f64 = 1e-2;

/// The elements of the tensor `name` of this shape. Depends on the seed and the name only, not on
/// which other tensors there are.
pub(super) fn initial(config: &Config, seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let n: usize = shape.iter().product();
    let ends = |suffix: &str| name.ends_with(suffix);
    if ends("LayerNorm.weight") || ends("layernorm.weight") {
        return vec![1.0; n];
    }
    if ends("pos_emb.t") {
        return (0..n).map(|j| time(j, n) as f32).collect();
    }
    if ends("pos_emb.z") {
        return position_features(shape[1], shape[2]);
    }
    if ends("modulation.deltas") {
        return decay_rates(n);
    }
    if ends(".freq") {
        return vec![FREQUENCY; n];
    }
    let deviation = deviation(config, name, shape);
    if deviation == 0.0 { vec![0.0; n] } else { random(seed, name, n, deviation) }
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

/// Uniform numbers of mean 0 and the given standard deviation.
///
/// BLAKE3's output stream is the generator: the same on every machine and in every version, and
/// each tensor has a stream of its own.
fn random(seed: u64, name: &str, n: usize, deviation: f64) -> Vec<f32> {
    let mut hasher = blake3::Hasher::new_derive_key("nightmend untrained model weights 1");
    let mut stream = hasher.update(&seed.to_le_bytes()).update(name.as_bytes()).finalize_xof();
    let mut bytes = vec![0; 4 * n];
    stream.fill(&mut bytes);
    let half_width = deviation * 3.0_f64.sqrt();
    let (words, _) = bytes.as_chunks::<4>();
    let unit = |word: &[u8; 4]| f64::from(u32::from_le_bytes(*word)) / f64::from(u32::MAX);
    words.iter().map(|word| (half_width * (2.0 * unit(word) - 1.0)) as f32).collect()
}

/// Position j of n on the unit interval.
fn time(j: usize, n: usize) -> f64 {
    j as f64 / (n - 1).max(1) as f64
}

/// The position features from which kernels are computed: time, then cosines and sines of a few
/// frequencies; `[1, l_max, emb_dim]`.
fn position_features(l_max: usize, emb_dim: usize) -> Vec<f32> {
    let n_bands = emb_dim.saturating_sub(1) / 2;
    let band = |b: usize| {
        let (low, high) = (1e-4, n_bands as f64 - 1.0);
        if n_bands == 1 { low } else { low + (high - low) * b as f64 / (n_bands as f64 - 1.0) }
    };
    let mut features = Vec::with_capacity(l_max * emb_dim);
    for j in 0..l_max {
        let angle = TAU * j as f64 / l_max as f64;
        features.push(time(j, l_max) as f32);
        features.extend((0..n_bands).map(|b| (band(b) * angle).cos() as f32));
        features.extend((0..n_bands).map(|b| -(band(b) * angle).sin() as f32));
    }
    features
}

/// Decay rates from slow to fast, one per channel: fast channels forget within a third of the
/// window, slow ones outlast it.
fn decay_rates(n_channels: usize) -> Vec<f32> {
    let (slow, fast) = (DECAY_TARGET.ln() / 1.5, DECAY_TARGET.ln() / 0.3);
    (0..n_channels).map(|c| (slow + (fast - slow) * time(c, n_channels)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn position_features_start_at_time_zero() {
        let features = position_features(4, 5);
        assert_eq!(features[..5], [0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(features[15], 1.0);
        assert!((features[7] - 0.0).abs() < 1e-6, "cos of a quarter turn");
        assert_eq!(features[9], -1.0, "minus sine of a quarter turn");
    }
}
