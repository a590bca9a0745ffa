//! What putting and getting costs on the local disk: blobs of three sizes, and one sealed source pack of 400 KiB.
//!
//! Without fsync, so that the figures are the store's own. Run one with `-- sealed` and a fixed count to read CPU time.

use std::cell::Cell;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use schemas::sources::{SourceFile, SourcePack};
use schemas::{Digest, Language};
use tensor_store::{Key, OpenOptions, Store};
use tokio::runtime::Runtime;

const SIZES: [usize; 3] = [64 << 10, 1 << 20, 16 << 20];

fn main() {
    divan::main();
}

struct Fixture {
    runtime: Runtime,
    store: Store,
    n_made: Cell<u64>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the bench");
        let url = folder.path().to_str().expect("temporary folders have plain names");
        let store = Store::open_with(url, OpenOptions { fsync: false }).expect("the folder exists");
        let runtime = Runtime::new().expect("threads can be started");
        Self { runtime, store, n_made: Cell::new(0), _folder: folder }
    }

    /// A number that was not used before, so that each object is new.
    fn next(&self) -> u64 {
        self.n_made.set(self.n_made.get() + 1);
        self.n_made.get()
    }

    fn blob(&self, n_bytes: usize) -> Bytes {
        let mut bytes = vec![0x5a; n_bytes];
        bytes[..8].copy_from_slice(&self.next().to_le_bytes());
        bytes.into()
    }
}

/// 64 files of 6,400 bytes out of 500 words: compresses about as well as source text.
fn source_pack() -> SourcePack {
    let mut state = 1_u32;
    let mut word = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("w{} ", (state >> 16) % 500)
    };
    let file = |_: usize| {
        let mut text = String::new();
        while text.len() < 6400 {
            text.push_str(&word());
        }
        SourceFile { language: Language::JavaScript, facts: Default::default(), bytes: text.into_bytes() }
    };
    SourcePack { files: (0..64).map(file).collect(), ..SourcePack::default() }
}

#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn put_blob(bencher: Bencher<'_, '_>, n_bytes: usize) {
    let fixture = Fixture::new();
    bencher.counter(BytesCount::new(n_bytes)).with_inputs(|| fixture.blob(n_bytes)).bench_local_values(
        |blob| {
            fixture.runtime.block_on(fixture.store.put_blob(Key::sources, blob)).expect("the disk has room")
        },
    );
}

#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn get_blob(bencher: Bencher<'_, '_>, n_bytes: usize) {
    let fixture = Fixture::new();
    let digest = fixture.runtime.block_on(fixture.store.put_blob(Key::sources, fixture.blob(n_bytes)));
    let key = Key::sources(digest.expect("the disk has room"));
    bencher
        .counter(BytesCount::new(n_bytes))
        .bench_local(|| fixture.runtime.block_on(fixture.store.get_blob(&key)).expect("it was put"));
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn sealed_put_and_get(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::new();
    let pack = source_pack();
    bencher.with_inputs(|| Key::results(Digest::of(&fixture.next().to_le_bytes()))).bench_local_refs(|key| {
        fixture.runtime.block_on(async {
            fixture.store.put_sealed(key, &pack).await.expect("the disk has room");
            fixture.store.get_sealed::<SourcePack>(key).await.expect("it was put")
        })
    });
}
