//! The type in which matrix products take and give numbers. Everything between them is f32.

use half::bf16;
use pulp::Simd;
use pulp::bytemuck::cast_slice;

use tch::Kind;

/// More lanes than any processor has.
const MAX_LANES: usize = 16;

/// f32 or bf16.
pub(super) trait Element: Copy + Default + Send + Sync {
    /// libtorch's word for it.
    const KIND: Kind;

    fn widen(self) -> f32;

    /// Rounds to the nearest, ties to even.
    fn narrow(value: f32) -> Self;

    /// Both as f32, if that is what they are.
    fn as_f32<'a>(rows: &'a [Self], out: &'a mut [Self]) -> Option<(&'a [f32], &'a mut [f32])>;

    /// These numbers as input of a product: themselves, or rounded into `scratch`, all of which is returned.
    fn input<'a, S: Simd>(simd: S, values: &'a [f32], scratch: &'a mut [Self]) -> &'a [Self];
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn as_f32<'a>(rows: &'a [f32], out: &'a mut [f32]) -> Option<(&'a [f32], &'a mut [f32])> {
        Some((rows, out))
    }

    #[inline(always)]
    fn input<'a, S: Simd>(_: S, values: &'a [f32], _: &'a mut [f32]) -> &'a [f32] {
        values
    }
}

impl Element for bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        let bits = value.to_bits();
        // Activations are finite, so there is no NaN whose payload this could carry over into an infinity.
        Self::from_bits((bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16)
    }

    #[inline(always)]
    fn as_f32<'a>(_: &'a [bf16], _: &'a mut [bf16]) -> Option<(&'a [f32], &'a mut [f32])> {
        None
    }

    #[inline(always)]
    fn input<'a, S: Simd>(simd: S, values: &'a [f32], scratch: &'a mut [bf16]) -> &'a [bf16] {
        let rounded = &mut scratch[..values.len()];
        for at in (0..values.len()).step_by(S::F32_LANES) {
            store(simd, rounded, at, load(simd, values, at));
        }
        scratch
    }
}

/// The lanes from `at` on; zero behind the end.
#[inline(always)]
pub(super) fn load<S: Simd, E: Element>(_: S, from: &[E], at: usize) -> S::f32s {
    let mut lanes = [0.0; MAX_LANES];
    match from.get(at..at + S::F32_LANES) {
        Some(full) => {
            for lane in 0..S::F32_LANES {
                lanes[lane] = full[lane].widen();
            }
        }
        None => {
            for (lane, value) in lanes.iter_mut().zip(&from[at..]) {
                *lane = value.widen();
            }
        }
    }
    vector::<S>(&lanes)
}

/// Writes the lanes from `at` on, as far as there is room.
#[inline(always)]
pub(super) fn store<S: Simd, E: Element>(_: S, to: &mut [E], at: usize, values: S::f32s) {
    let lanes: &[f32] = cast_slice(std::slice::from_ref(&values));
    match to.get_mut(at..at + S::F32_LANES) {
        Some(full) => {
            for lane in 0..S::F32_LANES {
                full[lane] = E::narrow(lanes[lane]);
            }
        }
        None => {
            for (to, lane) in to[at..].iter_mut().zip(lanes) {
                *to = E::narrow(*lane);
            }
        }
    }
}

#[inline(always)]
fn vector<S: Simd>(lanes: &[f32; MAX_LANES]) -> S::f32s {
    const { assert!(S::F32_LANES <= MAX_LANES) };
    S::as_simd_f32s(lanes).0[0]
}
