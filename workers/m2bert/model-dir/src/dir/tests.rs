//! A directory that is whole, and every way of breaking it.

use std::fs;

use super::*;
use crate::init::{Size, untrained};
use crate::{TORCH_WEIGHTS_FILE, WEIGHTS_FILE, WEIGHTS_INDEX_FILE};

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

/// The digest of a directory does not depend on the version of this program: objects are stored under it.
#[test]
fn the_digest_of_fixed_files_is_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens/retrieval"));
    for file in [CONFIG_FILE, WEIGHTS_FILE] {
        fs::copy(golden.join(file), dir.path().join(file)).unwrap();
    }
    fs::write(dir.path().join(TOKENIZER_FILE), TOKENIZER).unwrap();
    let model = ModelDir::open(dir.path()).unwrap();
    assert_eq!(model.digest(), "2af6b03dcf0794c2efa14f7551972fd2cbd6018266627ba15efc5c77c60ff863");
}

/// A tokenizer of three words.
const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"}}"#;

/// The retrieval golden with its weights in the form of `torch.save`, or in shards.
fn golden(torch: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens/retrieval"));
    let copy = |from: &str, to: &str| fs::copy(golden.join(from), dir.path().join(to)).unwrap();
    copy(CONFIG_FILE, CONFIG_FILE);
    fs::write(dir.path().join(TOKENIZER_FILE), TOKENIZER).unwrap();
    if torch {
        copy(TORCH_WEIGHTS_FILE, TORCH_WEIGHTS_FILE);
        return dir;
    }
    copy(WEIGHTS_FILE, "model-00001-of-00001.safetensors");
    let index = r#"{"weight_map": {"bert.pooler.dense.bias": "model-00001-of-00001.safetensors"}}"#;
    fs::write(dir.path().join(WEIGHTS_INDEX_FILE), index).unwrap();
    dir
}

#[test]
fn all_files_of_the_form_that_counts_define_the_model_and_no_others() {
    let dir = golden(true);
    let model = ModelDir::open(dir.path()).unwrap();
    assert_eq!(model.files(), [CONFIG_FILE, TORCH_WEIGHTS_FILE, TOKENIZER_FILE]);

    let dir = golden(false);
    let shard = "model-00001-of-00001.safetensors";
    let before = ModelDir::open(dir.path()).unwrap();
    assert_eq!(before.files(), [CONFIG_FILE, shard, WEIGHTS_INDEX_FILE, TOKENIZER_FILE]);
    fs::write(dir.path().join(TORCH_WEIGHTS_FILE), "not looked at").unwrap();
    assert_eq!(ModelDir::open(dir.path()).unwrap().digest(), before.digest());
    for file in before.files() {
        let path = dir.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        match file.as_str() {
            // The last element of the last tensor.
            name if name == shard => *bytes.last_mut().unwrap() ^= 1,
            _ => bytes.push(b' '),
        }
        let whole = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        assert_ne!(ModelDir::open(dir.path()).unwrap().digest(), before.digest(), "{file}");
        fs::write(&path, whole).unwrap();
    }
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
