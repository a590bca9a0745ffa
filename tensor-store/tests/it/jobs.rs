//! Jobs as the services store them, small: what clean-up finds in a store.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use schemas::plan::{BatchPlan, RepoPlan};
use schemas::result::{BatchResult, ChunkRef, FileResult, FileRow, FileTokens, ScannedFile};
use schemas::{BatchId, Digest, FixLevel, JobSpec, Lane, RepoSpec};
use tensor_store::{Key, Pack, Store, Tensor, TensorRef};

/// Long before any grace period.
pub(crate) const LONG: Duration = Duration::from_secs(72 * 3600);

/// Makes everything that is stored now as old as [`LONG`].
pub(crate) fn age(folder: &Path) {
    let then = SystemTime::now() - LONG;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => age(&entry.path()),
            false => File::open(entry.path()).unwrap().set_modified(then).unwrap(),
        }
    }
}

pub(crate) fn spec() -> JobSpec {
    JobSpec {
        version: JobSpec::VERSION,
        repos: vec![RepoSpec { url: "https://example.org/a/b".to_owned(), rev: None }],
        rules: vec![],
        repo_settings: Default::default(),
        fix: FixLevel::None,
        model: None,
        lane: Lane::Nightly,
        dry_run: false,
        limits: Default::default(),
        reuse: Default::default(),
    }
}

/// The batch with content `n`: the same in every job.
pub(crate) fn batch(n: u32) -> BatchId {
    BatchId::from_digest(Digest::of(format!("batch {n}").as_bytes()))
}

pub(crate) fn pack(n: u32) -> Pack {
    let tensor = Tensor::from_f32(vec![64], &[n as f32; 64]).unwrap();
    Pack::builder().metadata("model", "m").add_tensor("x", tensor).build().unwrap()
}

pub(crate) async fn put_spec(store: &Store, job: &str) {
    store.put_new(&Key::job_spec(job), spec().to_json().into()).await.unwrap();
    store.wait_for_sweep().await.unwrap();
}

/// The results that are there before the plan is made, as for reuse.
async fn found(store: &Store, batches: &[u32]) -> Vec<u32> {
    let mut found = Vec::new();
    for &n in batches {
        if store.exists(&Key::results(batch(n).digest())).await.unwrap() {
            found.push(n);
        }
    }
    found
}

/// Looks for results, puts sources, then the plan, as the orchestrator does. Returns the batches that need no work.
pub(crate) async fn plan(store: &Store, job: &str, batches: &[u32]) -> Vec<u32> {
    let found = found(store, batches).await;
    let mut planned = Vec::new();
    for &n in batches {
        let sources = store.put_packed(Key::sources, &format!("sources {n}")).await.unwrap();
        planned.push(BatchPlan {
            id: batch(n),
            sources,
            files: vec![],
            n_tokens: 0,
            n_bytes: 0,
            work: Default::default(),
            salt: String::new(),
            audit: false,
        });
    }
    let plan = RepoPlan {
        commit: "c".to_owned(),
        entries: vec![],
        rules: None,
        ceilings: Default::default(),
        batches: planned,
        reused: vec![],
        origins: vec![],
        base: None,
    };
    store.put_sealed(&Key::job_plan(job, 0), &plan).await.unwrap();
    found
}

/// A file whose one window is in this pack.
fn row(pack: Digest) -> FileRow {
    let tokens = FileTokens { n_tokens: 1, windows: vec![ChunkRef { chunk: Digest::of(b"chunk"), pack }] };
    let file = ScannedFile { tokens: Some(tokens), ..ScannedFile::default() };
    FileRow { inputs: Digest::of(b"inputs"), result: FileResult::Scanned(file) }
}

fn pack_of(row: &FileRow) -> Digest {
    match &row.result {
        FileResult::Scanned(ScannedFile { tokens: Some(tokens), .. }) => tokens.windows[0].pack,
        other => panic!("{other:?} has no tensors"),
    }
}

/// Tensors, then the result that names them, as a worker does.
pub(crate) async fn work(store: &Store, n: u32) {
    let tensors = store.put_pack(&pack(n)).await.unwrap().digest;
    let result = BatchResult { batch: batch(n), pipeline: Digest::of(b"p"), files: vec![row(tensors)] };
    store.put_sealed(&Key::results(batch(n).digest()), &result).await.unwrap();
}

pub(crate) async fn end(store: &Store, job: &str) {
    store.put(&Key::job_run(job), "{}".into()).await.unwrap();
}

/// A whole job, from submission to end.
pub(crate) async fn run(store: &Store, job: &str, batches: &[u32]) {
    put_spec(store, job).await;
    let done = plan(store, job, batches).await;
    for &n in batches.iter().filter(|n| !done.contains(n)) {
        work(store, n).await;
    }
    end(store, job).await;
}

/// Reads everything that a job leads to.
///
/// # Panics
/// If something is missing or damaged.
pub(crate) async fn assert_whole(store: &Store, job: &str) {
    let plan: RepoPlan = store.get_sealed(&Key::job_plan(job, 0)).await.unwrap();
    for batch in plan.batches {
        store.get_packed::<String>(&Key::sources(batch.sources)).await.unwrap();
        let result: BatchResult = store.get_sealed(&Key::results(batch.id.digest())).await.unwrap();
        let wanted = TensorRef { pack: pack_of(&result.files[0]), name: "x".to_owned() };
        assert_eq!(store.get_tensor(&wanted).await.unwrap().shape(), [64]);
    }
}
