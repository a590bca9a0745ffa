//! One tensor as it is stored: dtype, shape, little-endian bytes.

use bytes::Bytes;
pub use safetensors::Dtype;

use crate::error::{Error, Result};

/// A dense, row-major tensor. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Bytes,
}

impl Tensor {
    /// Wraps bytes that are already in the stored form.
    ///
    /// # Shapes
    /// `bytes`: `shape` elements of `dtype`, row-major, little endian.
    ///
    /// # Errors
    /// [`Error::Encode`] if the number of bytes does not fit.
    pub fn new(dtype: Dtype, shape: Vec<usize>, bytes: Bytes) -> Result<Self> {
        let n_elements = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        let n_bits = n_elements.and_then(|n| n.checked_mul(dtype.bitsize()));
        if n_bits.is_none() || n_bits != bytes.len().checked_mul(8) {
            let reason = format!("{} bytes do not fit shape {shape:?} of {dtype:?}", bytes.len());
            return Err(Error::encode("tensor", reason));
        }
        Ok(Self { dtype, shape, bytes })
    }

    /// Makes a tensor of f32.
    ///
    /// # Shapes
    /// `values`: `shape` elements, row-major.
    ///
    /// # Errors
    /// [`Error::Encode`] if the number of values does not fit.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Result<Self> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::new(Dtype::F32, shape, bytes.into())
    }

    /// The type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The sizes of the dimensions, outermost first; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, row-major, little endian.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Copies the elements of an f32 tensor out, bit for bit.
    ///
    /// # Errors
    /// [`Error::Decode`] if the tensor is of another type.
    pub fn to_vec_f32(&self) -> Result<Vec<f32>> {
        if self.dtype != Dtype::F32 {
            return Err(Error::decode("tensor", format!("{:?} where F32 is expected", self.dtype)));
        }
        let (chunks, _) = self.bytes.as_chunks::<4>();
        Ok(chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_survives_bit_for_bit() {
        let values = [0.0, -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, f32::from_bits(0x7fc0_1234), 1.5];
        let back = Tensor::from_f32(vec![2, 3], &values).unwrap().to_vec_f32().unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&values));
    }

    #[test]
    fn bytes_that_do_not_fit_the_shape_are_refused() {
        assert!(Tensor::from_f32(vec![2, 2], &[1.0; 3]).is_err());
        assert!(Tensor::new(Dtype::I64, vec![usize::MAX, 2], Bytes::new()).is_err());
        assert!(Tensor::new(Dtype::I64, vec![0, 7], Bytes::new()).is_ok());
    }

    #[test]
    fn another_dtype_is_not_read_as_f32() {
        let tensor = Tensor::new(Dtype::I32, vec![1], Bytes::from_static(&[0; 4])).unwrap();
        assert!(tensor.to_vec_f32().is_err());
    }
}
