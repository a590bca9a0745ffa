//! A directory that is whole, and every way of breaking it.

use std::fs;

use super::*;
use crate::init::{Size, untrained};

/// A complete directory; small, so that each test can have its own.
fn model() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    untrained(Size::Micro, 1, &["let x = 1;\n".to_owned()]).unwrap().write(&dir.path().join("m")).unwrap();
    dir
}

fn open(dir: &tempfile::TempDir) -> Result<ModelDir, Error> {
    ModelDir::open(&dir.path().join("m"))
}

fn edit_json(dir: &tempfile::TempDir, file: &str, field: &str, value: serde_json::Value) {
    let path = dir.path().join("m").join(file);
    let mut object: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    object[field] = value;
    fs::write(path, object.to_string()).unwrap();
}

#[test]
fn a_whole_directory_opens() {
    let dir = model();
    let model = open(&dir).unwrap();
    assert_eq!(model.name(), "micro-1");
    assert_eq!(model.files(), [CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, TOKENIZER_FILE]);
    assert!(!model.trained());
    assert_eq!(model.padding(), Padding::None);
    assert!(model.warnings().is_empty(), "{:?}", model.warnings());
    assert_eq!(model.digest().len(), 64);
}

#[test]
fn the_digest_follows_content_and_nothing_else() {
    let (first, second) = (model(), model());
    let digest = open(&first).unwrap().digest().to_owned();
    fs::write(second.path().join("m/notes.txt"), "not part of the model").unwrap();
    assert_eq!(open(&second).unwrap().digest(), digest);
    edit_json(&second, CARD_FILE, "padding", "max_length".into());
    assert_ne!(open(&second).unwrap().digest(), digest);
}

#[test]
fn a_missing_file_is_named() {
    for file in [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE] {
        let dir = model();
        fs::remove_file(dir.path().join("m").join(file)).unwrap();
        let error = open(&dir).unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn without_a_card_a_directory_is_a_published_model() {
    let dir = model();
    fs::remove_file(dir.path().join("m").join(CARD_FILE)).unwrap();
    let model = open(&dir).unwrap();
    assert_eq!((model.name(), model.padding(), model.trained()), ("m", Padding::MaxLength, true));
}

#[test]
fn a_tokenizer_of_another_model_is_refused_with_both_numbers() {
    let dir = model();
    edit_json(&dir, CONFIG_FILE, "vocab_size", 200.into());
    let message = open(&dir).unwrap_err().to_string();
    for part in ["tokenizer.json", "config.json", "vocab_size 200"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_shape_that_differs_from_the_config_is_refused() {
    let dir = model();
    edit_json(&dir, CONFIG_FILE, "hyena_filter_order", 5.into());
    let message = open(&dir).unwrap_err().to_string();
    assert!(message.contains("model.safetensors"), "{message}");
    assert!(message.contains("filter_fn2.implicit_filter_rev.6.weight has shape"), "{message}");
}

#[test]
fn a_long_text_becomes_several_rows() {
    let dir = model();
    let model = open(&dir).unwrap();
    let rows = model.rows(&"xyz ".repeat(100)).unwrap();
    assert!(rows.len() > 1);
    assert!(rows.iter().all(|row| row.len() <= model.config().l_max()));
}

#[test]
fn threads_may_share_a_model_directory() {
    fn shared<T: Send + Sync>() {}
    shared::<ModelDir>();
}
