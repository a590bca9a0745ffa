//! Reading tensors of a weights file by path, onto a device.

use model_dir::WeightFile;
use tch::{Device, Tensor};

use crate::Error;

/// A place in the tree of names of a weights file.
#[derive(Debug, Clone)]
pub(crate) struct Weights<'a> {
    file: &'a WeightFile,
    device: Device,
    prefix: String,
}

impl<'a> Weights<'a> {
    /// The root of the tree.
    pub(crate) fn new(file: &'a WeightFile, device: Device) -> Self {
        Self { file, device, prefix: String::new() }
    }

    /// The place `part` below this one.
    pub(crate) fn at(&self, part: &str) -> Self {
        Self { prefix: format!("{}{part}.", self.prefix), ..self.clone() }
    }

    /// The tensor `name` at this place, f32, in its stored shape.
    ///
    /// # Errors
    /// [`Error::Model`] if there is none, [`Error::OutOfMemory`] if the device is full.
    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor, Error> {
        let (shape, values) = self.file.f32(&format!("{}{name}", self.prefix))?;
        let shape: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
        Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?.f_to(self.device)?)
    }
}
