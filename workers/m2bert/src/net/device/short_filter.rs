//! A causal convolution of three taps per channel.

use tch::Tensor;

use crate::Error;
use crate::net::weights::Weights;

#[derive(Debug)]
pub(super) struct ShortFilter {
    /// Taps at lags 2, 1 and 0, each `[C, 1]`.
    taps: [Tensor; 3],
    /// `[C, 1]`
    bias: Tensor,
}

impl ShortFilter {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, Error> {
        let weight = weights.tensor("weight")?; // [C, 1, 3]
        let tap = |index| Ok::<_, Error>(weight.f_select(2, index)?.f_contiguous()?); // [C, 1]
        Ok(Self { taps: [tap(0)?, tap(1)?, tap(2)?], bias: weights.tensor("bias")?.f_unsqueeze(1)? })
    }

    /// `rows`: `[B, C, L]`; returns the same shape.
    pub(super) fn forward(&self, rows: &Tensor) -> Result<Tensor, Error> {
        let length = rows.size()[2];
        let [two_back, one_back, here] = &self.taps;
        let filtered = self.bias.f_addcmul(rows, here)?; // [B, C, L]
        for (lag, tap) in [(1, one_back), (2, two_back)] {
            if length > lag {
                let earlier = rows.f_narrow(2, 0, length - lag)?;
                let _in_place = filtered.f_narrow(2, lag, length - lag)?.f_addcmul_(&earlier, tap)?;
            }
        }
        Ok(filtered)
    }
}
