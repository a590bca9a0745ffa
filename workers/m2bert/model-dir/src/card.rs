//! `nightmend.json`: what the architecture does not say about a model. Absent in published models.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// What stands behind the real tokens of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: the model is a function of the real tokens only, whatever the batch.
    None,
    /// Every row is padded to the full length of the model, and the pads take part like any token.
    ///
    /// This reproduces the published retrieval models. It costs a full-length forward pass for the
    /// smallest file.
    MaxLength,
}

/// The card of a model directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// A name for people and for object keys; the directory's own name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the weights mean anything. Reports show no scores of an untrained model.
    pub trained: bool,
    /// How rows are padded.
    pub padding: Padding,
    /// The seed of an untrained model's weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// A sentence for people: where the model comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Card {
    /// The card of a directory without one: a published, trained, fully padded model.
    pub fn published() -> Self {
        Self { name: None, trained: true, padding: Padding::MaxLength, seed: None, description: None }
    }

    /// Reads the card at `path`; an absent file is [`Card::published`].
    ///
    /// # Errors
    /// [`Error::Json`] if it is not a card, [`Error::Field`] if its name cannot stand in an object
    /// key, [`Error::Io`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::published()),
            Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
        };
        let card: Self =
            serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })?;
        match &card.name {
            Some(name) if !is_plain_name(name) => Err(bad_name(path.to_owned(), name)),
            _ => Ok(card),
        }
    }
}

/// Whether `name` may be a segment of an object key as it is, or the name of a file in a directory.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(plain)
}

fn bad_name(path: PathBuf, name: &str) -> Error {
    Error::Field {
        path,
        field: "name",
        value: format!("{name:?}"),
        expected: "only up to 100 ASCII letters, digits, `-`, `_` and `.` (not first) are allowed".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Card, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nightmend.json");
        std::fs::write(&path, text).unwrap();
        Card::read(&path)
    }

    #[test]
    fn an_absent_card_means_a_published_model() {
        let card = Card::read(Path::new("/nonexistent/nightmend.json")).unwrap();
        assert_eq!(card.padding, Padding::MaxLength);
        assert!(card.trained);
    }

    #[test]
    fn padding_and_training_are_read() {
        let card = read(r#"{"trained": false, "padding": "none", "seed": 7}"#).unwrap();
        assert_eq!((card.trained, card.padding, card.seed), (false, Padding::None, Some(7)));
    }

    #[test]
    fn unknown_fields_and_modes_are_refused() {
        assert!(matches!(read(r#"{"trained": true, "padding": "left"}"#), Err(Error::Json { .. })));
        assert!(matches!(read(r#"{"trained": true, "padding": "none", "pad": 1}"#), Err(Error::Json { .. })));
        assert!(matches!(read(r#"{"padding": "none"}"#), Err(Error::Json { .. })));
    }

    #[test]
    fn a_name_that_is_no_key_segment_is_refused() {
        let error = read(r#"{"name": "../x", "trained": true, "padding": "none"}"#).unwrap_err();
        assert!(error.to_string().contains("`name` is \"../x\""), "{error}");
    }
}
