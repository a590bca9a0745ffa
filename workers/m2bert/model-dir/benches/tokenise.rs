//! Bytes per second of a tokenizer. `cargo bench -p model-dir --bench tokenise`.
//!
//! By default a tiny model's tokenizer on the code that it was trained on, the favourable case. For
//! others, `MODEL_DIR_BENCH_TOKENIZER` names a `tokenizer.json` and `MODEL_DIR_BENCH_FILES` a list of
//! files, one per line; those that are not UTF-8 are left out.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use model_dir::init::{Size, default_corpus, untrained};
use model_dir::{TOKENIZER_FILE, Tokenizer};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

fn main() {
    divan::main();
}

static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| match std::env::var("MODEL_DIR_BENCH_FILES") {
    Ok(list) => {
        let list = std::fs::read_to_string(list).expect("a list of files");
        list.lines().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
    }
    Err(_) => default_corpus(),
});

/// Calls `open` with the path of the `tokenizer.json`.
fn with_tokenizer<T>(open: impl FnOnce(&Path) -> T) -> T {
    if let Ok(path) = std::env::var("MODEL_DIR_BENCH_TOKENIZER") {
        return open(&PathBuf::from(path));
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("tiny");
    let files = untrained(Size::Tiny, 1, &default_corpus()).expect("a tiny model");
    files.write(&path).expect("room for it");
    open(&path.join(TOKENIZER_FILE))
}

fn tokenizer() -> Tokenizer {
    with_tokenizer(|path| Tokenizer::open(path).expect("a tokenizer"))
}

fn n_bytes() -> BytesCount {
    BytesCount::new(TEXTS.iter().map(String::len).sum::<usize>())
}

/// From the stored tokenizer to one that can count.
#[divan::bench(max_time = 5)]
fn open(bencher: Bencher<'_, '_>) {
    with_tokenizer(|path| bencher.bench_local(|| Tokenizer::open(path).expect("a tokenizer")));
}

#[divan::bench(max_time = 5)]
fn count(bencher: Bencher<'_, '_>) {
    let tokenizer = tokenizer();
    let all = || TEXTS.iter().map(|text| tokenizer.count(text).expect("plain code")).sum::<usize>();
    bencher.counter(n_bytes()).bench_local(all);
}

/// As a worker does it: the files of a batch on all cores.
#[divan::bench(max_time = 5)]
fn count_on_all_cores(bencher: Bencher<'_, '_>) {
    let tokenizer = tokenizer();
    let all = || TEXTS.par_iter().map(|text| tokenizer.count(text).expect("plain code")).sum::<usize>();
    bencher.counter(n_bytes()).bench_local(all);
}

#[divan::bench(max_time = 5)]
fn encode(bencher: Bencher<'_, '_>) {
    let tokenizer = tokenizer();
    let all = || TEXTS.iter().map(|text| tokenizer.encode(text).expect("plain code").len()).sum::<usize>();
    bencher.counter(n_bytes()).bench_local(all);
}

#[divan::bench(max_time = 5)]
fn encode_spanned(bencher: Bencher<'_, '_>) {
    let tokenizer = tokenizer();
    let one = |text: &String| tokenizer.encode_spanned(text.as_bytes()).expect("plain code").ids().len();
    bencher.counter(n_bytes()).bench_local(|| TEXTS.iter().map(one).sum::<usize>());
}

/// What the `tokenizers` crate takes for [`encode`].
#[divan::bench(max_time = 5)]
fn library(bencher: Bencher<'_, '_>) {
    let library = with_tokenizer(|path| tokenizers::Tokenizer::from_file(path).expect("a tokenizer"));
    let one = |text: &String| library.encode_fast(text.as_str(), true).expect("plain code").len();
    bencher.counter(n_bytes()).bench_local(|| TEXTS.iter().map(one).sum::<usize>());
}
