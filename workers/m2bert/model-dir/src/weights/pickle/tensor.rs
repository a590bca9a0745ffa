//! The arguments of the calls that make storages and tensors.

use super::machine::Machine;
use super::value::{Global, Span, Storage, Value};

/// PyTorch has no more than 64; a weight has three at most. It bounds what one tensor costs, since
/// thousands of them may share one tuple.
const MAX_DIMENSIONS: usize = 8;

/// A storage's key is a number in digits.
const MAX_KEY_LEN: usize = 20;

/// A view of a storage, as a state dict describes it. Not yet compared with what the storage holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct Tensor<'a> {
    pub(in crate::weights) storage: Storage<'a>,
    /// Elements of the storage before the first one of the tensor.
    pub(in crate::weights) offset: usize,
    pub(in crate::weights) shape: Vec<usize>,
    /// Elements of the storage from one index to the next, for each dimension.
    pub(in crate::weights) strides: Vec<usize>,
}

/// A tensor whose sizes are still a tuple.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawTensor {
    /// An index of the machine's table of storages.
    storage: usize,
    offset: usize,
    shape: Span,
    strides: Span,
}

impl RawTensor {
    /// From the arguments of `_rebuild_tensor_v2`: then come whether it is trained, hooks and perhaps metadata.
    pub(super) fn of(arguments: &[Value<'_>]) -> Result<Self, String> {
        match arguments {
            [Value::Storage(storage), offset, Value::Tuple(shape), Value::Tuple(strides), _, _]
            | [Value::Storage(storage), offset, Value::Tuple(shape), Value::Tuple(strides), _, _, _] => {
                Ok(Self { storage: *storage, offset: size(*offset)?, shape: *shape, strides: *strides })
            }
            _ => Err("a tensor is made of wrong arguments".to_owned()),
        }
    }

    /// The tensor, with its storage and its sizes looked up.
    pub(super) fn resolve<'a>(&self, machine: &Machine<'a>) -> Result<Tensor<'a>, String> {
        if self.shape.len != self.strides.len || self.shape.len > MAX_DIMENSIONS {
            let (n_sizes, n_strides) = (self.shape.len, self.strides.len);
            return Err(format!("has {n_sizes} dimensions with {n_strides} strides"));
        }
        let sizes = |span| machine.parts(span).iter().map(|value| size(*value)).collect::<Result<_, _>>();
        let (shape, strides) = (sizes(self.shape)?, sizes(self.strides)?);
        let storage = machine.storages[self.storage];
        Ok(Tensor { storage, offset: self.offset, shape, strides })
    }
}

/// From the tuple `("storage", type, key, device, number of elements)`.
pub(super) fn storage<'a>(parts: &[Value<'a>]) -> Result<Storage<'a>, String> {
    match parts {
        [
            Value::Text("storage"),
            Value::Global(Global::Storage(dtype)),
            Value::Text(key),
            Value::Text(_),
            n,
        ] if key.len() <= MAX_KEY_LEN => Ok(Storage { dtype: *dtype, key, n_elements: size(*n)? }),
        _ => Err("a storage is described in an unknown way".to_owned()),
    }
}

fn size(value: Value<'_>) -> Result<usize, String> {
    match value {
        Value::Int(n) => usize::try_from(n).map_err(|_| format!("a size is {n}")),
        other => Err(format!("a size is {other}")),
    }
}
