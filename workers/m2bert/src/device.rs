//! Where a model computes.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A device: `cpu`, `cuda` (the first one) or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by number. Needs the CUDA libraries beside libtorch; not covered by tests.
    Cuda(usize),
}

impl Device {
    /// libtorch's word for it, once it is known to be there.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if it is not.
    pub(crate) fn open(self) -> Result<tch::Device, Error> {
        match self {
            Self::Cpu => Ok(tch::Device::Cpu),
            Self::Cuda(index) if (index as i64) < tch::Cuda::device_count() => Ok(tch::Device::Cuda(index)),
            Self::Cuda(_) => Err(Error::NoDevice { device: self }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownDevice { text: text.to_owned() };
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", index)) => index.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_round_trip() {
        for text in ["cpu", "cuda:0", "cuda:3"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for text in ["", "gpu", "cuda:", "cuda:x", "cpu:0"] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }
}
