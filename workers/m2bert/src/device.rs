//! Where a model computes.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A device: `auto`, `cpu`, `cuda` (the first one), `cuda:N` or `mps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The first GPU that libtorch finds, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by number. Needs the CUDA libraries beside libtorch; not covered by tests.
    Cuda(usize),
    /// The GPU of an Apple processor; not covered by tests.
    Mps,
}

impl Device {
    /// libtorch's word for it, once it is known to be there.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if it is not.
    pub fn open(self) -> Result<tch::Device, Error> {
        match self {
            Self::Auto if tch::Cuda::device_count() > 0 => Ok(tch::Device::Cuda(0)),
            Self::Auto if tch::utils::has_mps() => Ok(tch::Device::Mps),
            Self::Auto | Self::Cpu => Ok(tch::Device::Cpu),
            Self::Mps if tch::utils::has_mps() => Ok(tch::Device::Mps),
            Self::Cuda(index) if (index as i64) < tch::Cuda::device_count() => Ok(tch::Device::Cuda(index)),
            Self::Cuda(_) | Self::Mps => Err(Error::NoDevice { device: self }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Mps => f.write_str("mps"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownDevice { text: text.to_owned() };
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "mps" => Ok(Self::Mps),
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
        for text in ["auto", "cpu", "cuda:0", "cuda:3", "mps"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for text in ["", "gpu", "cuda:", "cuda:x", "cpu:0"] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }
}
