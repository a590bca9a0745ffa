//! Complex Fourier transforms of many channels at once, for convolutions.
//!
//! A vector register holds one sample of as many channels as it has lanes, so every butterfly is plain vertical
//! arithmetic: no shuffles, whatever the size. The transform decimates in frequency and leaves its output in
//! digit-reversed order; the inverse decimates in time and takes it back from there. A convolution needs no other order
//! in between, so nothing is ever reordered. Sizes have factors 2, 3, 5 and 7.

use std::f64::consts::TAU;

use pulp::Simd;

/// Points below which a larger transform costs nothing.
const MIN_POINTS: usize = 16;

/// Points of a block whose passes run one after the other: 4096 points of 16 channels are 512 KiB, half of a core's L2
/// cache. A larger block is split by one pass and its parts are done one by one.
const IN_CACHE_POINTS: usize = 4096;

/// The number of points for rows of `length`: at least twice as many, so that a circular convolution of them is a
/// linear one; four sizes per octave.
pub fn n_points(length: usize) -> usize {
    let needed = (2 * length).max(MIN_POINTS);
    let octave = needed.next_power_of_two() / 2;
    // One of 5, 6, 7 and 8 quarters of the power of two below is enough.
    (5..=8)
        .map(|quarters| quarters * octave / 4)
        .find(|points| *points >= needed)
        .unwrap_or(2 * octave)
        .max(MIN_POINTS)
}

/// One sample of each lane: real and imaginary parts.
pub(super) type Sample<V> = [V; 2];

/// How transforms of one size are computed.
#[derive(Debug)]
pub(super) struct Plan {
    n_points: usize,
    /// From the whole to its parts.
    levels: Vec<Level>,
    /// Where a frequency and its negative lie, for every such pair; both are one place for 0 and the highest.
    pairs: Vec<(u32, u32)>,
}

/// A pass that splits blocks into `radix` parts of `part_len` points.
#[derive(Debug)]
struct Level {
    radix: usize,
    part_len: usize,
    /// `[part_len, radix]`: cosine and minus sine of the angle by which each output of a butterfly is turned.
    twiddles: Vec<[f32; 2]>,
}

impl Plan {
    /// # Panics
    /// If `n_points` is no multiple of 4, or has a prime factor above 7.
    pub(super) fn new(n_points: usize) -> Self {
        let mut block_len = n_points;
        let mut levels = Vec::new();
        for radix in radices(n_points) {
            levels.push(Level::new(radix, block_len / radix));
            block_len /= radix;
        }
        let place = |frequency: usize| {
            let (mut rest, mut place) = (frequency, 0);
            for level in &levels {
                place += rest % level.radix * level.part_len;
                rest /= level.radix;
            }
            u32::try_from(place).expect("a transform has fewer than 2^32 points")
        };
        let pair = |frequency| {
            let (one, other) = (place(frequency), place((n_points - frequency) % n_points));
            (one.min(other), one.max(other))
        };
        let mut pairs: Vec<_> = (0..=n_points / 2).map(pair).collect();
        pairs.sort_unstable();
        Self { n_points, levels, pairs }
    }

    pub(super) fn n_points(&self) -> usize {
        self.n_points
    }

    /// Pairs of a frequency and its negative: half the points and one.
    pub(super) fn n_pairs(&self) -> usize {
        self.pairs.len()
    }

    pub(super) fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// Transforms `samples` in place.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(&self, simd: S, samples: &mut [Sample<S::f32s>]) {
        forward(simd, &self.levels, samples);
    }

    /// Takes a transform back, times the number of points.
    #[inline(always)]
    pub(super) fn inverse<S: Simd>(&self, simd: S, samples: &mut [Sample<S::f32s>]) {
        inverse(simd, &self.levels, samples);
    }

    /// As [`forward`](Self::forward), for samples whose second half is zero, which need not be written.
    #[inline(always)]
    pub(super) fn forward_of_half<S: Simd>(&self, simd: S, samples: &mut [Sample<S::f32s>]) {
        let first = &self.levels[0];
        split_half(simd, first, samples);
        for part in samples.chunks_exact_mut(first.part_len) {
            forward(simd, &self.levels[1..], part);
        }
    }

    /// Takes a transform back, times the number of points; only the first half of the samples is computed.
    #[inline(always)]
    pub(super) fn inverse_to_half<S: Simd>(&self, simd: S, samples: &mut [Sample<S::f32s>]) {
        let first = &self.levels[0];
        for part in samples.chunks_exact_mut(first.part_len) {
            inverse(simd, &self.levels[1..], part);
        }
        join_half(simd, first, samples);
    }
}

/// 4 first, since the halves that are zero are left out there; what is not a power of two last, where nothing is turned.
fn radices(n_points: usize) -> Vec<usize> {
    assert!(n_points.is_multiple_of(4), "{n_points} points");
    let (mut rest, mut radices) = (n_points, Vec::new());
    let odd = rest >> rest.trailing_zeros();
    rest /= odd;
    while rest >= 4 {
        radices.push(4);
        rest /= 4;
    }
    radices.extend((rest == 2).then_some(2));
    rest = odd;
    for radix in [3, 5, 7] {
        while rest.is_multiple_of(radix) {
            radices.push(radix);
            rest /= radix;
        }
    }
    assert_eq!(rest, 1, "{n_points} points");
    radices
}

impl Level {
    fn new(radix: usize, part_len: usize) -> Self {
        let turn = |place: usize, output: usize| {
            let angle = TAU * (place * output) as f64 / (radix * part_len) as f64;
            [angle.cos() as f32, -angle.sin() as f32]
        };
        let twiddles =
            (0..part_len).flat_map(|place| (0..radix).map(move |output| turn(place, output))).collect();
        Self { radix, part_len, twiddles }
    }
}

/// The levels whose blocks are too large for the cache, and the size of the blocks below them.
fn outer_levels(levels: &[Level], n_samples: usize) -> (usize, usize) {
    let n_outer = levels.iter().take_while(|level| level.radix * level.part_len > IN_CACHE_POINTS).count();
    (n_outer, n_outer.checked_sub(1).map_or(n_samples, |last| levels[last].part_len))
}

#[inline(always)]
fn forward<S: Simd>(simd: S, levels: &[Level], samples: &mut [Sample<S::f32s>]) {
    let (n_outer, block_len) = outer_levels(levels, samples.len());
    for level in &levels[..n_outer] {
        run_level::<S, false>(simd, level, samples);
    }
    for block in samples.chunks_exact_mut(block_len) {
        for level in &levels[n_outer..] {
            run_level::<S, false>(simd, level, block);
        }
    }
}

#[inline(always)]
fn inverse<S: Simd>(simd: S, levels: &[Level], samples: &mut [Sample<S::f32s>]) {
    let (n_outer, block_len) = outer_levels(levels, samples.len());
    for block in samples.chunks_exact_mut(block_len) {
        for level in levels[n_outer..].iter().rev() {
            run_level::<S, true>(simd, level, block);
        }
    }
    for level in levels[..n_outer].iter().rev() {
        run_level::<S, true>(simd, level, samples);
    }
}

/// One pass of a transform, forward or back.
#[inline(always)]
fn run_level<S: Simd, const INVERSE: bool>(simd: S, level: &Level, samples: &mut [Sample<S::f32s>]) {
    match level.radix {
        2 => pass::<S, 2, INVERSE>(simd, level, samples),
        3 => pass::<S, 3, INVERSE>(simd, level, samples),
        4 => pass::<S, 4, INVERSE>(simd, level, samples),
        5 => pass::<S, 5, INVERSE>(simd, level, samples),
        _ => pass::<S, 7, INVERSE>(simd, level, samples),
    }
}

/// Butterflies over all blocks: turned after them on the way forward, before them on the way back.
#[inline(always)]
fn pass<S: Simd, const RADIX: usize, const INVERSE: bool>(
    simd: S,
    level: &Level,
    samples: &mut [Sample<S::f32s>],
) {
    let part_len = level.part_len;
    let (twiddles, _) = level.twiddles.as_chunks::<RADIX>();
    for block in samples.chunks_exact_mut(RADIX * part_len) {
        let mut rest = block;
        let parts: [&mut [Sample<S::f32s>]; RADIX] = std::array::from_fn(|_| {
            let (part, behind) = std::mem::take(&mut rest).split_at_mut(part_len);
            rest = behind;
            part
        });
        for place in 0..part_len {
            let mut values: [Sample<S::f32s>; RADIX] = std::array::from_fn(|part| parts[part][place]);
            if INVERSE && part_len > 1 {
                for output in 1..RADIX {
                    values[output] = turn_back(simd, values[output], twiddles[place][output]);
                }
            }
            values = butterfly::<S, RADIX, INVERSE>(simd, values);
            if !INVERSE && part_len > 1 {
                for output in 1..RADIX {
                    values[output] = turn(simd, values[output], twiddles[place][output]);
                }
            }
            for part in 0..RADIX {
                parts[part][place] = values[part];
            }
        }
    }
}

/// The first pass of the forward transform where the second half of the samples is zero.
#[inline(always)]
fn split_half<S: Simd>(simd: S, level: &Level, samples: &mut [Sample<S::f32s>]) {
    let (twiddles, _) = level.twiddles.as_chunks::<4>();
    let (low, high) = samples.split_at_mut(2 * level.part_len);
    let (first, second) = low.split_at_mut(level.part_len);
    let (third, fourth) = high.split_at_mut(level.part_len);
    for (place, twiddles) in twiddles.iter().enumerate() {
        let (a, b) = (first[place], second[place]);
        let beside = times_minus_i::<S, false>(simd, b);
        first[place] = add(simd, a, b);
        second[place] = turn(simd, add(simd, a, beside), twiddles[1]);
        third[place] = turn(simd, sub(simd, a, b), twiddles[2]);
        fourth[place] = turn(simd, sub(simd, a, beside), twiddles[3]);
    }
}

/// The last pass of the inverse transform where the second half of the samples is not wanted.
#[inline(always)]
fn join_half<S: Simd>(simd: S, level: &Level, samples: &mut [Sample<S::f32s>]) {
    let (twiddles, _) = level.twiddles.as_chunks::<4>();
    let (low, high) = samples.split_at_mut(2 * level.part_len);
    let (first, second) = low.split_at_mut(level.part_len);
    let (third, fourth) = high.split_at_mut(level.part_len);
    for (place, twiddles) in twiddles.iter().enumerate() {
        let (a, c) = (first[place], turn_back(simd, third[place], twiddles[2]));
        let b = turn_back(simd, second[place], twiddles[1]);
        let d = turn_back(simd, fourth[place], twiddles[3]);
        first[place] = add(simd, add(simd, a, c), add(simd, b, d));
        let beside = times_minus_i::<S, true>(simd, sub(simd, b, d));
        second[place] = add(simd, sub(simd, a, c), beside);
    }
}

/// The transform of a few values.
#[inline(always)]
fn butterfly<S: Simd, const RADIX: usize, const INVERSE: bool>(
    simd: S,
    values: [Sample<S::f32s>; RADIX],
) -> [Sample<S::f32s>; RADIX] {
    let mut out = values;
    match RADIX {
        2 => {
            out[0] = add(simd, values[0], values[1]);
            out[1] = sub(simd, values[0], values[1]);
        }
        4 => {
            let (even, odd) = (add(simd, values[0], values[2]), add(simd, values[1], values[3]));
            let across = sub(simd, values[0], values[2]);
            let beside = times_minus_i::<S, INVERSE>(simd, sub(simd, values[1], values[3]));
            out[0] = add(simd, even, odd);
            out[1] = add(simd, across, beside);
            out[2] = sub(simd, even, odd);
            out[3] = sub(simd, across, beside);
        }
        _ => odd_butterfly::<S, RADIX, INVERSE>(simd, values, &mut out),
    }
    out
}

/// Of an odd number of values: opposite ones share their cosines, and their sines but for the sign.
#[inline(always)]
fn odd_butterfly<S: Simd, const RADIX: usize, const INVERSE: bool>(
    simd: S,
    values: [Sample<S::f32s>; RADIX],
    out: &mut [Sample<S::f32s>; RADIX],
) {
    let half = RADIX / 2;
    let mut sums = values;
    let mut differences = values;
    for index in 1..=half {
        sums[index] = add(simd, values[index], values[RADIX - index]);
        differences[index] =
            times_minus_i::<S, INVERSE>(simd, sub(simd, values[index], values[RADIX - index]));
        out[0] = add(simd, out[0], sums[index]);
    }
    for output in 1..=half {
        let mut even = values[0];
        let mut odd = [simd.splat_f32s(0.0); 2];
        for index in 1..=half {
            let angle = TAU * (output * index % RADIX) as f64 / RADIX as f64;
            let (cosine, sine) = (simd.splat_f32s(angle.cos() as f32), simd.splat_f32s(angle.sin() as f32));
            for part in 0..2 {
                even[part] = simd.mul_add_e_f32s(sums[index][part], cosine, even[part]);
                odd[part] = simd.mul_add_e_f32s(differences[index][part], sine, odd[part]);
            }
        }
        out[output] = add(simd, even, odd);
        out[RADIX - output] = sub(simd, even, odd);
    }
}

#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, a: Sample<S::f32s>, b: Sample<S::f32s>) -> Sample<S::f32s> {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

#[inline(always)]
pub(super) fn sub<S: Simd>(simd: S, a: Sample<S::f32s>, b: Sample<S::f32s>) -> Sample<S::f32s> {
    [simd.sub_f32s(a[0], b[0]), simd.sub_f32s(a[1], b[1])]
}

/// Times -i, or times i on the way back.
#[inline(always)]
fn times_minus_i<S: Simd, const INVERSE: bool>(simd: S, a: Sample<S::f32s>) -> Sample<S::f32s> {
    if INVERSE { [simd.neg_f32s(a[1]), a[0]] } else { [a[1], simd.neg_f32s(a[0])] }
}

/// Times a number on the unit circle, the same in all lanes.
#[inline(always)]
fn turn<S: Simd>(simd: S, a: Sample<S::f32s>, by: [f32; 2]) -> Sample<S::f32s> {
    multiply(simd, a, by.map(|part| simd.splat_f32s(part)))
}

/// Times the conjugate of a number on the unit circle, the same in all lanes.
#[inline(always)]
fn turn_back<S: Simd>(simd: S, a: Sample<S::f32s>, by: [f32; 2]) -> Sample<S::f32s> {
    multiply(simd, a, [by[0], -by[1]].map(|part| simd.splat_f32s(part)))
}

#[inline(always)]
pub(super) fn multiply<S: Simd>(simd: S, a: Sample<S::f32s>, b: Sample<S::f32s>) -> Sample<S::f32s> {
    let real = simd.negate_mul_add_e_f32s(a[1], b[1], simd.mul_f32s(a[0], b[0]));
    let imaginary = simd.mul_add_e_f32s(a[1], b[0], simd.mul_f32s(a[0], b[1]));
    [real, imaginary]
}

#[inline(always)]
pub(super) fn conjugate<S: Simd>(simd: S, a: Sample<S::f32s>) -> Sample<S::f32s> {
    [a[0], simd.neg_f32s(a[1])]
}
