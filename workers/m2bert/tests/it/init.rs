//! A freshly made model: it loads, it encodes, and its activations are calm.

use std::process::{Command, Output};

use m2bert::{Encoder, Options};
use model_dir::init::{Size, default_corpus, untrained};
use model_dir::{Encode, ModelDir, TokenBatch};

fn m2bert(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_m2bert")).args(args).output().unwrap()
}

#[test]
fn a_tiny_model_encodes_texts_of_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tiny");
    untrained(Size::Tiny, 1, &default_corpus()).unwrap().write(&path).unwrap();
    let model = ModelDir::open(&path).unwrap();
    let mut encoder = Encoder::load(&model, &Options::default()).unwrap();
    let mut rows = model.rows("def f(x):\n    return x == None\n").unwrap();
    rows.extend(model.rows("").unwrap());
    rows.extend(model.rows(&"let a = 1;\n".repeat(300)).unwrap());
    let encodings = encoder.encode(&TokenBatch::new(rows)).unwrap();
    for row in 0..encodings.n_rows {
        let sentence = encodings.sentence_of(row);
        assert!(sentence.iter().all(|value| value.is_finite()));
        let n_saturated = sentence.iter().filter(|value| value.abs() > 0.99).count();
        assert!(n_saturated < sentence.len() / 2, "{n_saturated} of {} saturate", sentence.len());
        assert!(encodings.mean_of(row).iter().all(|value| value.abs() < 10.0));
    }
    let first = encodings.sentence_of(0);
    assert!(first.iter().zip(encodings.sentence_of(2)).any(|(a, b)| (a - b).abs() > 0.01));
}

#[test]
fn init_is_idempotent_and_info_describes_the_result() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("model").to_string_lossy().into_owned();
    let args = ["init", "--size", "micro", "--seed", "7", "--out", &out];
    let first = m2bert(&args);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let second = m2bert(&args);
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(first.stdout, second.stdout, "both print the digest");
    let info = m2bert(&["info", &out]);
    assert_eq!(info.status.code(), Some(0));
    let text = String::from_utf8(info.stdout).unwrap();
    let digest = String::from_utf8(first.stdout).unwrap();
    assert!(text.contains(digest.trim()), "{text}");
    for part in ["micro-7", "trained", "hidden size", "F32"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
}

#[test]
fn init_refuses_a_directory_that_holds_something_else() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "words").unwrap();
    let out = dir.path().to_string_lossy();
    let output = m2bert(&["init", "--size", "micro", "--seed", "1", "--out", &out]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("thesis.txt"));
}

#[test]
fn wrong_usage_and_broken_models_have_their_own_exit_codes() {
    assert_eq!(m2bert(&["init", "--size", "enormous"]).status.code(), Some(2));
    let dir = tempfile::tempdir().unwrap();
    let output = m2bert(&["info", &dir.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("config.json"));
}
