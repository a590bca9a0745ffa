//! Listing and clean-up of a store with many tensors.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use futures::TryStreamExt;
use schemas::Digest;
use serde::Serialize;
use tensor_store::{Dtype, GcOptions, Key, OpenOptions, Pack, Store};

use crate::cli::{Output, progress};

#[derive(Serialize)]
struct Crowd {
    packs: u32,
    tensors: u64,
    objects: u64,
    list_ms: u128,
    mark_ms: u64,
    total_ms: u64,
    /// Of the process, before the clean-up and at its peak; the peak only where the system tells it (Linux).
    rss_before_kib: Option<u64>,
    rss_peak_kib: Option<u64>,
}

pub(super) async fn run(folder: &Path, packs: u32, tensors: u32, output: &mut Output) -> anyhow::Result<()> {
    let url = folder.join("crowd");
    let url = url.to_str().context("the folder has an odd name")?;
    let store = Store::open_with(url, OpenOptions { fsync: false, ..OpenOptions::default() })?;
    fill(&store, packs, tensors).await?;

    let started = Instant::now();
    let objects = store.walk("").try_fold(0_u64, async |n, _| Ok(n + 1)).await?;
    let list_ms = started.elapsed().as_millis();
    // Forgets the peak up to now; where that is not allowed the peak is too high, never too low.
    fs::write("/proc/self/clear_refs", "5").ok();
    let rss_before_kib = status("VmRSS:");
    let report = store.collect_garbage(&GcOptions::default()).await?;
    let crowd = Crowd {
        packs,
        tensors: u64::from(packs) * u64::from(tensors),
        objects,
        list_ms,
        mark_ms: report.mark_ms,
        total_ms: report.total_ms,
        rss_before_kib,
        rss_peak_kib: status("VmHWM:"),
    };
    output.line(&crowd, || {
        let kib = |rss: Option<u64>| rss.map_or("?".to_owned(), |kib| kib.to_string());
        format!(
            "{} tensors in {} packs, {} objects: list {} ms; clean-up: mark {} ms, all {} ms, RSS {} KiB before, {} KiB peak",
            crowd.tensors,
            crowd.packs,
            crowd.objects,
            crowd.list_ms,
            crowd.mark_ms,
            crowd.total_ms,
            kib(crowd.rss_before_kib),
            kib(crowd.rss_peak_kib),
        )
    })
}

/// Packs of small tensors; for each what stands for its result, and for each thousand of them what stands for a job:
/// objects of the same kinds, with nothing but their references in them.
async fn fill(store: &Store, packs: u32, tensors: u32) -> anyhow::Result<()> {
    let bar = progress("stored");
    let mut results = Vec::new();
    for n in 0..packs {
        let mut pack = Pack::builder();
        for at in 0..tensors {
            let bytes = [n.to_le_bytes(), at.to_le_bytes()].concat();
            pack = pack.add(&format!("{n:08x}{at:032x}.mean"), Dtype::F32, &[2], &bytes);
        }
        let pack = store.put_pack(&pack.build()?).await?;
        let id = Digest::of(&n.to_le_bytes());
        store.put_sealed(&Key::results(id), &vec![pack.digest]).await?;
        results.push(id);
        bar.inc(1);
    }
    for (job, results) in results.chunks(1000).enumerate() {
        let job = format!("bench-{job}");
        store.put_new(&Key::job_spec(&job), "{\"repos\": [{}]}".into()).await?;
        store.put_sealed(&Key::job_plan(&job, 0), &results).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// A line of what Linux says of the process, in KiB.
fn status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
