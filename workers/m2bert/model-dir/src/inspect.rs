//! A look at a model directory that may be broken: everything that is wrong with it at once.

use std::path::Path;

use crate::dir::{digest, file_names, folder_name};
use crate::{
    CARD_FILE, CONFIG_FILE, Card, Config, Error, TOKENIZER_FILE, Tokenizer, WeightFile, WeightReport,
    vocabulary,
};

/// What is in a model directory. [`ModelDir::open`](crate::ModelDir::open) succeeds if [`problems`](Self::problems) is
/// empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The card's name, or else the directory's.
    pub name: String,
    /// The shape of the network.
    pub config: Config,
    /// What the architecture does not say.
    pub card: Card,
    /// Names of the files that define the model, sorted.
    pub files: Vec<String>,
    /// The digest over those files.
    pub digest: String,
    /// The weights: how many, of which types, and how they differ from the config.
    pub weights: WeightReport,
    /// The largest id that the tokenizer can produce; `None` if it cannot be used at all.
    pub max_token_id: Option<u32>,
    /// Why the directory cannot be used, one sentence or clause each, the differences of the weights included.
    pub problems: Vec<String>,
    /// What is odd but not wrong, one sentence each.
    pub warnings: Vec<String>,
}

/// Looks at all of a model directory, whether or not its parts fit together.
///
/// # Errors
/// Only where there is nothing to compare: if the config, the card or the weights cannot be read.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let config = Config::read(&path.join(CONFIG_FILE))?;
    let card = Card::read(&path.join(CARD_FILE))?;
    let weights = WeightFile::survey_dir(path, &config)?;
    let files = file_names(path, &weights);
    let mut problems = weights.report().problems();
    let tokenizer = Tokenizer::open(&path.join(TOKENIZER_FILE));
    let max_token_id = tokenizer.as_ref().ok().map(Tokenizer::max_id);
    let checked = tokenizer.and_then(|tokenizer| vocabulary::check(path, &config, &card, &tokenizer));
    let warnings = checked.unwrap_or_else(|error| {
        problems.push(with_sources(&error));
        Vec::new()
    });
    Ok(Inspection {
        name: card.name.clone().unwrap_or_else(|| folder_name(path)),
        digest: digest(path, &files, &weights)?,
        weights: weights.report().clone(),
        config,
        card,
        files,
        max_token_id,
        problems,
        warnings,
    })
}

/// The message of an error and those of what caused it.
fn with_sources(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ModelDir;
    use crate::init::{Size, untrained};

    fn model() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        untrained(Size::Micro, 1, &["let x = 1;\n".to_owned()]).unwrap().write(dir.path()).unwrap();
        dir
    }

    #[test]
    fn a_whole_directory_has_no_problems() {
        let dir = model();
        let (seen, opened) = (inspect(dir.path()).unwrap(), ModelDir::open(dir.path()).unwrap());
        assert!(seen.problems.is_empty() && seen.weights.fits(), "{:?}", seen.problems);
        assert_eq!((seen.digest.as_str(), seen.files.as_slice()), (opened.digest(), opened.files()));
        assert_eq!(seen.max_token_id, Some(opened.tokenizer().max_id()));
        assert_eq!(seen.weights.n_parameters, opened.weights().n_parameters());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let dir = model();
        let path = dir.path().join(CONFIG_FILE);
        let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config["num_hidden_layers"] = 3.into();
        config["residual_long_conv"] = false.into();
        config["hyena_emb_dim"] = 3.into();
        fs::write(path, config.to_string()).unwrap();
        fs::write(dir.path().join(TOKENIZER_FILE), "{}").unwrap();
        let seen = inspect(dir.path()).unwrap();
        assert!(!seen.weights.fits());
        assert!(seen.weights.missing.contains(&"bert.encoder.layer.2.mlp.wo.bias".to_owned()));
        assert!(seen.weights.unexpected.iter().all(|name| name.contains(".filter_fn2.")));
        assert!(seen.weights.misshapen[0].contains("has shape"), "{:?}", seen.weights.misshapen);
        assert_eq!(seen.max_token_id, None);
        assert!(seen.problems.last().unwrap().contains("not a usable tokenizer"), "{:?}", seen.problems);
    }

    #[test]
    fn without_a_config_there_is_nothing_to_compare() {
        let dir = model();
        fs::remove_file(dir.path().join(CONFIG_FILE)).unwrap();
        assert!(matches!(inspect(dir.path()), Err(Error::Missing { .. })));
    }
}
