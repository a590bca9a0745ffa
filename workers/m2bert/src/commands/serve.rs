//! `m2bert serve`: a model for the program that started this one.

use std::path::PathBuf;

use clap::Args;
use m2bert::{Encoder, Error};
use model_dir::remote::{self, Reply};
use model_dir::{EncodeError, ModelDir};

use super::{DtypeArg, RunArgs};

/// `serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The model directory
    dir: PathBuf,
    /// The type of matrix products
    #[arg(long, value_enum, default_value = "f32")]
    dtype: DtypeArg,
    #[command(flatten)]
    run: RunArgs,
}

/// Loads the model, says so or why not, and answers until nobody asks any more.
pub(crate) fn run(args: &Serve) -> anyhow::Result<String> {
    let (mut requests, mut replies) = (std::io::stdin().lock(), std::io::stdout().lock());
    match load(args) {
        Ok(mut encoder) => remote::serve(&mut encoder, &mut requests, &mut replies)?,
        Err(error) => remote::write_frame(&mut replies, &Reply::Failed(error))?,
    }
    Ok(String::new())
}

fn load(args: &Serve) -> Result<Encoder, EncodeError> {
    let dir = ModelDir::open(&args.dir).map_err(Error::from)?;
    let encoder = Encoder::load(&dir, &args.run.options(args.dtype.into(), false))?;
    if encoder.has_pooler() {
        Ok(encoder)
    } else {
        Err(EncodeError::Unable("sentence embeddings: the checkpoint has no pooler".to_owned()))
    }
}
