//! One layer: the mixer along the sequence, then the MLP along the width.
//!
//! There is no residual and no norm around the mixer: its second convolution is its residual.

use model_dir::Config;

use super::mixer::Mixer;
use super::mlp::Mlp;
use crate::Error;
use crate::net::Settings;
use crate::net::weights::Weights;

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) mixer: Mixer,
    pub(super) mlp: Mlp,
}

impl Layer {
    pub(super) fn load(weights: &Weights<'_>, config: &Config, settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            mixer: Mixer::load(&weights.at("attention"), config, settings)?,
            mlp: Mlp::load(&weights.at("mlp"), config, settings.dtype)?,
        })
    }
}
