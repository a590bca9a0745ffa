//! A model directory as one thing: opened, checked as a whole, named by its content.

use std::path::{Path, PathBuf};

use crate::{
    CARD_FILE, CONFIG_FILE, Card, Config, Error, Padding, SpannedRow, TOKENIZER_FILE, Tokenizer,
    WEIGHTS_FILE, WeightFile,
};

/// More unused embedding rows than this are not rounding up: the tokenizer may be another model's.
const USUAL_SPARE_ROWS: usize = 128;

/// A model directory whose files are all there and agree with each other.
#[derive(Debug)]
pub struct ModelDir {
    path: PathBuf,
    name: String,
    config: Config,
    card: Card,
    weights: WeightFile,
    tokenizer: Tokenizer,
    files: Vec<&'static str>,
    digest: String,
    warnings: Vec<String>,
}

impl ModelDir {
    /// Opens a model directory and checks everything that can be checked without computing.
    ///
    /// # Errors
    /// Any [`Error`]; each names the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        for file in [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE] {
            if !path.join(file).is_file() {
                return Err(Error::Missing { path: path.join(file) });
            }
        }
        let config = Config::read(&path.join(CONFIG_FILE))?;
        let card = Card::read(&path.join(CARD_FILE))?;
        let tokenizer = Tokenizer::open(&path.join(TOKENIZER_FILE))?;
        let warnings = check_vocabulary(path, &config, &tokenizer)?;
        let weights = WeightFile::open(&path.join(WEIGHTS_FILE), &config)?;
        let mut files = vec![CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, TOKENIZER_FILE];
        files.retain(|file| path.join(file).exists());
        files.sort_unstable();
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

    /// Names, relative to [`path`](Self::path), of the files that define the model, sorted.
    pub fn files(&self) -> &[&'static str] {
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

/// Every id of the tokenizer must have an embedding, and a row must have room for the text.
fn check_vocabulary(path: &Path, config: &Config, tokenizer: &Tokenizer) -> Result<Vec<String>, Error> {
    let (max_id, vocab_size, l_max) = (tokenizer.max_id(), config.vocab_size, config.l_max());
    if max_id as usize >= vocab_size {
        return Err(Error::Vocabulary {
            tokenizer: path.join(TOKENIZER_FILE),
            max_id,
            config: path.join(CONFIG_FILE),
            vocab_size,
        });
    }
    let n_special = tokenizer.n_special();
    if l_max <= n_special + l_max / 8 {
        let reason = format!("its {n_special} special tokens leave no room for a text in {l_max} tokens");
        return Err(Error::Tokenizer { path: path.join(TOKENIZER_FILE), reason });
    }
    let n_spare = vocab_size - 1 - max_id as usize;
    let odd = n_spare > USUAL_SPARE_ROWS;
    Ok(odd
        .then(|| {
            format!(
                "`{}` uses {} of the {vocab_size} rows of the embedding table: it may belong to another model",
                path.join(TOKENIZER_FILE).display(),
                max_id as usize + 1,
            )
        })
        .into_iter()
        .collect())
}

fn digest(path: &Path, files: &[&str], weights: &WeightFile) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |name: &str, bytes: &[u8]| {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    for file in files {
        if *file == WEIGHTS_FILE {
            add(file, weights.bytes());
        } else {
            let path = path.join(file);
            let bytes = std::fs::read(&path).map_err(|source| Error::Io { path, source })?;
            add(file, &bytes);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The directory's own name, made fit for an object key.
fn folder_name(path: &Path) -> String {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = resolved.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.trim_start_matches('.').chars().map(plain).take(100).collect();
    if name.is_empty() { "model".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
