//! A model directory as one thing: opened, checked as a whole, named by its content.

use std::path::{Path, PathBuf};

use crate::vocabulary;
use crate::{
    CARD_FILE, CONFIG_FILE, Card, Config, Error, Padding, SpannedRow, TOKENIZER_FILE, Tokenizer, WeightFile,
};

/// A model directory whose files are all there and agree with each other.
#[derive(Debug)]
pub struct ModelDir {
    path: PathBuf,
    name: String,
    config: Config,
    card: Card,
    weights: WeightFile,
    tokenizer: Tokenizer,
    files: Vec<String>,
    digest: String,
    warnings: Vec<String>,
}

impl ModelDir {
    /// Opens a model directory and checks everything that can be checked without computing.
    ///
    /// # Errors
    /// Any [`Error`]; each names the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let config = Config::read(&path.join(CONFIG_FILE))?;
        let card = Card::read(&path.join(CARD_FILE))?;
        let tokenizer = Tokenizer::open(&path.join(TOKENIZER_FILE))?;
        let warnings = vocabulary::check(path, &config, &card, &tokenizer)?;
        let weights = WeightFile::open_dir(path, &config)?;
        let files = file_names(path, &weights);
        let digest = digest(path, &files, &weights)?;
        let name = card.name.clone().unwrap_or_else(|| folder_name(path));
        Ok(Self { path: path.to_owned(), name, config, card, weights, tokenizer, files, digest, warnings })
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The card's name, or else the directory's: ASCII letters, digits, `-`, `_` and `.` only.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the architecture does not say.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Whether the weights mean anything.
    pub fn trained(&self) -> bool {
        self.card.trained
    }

    /// How rows are padded.
    pub fn padding(&self) -> Padding {
        self.card.padding
    }

    /// The weights.
    pub fn weights(&self) -> &WeightFile {
        &self.weights
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Names, relative to [`path`](Self::path), of the files that define the model, sorted. Weights in a form that does
    /// not count are not among them; all shards of the one that does are.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// BLAKE3 over name, length and bytes of each of [`files`](Self::files), in hexadecimal. Two
    /// directories with the same digest are the same model.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is odd but not wrong, one sentence each, for the caller to log.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The rows that a text becomes: one if it fits the model, else windows that overlap by an
    /// eighth of the model's length. Nothing is cut off.
    ///
    /// # Errors
    /// [`Error::Tokenise`] if the tokenizer gives up on this text.
    pub fn rows(&self, text: &str) -> Result<Vec<Vec<u32>>, Error> {
        let l_max = self.config.l_max();
        self.tokenizer.encode_windows(text, l_max, l_max / 8)
    }

    /// [`rows`](Self::rows) of a file, with the bytes that each token stands for.
    ///
    /// # Errors
    /// [`Error::Tokenise`] if the tokenizer gives up on this file.
    pub fn spanned_rows(&self, source: &[u8]) -> Result<Vec<SpannedRow>, Error> {
        let l_max = self.config.l_max();
        self.tokenizer.spanned_windows(source, l_max, l_max / 8)
    }
}

/// Names of the files that define the model, sorted; of the weights only the form that counts.
pub(crate) fn file_names(path: &Path, weights: &WeightFile) -> Vec<String> {
    let fixed = [CONFIG_FILE, CARD_FILE, TOKENIZER_FILE].into_iter().filter(|file| path.join(file).exists());
    let mut files: Vec<String> = fixed.map(str::to_owned).collect();
    files.push(weights.file_name());
    files.extend(weights.mapped_files().map(|(name, _)| name.to_owned()));
    files.sort_unstable();
    files.dedup();
    files
}

/// See [`ModelDir::digest`].
pub(crate) fn digest(path: &Path, files: &[String], weights: &WeightFile) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |name: &str, bytes: &[u8]| {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    for file in files {
        if let Some((_, bytes)) = weights.mapped_files().find(|(name, _)| name == file) {
            add(file, bytes);
        } else {
            let path = path.join(file);
            let bytes = std::fs::read(&path).map_err(|source| Error::Io { path, source })?;
            add(file, &bytes);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The directory's own name, made fit for an object key.
pub(crate) fn folder_name(path: &Path) -> String {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = resolved.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.trim_start_matches('.').chars().map(plain).take(100).collect();
    if name.is_empty() { "model".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
