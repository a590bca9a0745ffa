//! A tensor as NumPy's `.npy`, version 1.0.

use anyhow::bail;
use tensor_store::{Dtype, Tensor};

pub(super) fn file(tensor: &Tensor) -> anyhow::Result<Vec<u8>> {
    let descr = descr(tensor.dtype())?;
    let shape: String = tensor.shape().iter().map(|n| format!("{n}, ")).collect();
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    // Magic, version and length are 10 bytes; with the line end the data starts at a multiple of 64.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10 - 1;
    header.extend(std::iter::repeat_n(' ', padded - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&u16::try_from(header.len())?.to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(tensor.bytes());
    Ok(bytes)
}

fn descr(dtype: Dtype) -> anyhow::Result<&'static str> {
    Ok(match dtype {
        Dtype::BOOL => "|b1",
        Dtype::U8 => "|u1",
        Dtype::I8 => "|i1",
        Dtype::U16 => "<u2",
        Dtype::I16 => "<i2",
        Dtype::F16 => "<f2",
        Dtype::U32 => "<u4",
        Dtype::I32 => "<i4",
        Dtype::F32 => "<f4",
        Dtype::U64 => "<u8",
        Dtype::I64 => "<i8",
        Dtype::F64 => "<f8",
        Dtype::C64 => "<c8",
        other => bail!("NumPy has no type for {other:?}: write a `.safetensors`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_numpy_writes() {
        for (shape, text) in [(vec![2, 3], "(2, 3,)"), (vec![6], "(6,)"), (vec![], "()")] {
            let n = shape.iter().product();
            let file = file(&Tensor::from_f32(shape, &vec![1.5; n]).unwrap()).unwrap();
            let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
            assert_eq!((10 + length) % 64, 0);
            let header = std::str::from_utf8(&file[10..10 + length]).unwrap();
            assert!(
                header.contains(&format!("'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}")),
                "{header}"
            );
            assert!(header.ends_with('\n'));
            assert_eq!(file.len(), 10 + length + 4 * n);
        }
    }
}
