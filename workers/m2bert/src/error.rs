//! What can go wrong between a checked model directory and its vectors.

use model_dir::EncodeError;
use tch::TchError;

use crate::Device;

/// Why a model cannot be loaded or used, by remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model directory does not hold what the network needs.
    #[error(transparent)]
    Model(#[from] model_dir::Error),
    /// The model does not fit into the memory that it was given.
    #[error("a memory budget of {} MiB is too small for this model: it needs at least {} MiB", budget >> 20, (least >> 20) + 1)]
    Budget {
        /// Bytes given.
        budget: usize,
        /// Bytes that one row of full length needs.
        least: usize,
    },
    /// Token ids or golden data that do not fit the model, or each other.
    #[error("case `{case}`: {reason}")]
    Case {
        /// Name of the case.
        case: String,
        /// What is wrong with it, as a clause.
        reason: String,
    },
    /// This machine, or this build of libtorch, has no such device.
    #[error("device `{device}` is not available here")]
    NoDevice {
        /// The device asked for.
        device: Device,
    },
    /// The text of a device is not one.
    #[error("`{text}` is not a device: say `auto`, `cpu`, `cuda`, `cuda:N` or `mps`")]
    UnknownDevice {
        /// What was said.
        text: String,
    },
    /// The device has too little memory left. A smaller batch may fit.
    #[error("out of memory: {message}")]
    OutOfMemory {
        /// First line of libtorch's message.
        message: String,
    },
    /// libtorch refused an operation.
    #[error("libtorch: {message}")]
    Torch {
        /// First line of libtorch's message; the rest is a C++ backtrace.
        message: String,
    },
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().to_owned();
        let lower = text.to_lowercase();
        if lower.contains("can't allocate memory") || lower.contains("out of memory") {
            Self::OutOfMemory { message }
        } else {
            Self::Torch { message }
        }
    }
}

impl From<Error> for EncodeError {
    fn from(error: Error) -> Self {
        match error {
            Error::OutOfMemory { message } => Self::OutOfMemory(message),
            other => Self::Device(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_allocation_is_out_of_memory_and_a_bad_shape_is_not() {
        let huge = tch::Tensor::f_empty([1_i64 << 47], (tch::Kind::Float, tch::Device::Cpu)).unwrap_err();
        assert!(matches!(Error::from(huge), Error::OutOfMemory { .. }));
        let (a, b) = (tch::Tensor::from_slice(&[1.0_f32]), tch::Tensor::from_slice(&[1.0_f32, 2.0]));
        let error = Error::from(a.f_mm(&b).unwrap_err());
        assert!(matches!(&error, Error::Torch { message } if !message.contains('\n')), "{error}");
    }
}
