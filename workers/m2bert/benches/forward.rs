//! Tokens per second of the tiny model by batch shape, and bytes per second of its tokenizer. `cargo bench -p m2bert --bench forward`;
//! `M2BERT_BENCH_THREADS` sets libtorch's threads (default 1).

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use m2bert::{Encoder, Options, runtime};
use model_dir::init::{Size, default_corpus, untrained};
use model_dir::{Encode, ModelDir, TokenBatch};

fn main() {
    runtime::prepare();
    divan::main();
}

/// A tiny model. Its folder is gone afterwards, but its files stay mapped.
fn tiny() -> ModelDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("tiny");
    let files = untrained(Size::Tiny, 1, &default_corpus()).expect("a tiny model");
    files.write(&path).expect("room for it");
    ModelDir::open(&path).expect("what was just made is whole")
}

fn load(model: &ModelDir) -> Encoder {
    let n_threads = std::env::var("M2BERT_BENCH_THREADS").ok().and_then(|text| text.parse().ok());
    Encoder::load(model, &Options { n_threads: n_threads.unwrap_or(1), ..Options::default() })
        .expect("a tiny model fits")
}

/// B rows of T tokens each.
#[divan::bench(args = [(8, 128), (32, 128), (4, 512), (1, 2048), (1, 8192)], max_time = 5)]
fn forward(bencher: Bencher<'_, '_>, (n_rows, length): (usize, usize)) {
    let mut encoder = load(&tiny());
    let row = |index: usize| (0..length).map(|t| ((t * 31 + index * 7) % 256 + 5) as u32).collect();
    let batch = TokenBatch::new((0..n_rows).map(row).collect());
    encoder.encode(&batch).expect("a good batch");
    bencher
        .counter(ItemsCount::new(batch.n_tokens()))
        .bench_local(|| encoder.encode(&batch).expect("a good batch"));
}

/// From the files of a model to one that can encode.
#[divan::bench(max_time = 5)]
fn load_tiny(bencher: Bencher<'_, '_>) {
    let model = tiny();
    bencher.bench_local(|| load(&model));
}

/// Code that the tokenizer was trained on: the favourable case.
#[divan::bench(max_time = 5)]
fn tokenise(bencher: Bencher<'_, '_>) {
    let model = tiny();
    let text = default_corpus().concat();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| model.tokenizer().count(&text).expect("plain code"));
}
