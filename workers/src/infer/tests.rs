use model_dir::init::{Size, untrained};
use model_dir::remote::ServeOptions;
use model_dir::{Encode, Encodings, TokenBatch};
use schemas::result::ScannedFile;
use schemas::{Digest, FixLevel, Language, ModelRef};
use tensor_store::{Key, Store};

use super::*;

/// Says of each row its length, padded to the longest; has memory for rows of up to 40 tokens.
struct Lengths;

impl Encode for Lengths {
    fn hidden_size(&self) -> usize {
        1
    }

    fn max_tokens(&self) -> usize {
        64
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
        if batch.max_len() > 40 {
            return Err(EncodeError::OutOfMemory("of a fake".to_owned()));
        }
        let sentence: Vec<f32> = batch.rows().iter().map(|row| row.len() as f32).collect();
        let (n_rows, mean) = (batch.n_rows(), sentence.clone());
        let n_computed = n_rows * batch.max_len();
        Ok(Encodings { hidden_size: 1, n_rows, n_computed, sentence, mean, ..Encodings::default() })
    }
}

fn file(oid: &str, text: &[u8]) -> SourceFile {
    let (path, oid) = (format!("{oid}.py").as_str().into(), oid.to_owned());
    SourceFile {
        path,
        oid,
        language: Language::Python,
        facts: settings::Facts::default(),
        bytes: text.to_vec(),
    }
}

/// A worker's models over a store that holds a model of up to 64 tokens, and a recipe that wants it.
async fn with_model(dir: &std::path::Path) -> (Models, Recipe) {
    let store = Store::open("memory://").unwrap();
    untrained(Size::Micro, 1, &["x = 1\ny = 2\n".repeat(20)]).unwrap().write(&dir.join("model")).unwrap();
    let model = ModelDir::open(&dir.join("model")).unwrap();
    let digest: Digest = model.digest().parse().unwrap();
    for name in model.files() {
        let bytes = std::fs::read(dir.join("model").join(name)).unwrap();
        store.put(&Key::model_file(digest, name), bytes.into()).await.unwrap();
    }
    let models =
        Models::with_loader(store, dir.join("models"), ServeOptions::default(), |_, _| Ok(Box::new(Lengths)));
    let model = ModelRef { name: "micro".to_owned(), digest, trained: false };
    let engine = fixes::Engine::new(["E711"], fixes::FixLevel::None).unwrap();
    (models, Recipe { engine, fix: FixLevel::None, model: Some(model) })
}

#[tokio::test]
async fn a_file_that_the_model_cannot_read_fails_and_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (models, recipe) = with_model(dir.path()).await;
    // The second is one row of more than 40 tokens, the third has windows of more, the last is the second again.
    let long: String = (0..25).map(|n| format!("{}", char::from(b'a' + n))).collect::<Vec<_>>().join("\n");
    let files: Arc<[SourceFile]> = Arc::new([
        file("short", b"x = 1\n"),
        file("long", long.as_bytes()),
        file("windows", long.repeat(4).as_bytes()),
        file("empty", b""),
        file("odd", b"x = \xff\n"),
        file("long", long.as_bytes()),
    ]);
    let mut results: Vec<FileResult> =
        files.iter().map(|_| FileResult::Scanned(ScannedFile::default())).collect();
    let encoded = super::files(&models, &recipe, &files, &mut results).await.unwrap();

    let failed: Vec<bool> =
        results.iter().map(|result| matches!(result, FileResult::Failed { .. })).collect();
    assert_eq!(failed, [false, true, true, false, false, true]);
    let FileResult::Failed { reason } = &results[2] else { unreachable!() };
    assert!(reason.starts_with("out of memory: the model cannot read "), "{reason}");
    assert_eq!(encoded.files.keys().collect::<Vec<_>>(), ["odd", "short"]);
    let FileResult::Scanned(ScannedFile { tokens: Some(tokens), .. }) = &results[0] else { unreachable!() };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let n_tokens = tokens.n_tokens as f32;
    assert_eq!((encoded.files["short"].sentence.as_slice(), tokens.n_windows), ([n_tokens].as_slice(), 1));
    // Of the two that were read.
    assert!(
        0 < encoded.n_tokens && encoded.n_tokens <= encoded.n_padded_tokens && encoded.n_padded_tokens < 64
    );
}
