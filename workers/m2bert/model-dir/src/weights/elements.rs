//! Elements of a tensor, as they lie in a file.

use half::{bf16, f16};
use safetensors::Dtype;

/// Number of elements of a shape; `None` if no machine could count them.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size))
}

/// Whether a weight may be of this type.
pub(super) fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

/// Little-endian elements as f32; nothing of a type that is no float.
pub(super) fn widen(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    let (words, halves) = (bytes.as_chunks::<4>().0, bytes.as_chunks::<2>().0);
    match dtype {
        Dtype::F32 => words.iter().map(|word| f32::from_le_bytes(*word)).collect(),
        Dtype::F16 => halves.iter().map(|word| f16::from_le_bytes(*word).to_f32()).collect(),
        Dtype::BF16 => halves.iter().map(|word| bf16::from_le_bytes(*word).to_f32()).collect(),
        _ => Vec::new(),
    }
}

/// Whether elements with these strides lie one behind the other. Where there is but one index, its
/// stride says nothing.
pub(super) fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.iter().zip(strides).rev().all(|(size, stride)| {
        let fits = *size <= 1 || *stride == expected;
        expected = expected.saturating_mul(*size);
        fits
    })
}

/// How many elements a view spans, from its first to behind its last.
pub(super) fn extent(shape: &[usize], strides: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(0_usize, |last, (size, stride)| last.checked_add((size - 1).checked_mul(*stride)?));
    last?.checked_add(1)
}

/// Copies the elements of a view into the order of its indices. The view must lie within `bytes`.
pub(super) fn gather(bytes: &[u8], element_len: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
    let n = count(shape).unwrap_or(0);
    let mut gathered = Vec::with_capacity(n * element_len);
    let mut index = vec![0; shape.len()];
    for _ in 0..n {
        let at: usize = index.iter().zip(strides).map(|(i, stride)| i * stride).sum();
        gathered.extend_from_slice(&bytes[at * element_len..(at + 1) * element_len]);
        // The last dimension counts fastest; a full one starts again and carries over.
        for (i, size) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < *size {
                break;
            }
            *i = 0;
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_view_is_copied_in_the_order_of_its_indices() {
        let bytes = [0, 1, 2, 3, 4, 5];
        assert_eq!(gather(&bytes, 1, &[3, 2], &[1, 3]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(gather(&bytes, 2, &[2], &[2]), [0, 1, 4, 5]);
        assert_eq!(gather(&bytes, 1, &[], &[]), [0]);
        assert!(gather(&bytes, 1, &[2, 0], &[1, 1]).is_empty());
    }

    #[test]
    fn contiguous_means_one_behind_the_other() {
        assert!(is_contiguous(&[2, 3], &[3, 1]));
        assert!(is_contiguous(&[1, 3], &[7, 1]));
        assert!(!is_contiguous(&[3, 2], &[1, 3]));
        assert!(is_contiguous(&[], &[]));
    }

    #[test]
    fn an_extent_that_overflows_is_none() {
        assert_eq!(extent(&[2, 3], &[3, 1]), Some(6));
        assert_eq!(extent(&[2, 0], &[usize::MAX, 1]), Some(0));
        assert_eq!(extent(&[3], &[usize::MAX / 2 + 1]), None);
        assert_eq!(extent(&[2], &[usize::MAX]), None);
    }
}
