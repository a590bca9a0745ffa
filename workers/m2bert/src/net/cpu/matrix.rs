//! Matrix products, which are libtorch's: one thread multiplies a few hundred rows, several threads do so side by side.
//!
//! On two cores, one-threaded products of 128 rows and more run at 95 to 100 % of the rate of a large square product;
//! libtorch's own two-threaded ones of these shapes reach 70 to 95 % (`m2bert bench` measures the peak).

use tch::{Kind, Tensor};

use super::element::Element;
use crate::Error;

/// A tensor that is only read, so that threads may share it.
#[derive(Debug)]
pub(super) struct Shared(Tensor);

// SAFETY: libtorch allows concurrent reads of a tensor, reference counts are atomic, and nothing here gives out a
// handle by which the tensor could be written to.
#[expect(unsafe_code, reason = "tch knows no read-only tensors")]
unsafe impl Sync for Shared {}

impl Shared {
    /// Takes over a tensor that nobody else writes to.
    pub(super) fn new(tensor: Tensor) -> Self {
        Self(tensor)
    }

    /// For reading only.
    pub(super) fn tensor(&self) -> &Tensor {
        &self.0
    }
}

/// A matrix of weights, `[n_in, n_out]`.
#[derive(Debug)]
pub(super) struct Matrix {
    weight: Shared,
    n_in: usize,
    n_out: usize,
}

impl Matrix {
    /// Of a weight as checkpoints have it, `[n_out, n_in]`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn new(weight: &Tensor, kind: Kind) -> Result<Self, Error> {
        let [n_out, n_in] = [weight.size()[0] as usize, weight.size()[1] as usize];
        let weight = weight.f_to_kind(kind)?.f_contiguous()?.f_transpose(0, 1)?;
        Ok(Self { weight: Shared::new(weight), n_in, n_out })
    }

    /// `out[i] = rows[i] W`: rows of `n_in` that are `stride` apart, products of `n_out` one behind the other.
    ///
    /// # Panics
    /// If `rows` or `out` is too short for `n_rows`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`] if the weights are of another type.
    pub(super) fn multiply<E: Element>(
        &self,
        rows: &[E],
        stride: usize,
        n_rows: usize,
        out: &mut [E],
    ) -> Result<(), Error> {
        assert!(n_rows == 0 || (n_rows - 1) * stride + self.n_in <= rows.len(), "rows are missing");
        assert!(n_rows * self.n_out <= out.len(), "there is no room for the products");
        let (n_rows, n_in, n_out) = (n_rows as i64, self.n_in as i64, self.n_out as i64);
        // SAFETY: both views lie within slices that outlive them, as asserted, and are of the slices' type. libtorch
        // reads the first, which is shared, and writes the second, which is borrowed mutably; neither is kept.
        #[expect(unsafe_code, reason = "tensors over memory of our own")]
        let (rows, out) = unsafe {
            (
                Tensor::f_from_blob(
                    rows.as_ptr().cast(),
                    &[n_rows, n_in],
                    &[stride as i64, 1],
                    E::KIND,
                    tch::Device::Cpu,
                )?,
                Tensor::f_from_blob(
                    out.as_mut_ptr().cast::<u8>().cast_const(),
                    &[n_rows, n_out],
                    &[n_out, 1],
                    E::KIND,
                    tch::Device::Cpu,
                )?,
            )
        };
        let _same = rows.f_mm_out(&out, self.weight.tensor())?;
        Ok(())
    }
}
