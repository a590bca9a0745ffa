//! Matrix products: of f32 on panels of our own, of bf16 by libtorch. One thread multiplies a few hundred rows, several
//! threads do so side by side.

use pulp::Simd;
use tch::{Kind, Tensor};

use super::element::Element;
use super::packed::{Multiply, Packed};
use crate::Error;
use crate::net::to_vec;

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

/// Rows for which there should be room in the operands of a product of `n_rows`.
///
/// libtorch compiles a kernel for each number of rows that it meets, and memory grows with every one. So it is given
/// powers of two only; what the rows behind the last one hold does not matter.
pub(super) fn room(n_rows: usize) -> usize {
    n_rows.next_power_of_two().max(16)
}

/// A matrix of weights, `[n_in, n_out]`.
#[derive(Debug)]
pub(super) struct Matrix {
    weight: Weight,
    n_in: usize,
    n_out: usize,
}

#[derive(Debug)]
enum Weight {
    Packed(Packed),
    Torch(Shared),
}

impl Matrix {
    /// Of a weight as checkpoints have it, `[n_out, n_in]`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn new(weight: &Tensor, kind: Kind, lanes: usize) -> Result<Self, Error> {
        let [n_out, n_in] = [weight.size()[0] as usize, weight.size()[1] as usize];
        let weight = match kind {
            Kind::Float => Weight::Packed(Packed::new(&to_vec(weight)?, n_out, lanes)),
            _ => Weight::Torch(Shared::new(weight.f_to_kind(kind)?.f_contiguous()?.f_transpose(0, 1)?)),
        };
        Ok(Self { weight, n_in, n_out })
    }

    /// `out[i] = rows[i] W`: rows of `n_in` that are `stride` apart, products of `n_out` one behind the other. If both
    /// have [`room`], more rows than `n_rows` may be multiplied.
    ///
    /// # Panics
    /// If `rows` or `out` is too short for `n_rows`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`] if the weights are of another type.
    #[inline(always)]
    pub(super) fn multiply<S: Simd, E: Element>(
        &self,
        simd: S,
        rows: &[E],
        stride: usize,
        n_rows: usize,
        out: &mut [E],
    ) -> Result<(), Error> {
        assert!(n_rows == 0 || (n_rows - 1) * stride + self.n_in <= rows.len(), "rows are missing");
        assert!(n_rows * self.n_out <= out.len(), "there is no room for the products");
        match &self.weight {
            Weight::Packed(weight) => {
                let (rows, out) = E::as_f32(rows, out).expect("products of f32 have f32 weights");
                simd.vectorize(Multiply { weight, rows, stride, n_rows, out });
                Ok(())
            }
            Weight::Torch(weight) => {
                let roomy = room(n_rows);
                let has_room =
                    (roomy - 1) * stride + self.n_in <= rows.len() && roomy * self.n_out <= out.len();
                let n_rows = if has_room { roomy } else { n_rows };
                let shapes = [n_rows, self.n_in, stride, self.n_out].map(|size| size as i64);
                multiply_by_torch(weight.tensor(), rows, shapes, out)
            }
        }
    }
}

fn multiply_by_torch<E: Element>(
    weight: &Tensor,
    rows: &[E],
    [n_rows, n_in, stride, n_out]: [i64; 4],
    out: &mut [E],
) -> Result<(), Error> {
    let on_cpu = tch::Device::Cpu;
    // SAFETY: both views lie within slices that outlive them, as the caller asserts, and are of the slices' type.
    // libtorch reads the first, which is shared, and writes the second, which is borrowed mutably; neither is kept.
    #[expect(unsafe_code, reason = "tensors over memory of our own")]
    let (rows, out) = unsafe {
        let rows = rows.as_ptr().cast();
        let out = out.as_mut_ptr().cast::<u8>().cast_const();
        (
            Tensor::f_from_blob(rows, &[n_rows, n_in], &[stride, 1], E::KIND, on_cpu)?,
            Tensor::f_from_blob(out, &[n_rows, n_out], &[n_out, 1], E::KIND, on_cpu)?,
        )
    };
    let _same = rows.f_mm_out(&out, weight)?;
    Ok(())
}
