//! Put and get by size, beside plain files. The operations take turns, so that a busy machine is busy for all of them.

use std::fs;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use schemas::Digest;
use serde::Serialize;
use tensor_store::{Dtype, Key, OpenOptions, Pack, Store, Tensor, TensorRef};

use super::Times;
use crate::cli::{Output, size};

const SIZES: [usize; 4] = [64 << 10, 1 << 20, 16 << 20, 96 << 20];

/// Medians in microseconds, unless they say otherwise.
#[derive(Serialize)]
struct Row {
    n_bytes: usize,
    rounds: usize,
    /// A file written and its BLAKE3 computed.
    plain_write_us: f64,
    put_us: f64,
    /// Median of put by plain write, round by round.
    put_ratio: f64,
    /// A file read into memory and summed up.
    plain_read_sum_us: f64,
    /// Until the first byte of a tensor can be read: the first time, with its check, and from then on.
    map_first_us: f64,
    map_again_us: f64,
    /// The same with all elements summed up.
    map_again_sum_us: f64,
    /// Until a copy is in memory and checked; and summed up.
    copy_us: f64,
    copy_sum_us: f64,
    /// From the tier in memory.
    cached_us: f64,
    cached_p99_us: f64,
}

#[derive(Default)]
struct Measured {
    plain_write: Times,
    put: Times,
    plain_read: Times,
    map_first: Times,
    map_again: Times,
    map_sum: Times,
    copy: Times,
    copy_sum: Times,
    cached: Times,
}

pub(super) async fn run(folder: &Path, rounds: usize, output: &mut Output) -> anyhow::Result<()> {
    for n_bytes in SIZES {
        let rounds = (rounds * SIZES[0] / n_bytes).clamp(5.min(rounds), rounds);
        let row = measure(&folder.join(n_bytes.to_string()), n_bytes, rounds).await?;
        output.line(&row, || text(&row))?;
    }
    Ok(())
}

fn text(row: &Row) -> String {
    format!(
        "{}, {} rounds, median µs: write+checksum {:.0}, put {:.0} ({:.2}x); read+sum {:.0}; \
         map: first {:.0}, again {:.1}, again+sum {:.0}; copy {:.0}, copy+sum {:.0}; cached {:.1} (p99 {:.1})",
        size(row.n_bytes as u64),
        row.rounds,
        row.plain_write_us,
        row.put_us,
        row.put_ratio,
        row.plain_read_sum_us,
        row.map_first_us,
        row.map_again_us,
        row.map_again_sum_us,
        row.copy_us,
        row.copy_sum_us,
        row.cached_us,
        row.cached_p99_us,
    )
}

async fn measure(folder: &Path, n_bytes: usize, rounds: usize) -> anyhow::Result<Row> {
    let root = folder.join("store");
    let url = root.to_str().context("the folder has an odd name")?;
    let open = |mmap, cache_bytes| {
        let options = OpenOptions { fsync: false, mmap, cache_bytes, ..OpenOptions::default() };
        Store::open_with(url, options)
    };
    let (mapping, copying, caching) =
        (open(true, 0)?, open(false, 0)?, open(false, 4 * n_bytes as u64 + (1 << 20))?);
    let tensor = Tensor::new(Dtype::U64, vec![n_bytes / 8], noise(n_bytes, 0))?;
    let pack = mapping.put_pack(&Pack::builder().add_tensor("x", tensor).build()?).await?;
    let wanted = TensorRef { pack: pack.digest, name: "x".to_owned() };
    let file = root.join(Key::tensors(pack.digest).as_str());
    caching.get_tensor(&wanted).await?;
    mapping.get_tensor(&wanted).await?;
    let mut m = Measured::default();
    for round in 1..=rounds {
        let blob = noise(n_bytes, round as u64);
        let plain = folder.join("plain");
        // Whoever comes first meets the bytes cold: they take turns.
        for is_plain in [round % 2 == 0, round % 2 != 0] {
            if is_plain {
                let write = async || {
                    fs::write(&plain, &blob)?;
                    Ok(Digest::of(&blob))
                };
                m.plain_write.time(write).await?;
                fs::remove_file(&plain)?;
            } else {
                let put = async || Ok(mapping.put_blob(Key::sources, blob.clone()).await?);
                let digest = m.put.time(put).await?;
                fs::remove_file(root.join(Key::sources(digest).as_str()))?;
            }
        }
        m.plain_read.time(async || Ok(sum(&fs::read(&file)?))).await?;
        let fresh = open(true, 0)?;
        m.map_first.time(async || first(&fresh.get_tensor(&wanted).await?)).await?;
        m.map_again.time(async || first(&mapping.get_tensor(&wanted).await?)).await?;
        m.map_sum.time(async || Ok(sum(mapping.get_tensor(&wanted).await?.bytes()))).await?;
        m.copy.time(async || first(&copying.get_tensor(&wanted).await?)).await?;
        m.copy_sum.time(async || Ok(sum(copying.get_tensor(&wanted).await?.bytes()))).await?;
    }
    for _ in 0..rounds.max(100) {
        m.cached.time(async || first(&caching.get_tensor(&wanted).await?)).await?;
    }
    Ok(row(n_bytes, rounds, &m))
}

fn row(n_bytes: usize, rounds: usize, m: &Measured) -> Row {
    let mut ratios: Vec<f64> = m
        .put
        .0
        .iter()
        .zip(&m.plain_write.0)
        .map(|(put, plain)| put.as_secs_f64() / plain.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    Row {
        n_bytes,
        rounds,
        plain_write_us: m.plain_write.micros(50),
        put_us: m.put.micros(50),
        put_ratio: ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN),
        plain_read_sum_us: m.plain_read.micros(50),
        map_first_us: m.map_first.micros(50),
        map_again_us: m.map_again.micros(50),
        map_again_sum_us: m.map_sum.micros(50),
        copy_us: m.copy.micros(50),
        copy_sum_us: m.copy_sum.micros(50),
        cached_us: m.cached.micros(50),
        cached_p99_us: m.cached.micros(99),
    }
}

/// Bytes that do not repeat: nothing on the way can compress or share them.
fn noise(n_bytes: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(n_bytes);
    while bytes.len() < n_bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.into()
}

fn first(tensor: &Tensor) -> anyhow::Result<u8> {
    tensor.bytes().first().copied().map(std::hint::black_box).context("the tensor is empty")
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    std::hint::black_box(words.iter().fold(0, |sum: u64, &word| sum.wrapping_add(u64::from_le_bytes(word))))
}
