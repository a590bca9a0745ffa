use model_dir::init::{Size, untrained};
use model_dir::remote::ServeOptions;
use model_dir::{Encode, Encodings, TokenBatch};
use schemas::job::ModelDtype;
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

fn file(text: &[u8]) -> SourceFile {
    SourceFile { language: Language::Python, facts: settings::Facts::default(), bytes: text.to_vec() }
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
    let model = ModelRef { name: "micro".to_owned(), digest, trained: false, dtype: ModelDtype::default() };
    let engine = Arc::new(fixes::Engine::new(["E711"], fixes::FixLevel::None).unwrap());
    (models, Recipe { engine, part: None, fix: FixLevel::None, model: Some(model) })
}

#[tokio::test]
async fn a_file_that_the_model_cannot_read_fails_and_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (models, recipe) = with_model(dir.path()).await;
    // The second is one row of more than 40 tokens, the third has windows of more, the last is the second again.
    let long: String = (0..25).map(|n| format!("{}", char::from(b'a' + n))).collect::<Vec<_>>().join("\n");
    let files: Arc<[SourceFile]> = Arc::new([
        file(b"x = 1\n"),
        file(long.as_bytes()),
        file(long.repeat(4).as_bytes()),
        file(b""),
        file(b"x = \xff\n"),
        file(long.as_bytes()),
        file(b"x = 1\n"),
    ]);
    let mut rows = rows_of(&files);
    let encoded = super::files(&models, &recipe, &files, Vec::new(), &mut rows).await.unwrap();
    let pack = Digest::of(b"pack");
    encoded.note(&mut rows, Some(pack));

    let failed: Vec<bool> = rows.iter().map(|row| matches!(row.result, FileResult::Failed { .. })).collect();
    assert_eq!(failed, [false, true, true, false, false, true, false]);
    let FileResult::Failed { reason } = &rows[2].result else { unreachable!() };
    assert!(reason.starts_with("out of memory: the model cannot read "), "{reason}");
    // Twice the short one, and the odd one.
    assert_eq!(encoded.chunks.len(), 2);
    let tokens = tokens_of(&rows[0]);
    assert_eq!(tokens, tokens_of(&rows[6]));
    let [ChunkRef { chunk, pack: named }] = tokens.windows.as_slice() else { panic!("{tokens:?}") };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let n_tokens = tokens.n_tokens as f32;
    assert_eq!((encoded.chunks[chunk].sentence.as_slice(), *named), ([n_tokens].as_slice(), pack));
    assert_eq!(tokens_of(&rows[3]), FileTokens { n_tokens: 0, windows: Vec::new() });
    // Of the two that were read.
    assert!(
        0 < encoded.n_tokens && encoded.n_tokens <= encoded.n_padded_tokens && encoded.n_padded_tokens < 64
    );
}

#[tokio::test]
async fn a_window_with_vectors_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (models, recipe) = with_model(dir.path()).await;
    let files: Arc<[SourceFile]> = Arc::new([file(b"x = 1\n"), file(b"y = 22\n")]);
    let mut rows = rows_of(&files);
    let all = super::files(&models, &recipe, &files, Vec::new(), &mut rows).await.unwrap();
    all.note(&mut rows, Some(Digest::of(b"first")));
    let known = tokens_of(&rows[0]).windows;
    let mut again = rows_of(&files);
    let rest = super::files(&models, &recipe, &files, known.clone(), &mut again).await.unwrap();
    rest.note(&mut again, Some(Digest::of(b"second")));
    assert_eq!((all.chunks.len(), rest.chunks.len()), (2, 1));
    assert_eq!(tokens_of(&again[0]).windows, known);
    assert_eq!(tokens_of(&again[1]).windows[0].pack, Digest::of(b"second"));
}

fn rows_of(files: &[SourceFile]) -> Vec<FileRow> {
    let scanned = |_: &SourceFile| FileRow {
        inputs: Digest::of(b""),
        result: FileResult::Scanned(ScannedFile::default()),
    };
    files.iter().map(scanned).collect()
}

fn tokens_of(row: &FileRow) -> FileTokens {
    let FileResult::Scanned(ScannedFile { tokens: Some(tokens), .. }) = &row.result else {
        panic!("{row:?}")
    };
    tokens.clone()
}
