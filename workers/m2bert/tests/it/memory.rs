//! Memory does not grow with the number of batches.

use m2bert::{Dtype, Encoder, Options};
use model_dir::init::{Size, default_corpus, untrained};
use model_dir::{Encode, ModelDir, TokenBatch};

/// Resident memory of this process, in KiB.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Batches of ever new shapes, in a process of its own: other tests allocate too.
#[test]
fn ten_thousand_batches_take_no_more_memory_than_one_thousand() {
    const NAME: &str = "memory::ten_thousand_batches_take_no_more_memory_than_one_thousand";
    if std::env::var_os("M2BERT_TEST_ALONE").is_none() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env("M2BERT_TEST_ALONE", "1")
            .output()
            .unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stdout));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let load = |size: Size, dtype| {
        let path = dir.path().join(size.name());
        untrained(size, 1, &default_corpus()).unwrap().write(&path).unwrap();
        let model = ModelDir::open(&path).unwrap();
        Encoder::load(&model, &Options { dtype, n_threads: 2, ..Options::default() }).unwrap()
    };
    // Products of the micro model are too small for the library that caches kernels by shape.
    let mut encoders = [load(Size::Micro, Dtype::F32), load(Size::Tiny, Dtype::Bf16)];
    let mut encode = |batch: usize| {
        let n_rows = 1 + batch * 7 % 13;
        let length = |row: usize| 1 + (batch * 31 + row * 17) % 64;
        let rows = (0..n_rows).map(|row| (0..length(row)).map(|t| (t * 3 + batch) as u32 % 256).collect());
        let encodings = encoders[batch % 2].encode(&TokenBatch::new(rows.collect())).unwrap();
        assert_eq!(encodings.n_rows, n_rows);
        assert_eq!(encodings.n_computed, (0..n_rows).map(length).sum::<usize>(), "nothing is padded");
    };
    (0..1000).for_each(&mut encode);
    let early = resident_kib();
    (1000..10_000).for_each(&mut encode);
    let grown = resident_kib() - early;
    println!("resident after 1,000 batches {early} KiB, after 10,000 {grown} KiB more");
    assert!(grown < 16 << 10, "{grown} KiB more after 9,000 batches");
}
