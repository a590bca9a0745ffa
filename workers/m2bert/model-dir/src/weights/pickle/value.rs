//! What a pickle of tensors is made of. Every value is a few words that are copied around; what has
//! parts refers to a table of the machine. So nothing nests, and a cycle is only a number.

use std::fmt;

use safetensors::Dtype;

/// One value on the stack or in the memo.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    None,
    Bool,
    Int(i64),
    Text(&'a str),
    Global(Global),
    /// Elements of the machine's table of tuple elements.
    Tuple(Span),
    /// An index of the machine's table of dictionaries.
    Dict(usize),
    /// An index of the machine's table of storages.
    Storage(usize),
    /// An index of the machine's table of tensors.
    Tensor(usize),
}

/// A range of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// The bytes of one or several tensors: an entry of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) struct Storage<'a> {
    /// Type of its elements.
    pub(in crate::weights) dtype: Dtype,
    /// Name of the entry in the folder `data`.
    pub(in crate::weights) key: &'a str,
    /// Number of its elements.
    pub(in crate::weights) n_elements: usize,
}

/// The only names that a pickle may refer to. None of them is ever called: they only say what the
/// arguments mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", name) => Some(Self::Storage(storage_dtype(name.strip_suffix("Storage")?)?)),
            _ => None,
        }
    }
}

fn storage_dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "Float" => Dtype::F32,
        "Half" => Dtype::F16,
        "BFloat16" => Dtype::BF16,
        "Long" => Dtype::I64,
        // No weight of ours is of one of these, but a buffer that nobody needs may be.
        "Double" => Dtype::F64,
        "Int" => Dtype::I32,
        "Short" => Dtype::I16,
        "Char" => Dtype::I8,
        "Byte" => Dtype::U8,
        "Bool" => Dtype::BOOL,
        "ComplexFloat" => Dtype::C64,
        _ => return None,
    })
}

/// What a value is, for messages.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bool => "a truth value",
            Self::Int(_) => "a number",
            Self::Text(_) => "a text",
            Self::Global(_) => "a global",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dictionary",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        })
    }
}

/// A text from the file, quoted and short enough for a message.
pub(in crate::weights) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        format!("`{}…`", short.escape_debug())
    } else {
        format!("`{}`", short.escape_debug())
    }
}
