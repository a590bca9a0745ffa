//! Clean-up: what goes, what stays, and that a job that runs meanwhile loses nothing.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use schemas::Digest;
use tensor_store::{Error, FolderSweep, GcOptions, GcReport, Key, Pin, Store, Usage};

use crate::jobs::{self, LONG, age};
use crate::{local, path_of};

fn delete() -> GcOptions {
    GcOptions { delete: true, ..GcOptions::default() }
}

fn freed(report: &GcReport, folder: &str) -> u64 {
    report.folders.get(folder).map_or(0, |counts| counts.freed.n_objects)
}

/// Three batches of two jobs, and of each kind of object one that nothing leads to; all of it old.
async fn store_with_two_jobs(folder: &tempfile::TempDir) -> Store {
    let store = local(folder);
    jobs::run(&store, "one", &[1, 2]).await;
    jobs::run(&store, "two", &[2, 3]).await;
    jobs::work(&store, 9).await;
    store.put_packed(Key::sources, &"sources 9").await.unwrap();
    age(folder.path());
    store
}

#[tokio::test]
async fn what_nothing_leads_to_goes_and_everything_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_two_jobs(&folder).await;
    let before = store.list("").await.unwrap();

    let counted = store.collect_garbage(&GcOptions::default()).await.unwrap();
    assert_eq!(store.list("").await.unwrap(), before, "without `delete` it only counts");

    let report = store.collect_garbage(&delete()).await.unwrap();
    for folder in ["results", "tensors", "sources"] {
        assert_eq!((freed(&counted, folder), freed(&report, folder)), (1, 1), "{folder}");
        assert_eq!(report.folders[folder].kept.n_objects, 3, "{folder}");
    }
    let after = store.list("").await.unwrap();
    assert_eq!(before.len() - after.len(), 3);
    let bytes =
        |objects: &[tensor_store::ListedObject]| objects.iter().map(|object| object.n_bytes).sum::<u64>();
    assert_eq!(report.total().freed.n_bytes, bytes(&before) - bytes(&after));
    assert_eq!(report.total().kept.n_bytes, bytes(&after));
    jobs::assert_whole(&store, "one").await;
    jobs::assert_whole(&store, "two").await;
}

#[tokio::test]
async fn what_is_young_stays_though_nothing_leads_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    store.put_packed(Key::sources, &"sources 9").await.unwrap();
    let report = store.collect_garbage(&delete()).await.unwrap();
    assert_eq!(report.folders["sources"].young, Usage { n_objects: 1, ..report.folders["sources"].young });
    assert_eq!(report.total().freed, Usage::default());
}

#[tokio::test]
async fn what_a_young_result_leads_to_stays_however_old_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    jobs::work(&store, 9).await;
    age(&folder.path().join("tensors"));
    store.collect_garbage(&delete()).await.unwrap();
    jobs::run(&store, "new", &[9]).await;
    jobs::assert_whole(&store, "new").await;
}

#[tokio::test]
async fn an_old_object_that_is_put_again_is_young() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    let digest = store.put_packed(Key::sources, &"again").await.unwrap();
    let pack = store.put_pack(&jobs::pack(1)).await.unwrap();
    age(folder.path());
    store.put_packed(Key::sources, &"again").await.unwrap();
    store.put_pack(&jobs::pack(1)).await.unwrap();
    store.collect_garbage(&delete()).await.unwrap();
    assert_eq!(store.get_packed::<String>(&Key::sources(digest)).await.unwrap(), "again");
    assert!(store.get_pack(pack.digest).await.is_ok());
}

#[tokio::test]
async fn a_root_or_a_link_that_cannot_be_read_stops_everything() {
    for damaged in [
        Key::job_spec("one"),
        Key::job_plan("one", 0),
        Key::job_report("one", "tensors.json"),
        Key::results(jobs::batch(2).digest()),
        Key::pin("mine"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = store_with_two_jobs(&folder).await;
        fs::create_dir_all(path_of(&folder, &damaged).parent().unwrap()).unwrap();
        fs::write(path_of(&folder, &damaged), b"{ torn").unwrap();
        age(folder.path());
        let before = store.list("").await.unwrap();
        let refused = store.collect_garbage(&delete()).await;
        assert!(
            matches!(&refused, Err(Error::Corrupt { key, .. }) if key == damaged.as_str()),
            "{refused:?}"
        );
        assert_eq!(store.list("").await.unwrap(), before);
    }
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_two_jobs(&folder).await;
    fs::remove_file(path_of(&folder, &Key::job_spec("one"))).unwrap();
    fs::remove_file(path_of(&folder, &Key::job_run("one"))).unwrap();
    assert!(
        matches!(store.collect_garbage(&delete()).await, Err(Error::Corrupt { key, .. }) if key == "jobs/one")
    );
}

#[tokio::test]
async fn ended_jobs_go_after_their_time_with_what_only_they_lead_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_two_jobs(&folder).await;
    jobs::put_spec(&store, "running").await;
    jobs::plan(&store, "running", &[3]).await;
    age(folder.path());
    jobs::end(&store, "two").await;

    let keep = |days: u64| GcOptions { keep_jobs: Some(Duration::from_secs(days * 24 * 3600)), ..delete() };
    let report = store.collect_garbage(&keep(4)).await.unwrap();
    assert_eq!(report.jobs_freed, [""; 0]);
    let report = store.collect_garbage(&keep(2)).await.unwrap();
    assert_eq!(report.jobs_freed, ["one"]);
    assert_eq!(freed(&report, "results"), 1, "batch 1; batch 2 is also of the other job");
    assert!(store.list("jobs/one").await.unwrap().is_empty());
    jobs::assert_whole(&store, "two").await;
    jobs::assert_whole(&store, "running").await;
}

#[tokio::test]
async fn a_cancelled_job_that_goes_is_never_left_without_its_mark() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    jobs::put_spec(&store, "one").await;
    jobs::plan(&store, "one", &[1]).await;
    store.put_new(&Key::job_cancelled("one"), "cancelled".into()).await.unwrap();
    age(folder.path());
    let options = GcOptions { keep_jobs: Some(Duration::ZERO), ..delete() };
    let stop = AtomicBool::new(false);
    let watch = async {
        while !stop.load(Ordering::Relaxed) {
            let has_spec = store.exists(&Key::job_spec("one")).await.unwrap();
            // Asked after the spec: if there was one, the mark was there too.
            let has_mark = store.exists(&Key::job_cancelled("one")).await.unwrap();
            assert!(!store.exists(&Key::job_spec("one")).await.unwrap() || !has_spec || has_mark);
            tokio::task::yield_now().await;
        }
    };
    let clean = async {
        let report = store.collect_garbage(&options).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        report
    };
    let (_, report) = tokio::join!(watch, clean);
    assert_eq!(report.jobs_freed, ["one"]);
    assert!(store.list("jobs").await.unwrap().is_empty());
}

#[tokio::test]
async fn pins_keep_jobs_and_objects_until_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_two_jobs(&folder).await;
    let result = jobs::batch(9).digest();
    let far = 4_000_000_000;
    let pin = Pin { until_s: Some(far), jobs: ["one".to_owned()].into(), objects: [result].into() };
    store.pin("mine", &pin).await.unwrap();
    let options = GcOptions { keep_jobs: Some(Duration::ZERO), ..delete() };
    let report = store.collect_garbage(&options).await.unwrap();
    assert_eq!(report.jobs_freed, ["two"]);
    assert!(store.exists(&Key::results(result)).await.unwrap(), "pinned");
    assert!(
        store.exists(&Key::tensors(jobs::pack(9).digest())).await.unwrap(),
        "a pinned object leads to it"
    );
    jobs::assert_whole(&store, "one").await;
    store.pin("mine", &Pin { until_s: Some(1), ..pin }).await.unwrap();
    let report = store.collect_garbage(&options).await.unwrap();
    assert_eq!(report.jobs_freed, ["one"]);
    assert_eq!(freed(&report, "results"), 3);
}

#[tokio::test]
async fn pointers_lead_to_snapshots_and_go_after_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    jobs::work(&store, 1).await;
    let rows = store.put_packed(Key::sources, &vec![(jobs::pack(1).digest(), 49_u32)]).await.unwrap();
    let from = path_of(&folder, &Key::sources(rows));
    let put = |to: std::path::PathBuf| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&from, to).unwrap();
    };
    put(folder.path().join(format!("snapshots/{rows}")));
    put(folder.path().join(format!("snapshots/{}", Digest::of(b"nobody"))));
    // A pointer: any sealed object that names the snapshot.
    store.put_sealed(&Key::results(Digest::of(b"pointer")), &rows).await.unwrap();
    let pointer = path_of(&folder, &Key::results(Digest::of(b"pointer")));
    fs::create_dir_all(folder.path().join("index/engine/repo")).unwrap();
    fs::rename(pointer, folder.path().join("index/engine/repo/name")).unwrap();
    fs::remove_file(&from).unwrap();
    age(folder.path());

    let report = store.collect_garbage(&delete()).await.unwrap();
    assert_eq!(
        (freed(&report, "snapshots"), freed(&report, "results"), freed(&report, "tensors")),
        (1, 1, 0)
    );
    assert!(store.get_pack(jobs::pack(1).digest()).await.is_ok());
    let options = GcOptions { keep_index: Some(LONG / 2), ..delete() };
    let report = store.collect_garbage(&options).await.unwrap();
    let all = ["index", "snapshots", "tensors"].map(|folder| freed(&report, folder));
    assert_eq!(all, [1, 1, 1]);
}

#[tokio::test]
async fn a_limit_takes_the_oldest_ended_jobs_and_no_more_than_needed() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    for (at, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        jobs::run(&store, name, &[at as u32]).await;
    }
    jobs::put_spec(&store, "active").await;
    jobs::plan(&store, "active", &[9]).await;
    age(folder.path());
    // In the order of their names.
    for (at, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let run = fs::File::open(path_of(&folder, &Key::job_run(name))).unwrap();
        run.set_modified(std::time::SystemTime::now() - LONG + Duration::from_secs(at as u64)).unwrap();
    }
    let all: u64 = store.usage().await.unwrap().values().map(|usage| usage.n_bytes).sum();
    let dry =
        store.collect_garbage(&GcOptions { max_bytes: Some(all), ..GcOptions::default() }).await.unwrap();
    assert_eq!((dry.fits, dry.jobs_freed.len()), (Some(true), 0));
    let limit = GcOptions { max_bytes: Some(all * 6 / 10), ..delete() };
    let report = store.collect_garbage(&limit).await.unwrap();
    assert_eq!((report.fits, &report.jobs_freed[..]), (Some(true), &["a".to_owned(), "b".to_owned()][..]));
    assert!(report.total().kept.n_bytes <= all * 6 / 10);
    let nothing = store.collect_garbage(&GcOptions { max_bytes: Some(1), ..delete() }).await.unwrap();
    assert_eq!((nothing.fits, nothing.jobs_freed.len()), (Some(false), 2), "the active job stays");
    assert!(store.exists(&Key::job_spec("active")).await.unwrap());
}

#[tokio::test]
async fn while_a_job_is_planned_what_it_might_reuse_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_two_jobs(&folder).await;
    jobs::put_spec(&store, "new").await;
    let report = store.collect_garbage(&delete()).await.unwrap();
    assert_eq!((report.waiting_for.as_deref(), report.total().freed), (Some("new"), Usage::default()));
    assert_eq!(jobs::plan(&store, "new", &[9]).await, [9]);
    let report = store.collect_garbage(&delete()).await.unwrap();
    assert_eq!((&report.waiting_for, report.total().freed.n_objects), (&None, 0));
    jobs::assert_whole(&store, "new").await;
}

#[tokio::test]
async fn a_turn_of_a_killed_clean_up_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(&folder);
    fs::create_dir_all(folder.path().join("gc/sweeping")).unwrap();
    fs::write(folder.path().join("gc/sweeping/1700000000000-1-1"), b"").unwrap();
    fs::write(folder.path().join("gc/sweeping/99999999999999-1-1"), b"").unwrap();
    store.wait_for_sweep().await.unwrap();
    store.collect_garbage(&delete()).await.unwrap();
    assert!(store.list("gc").await.unwrap().is_empty());
}

/// What one writer does: the batches of its jobs, one after the other.
fn writers() -> impl Strategy<Value = Vec<Vec<Vec<u32>>>> {
    let batches = prop::collection::vec(0..12_u32, 1..5);
    prop::collection::vec(prop::collection::vec(batches, 1..4), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The store is full of old results that nothing leads to any more. While it is cleaned up again and again,
    /// writers submit jobs that find some of them there and make others; one is resumed by a second orchestrator.
    #[test]
    fn a_job_that_runs_while_the_store_is_cleaned_up_loses_nothing(writers in writers()) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        runtime.block_on(async {
            let store = local(&folder);
            for n in 0..12 {
                jobs::work(&store, n).await;
                store.put_packed(Key::sources, &format!("sources {n}")).await.unwrap();
            }
            age(folder.path());
            let are_done = AtomicBool::new(false);
            let cleaning = async {
                let mut total = FolderSweep::default();
                while !are_done.load(Ordering::Relaxed) {
                    let report = store.collect_garbage(&delete()).await.unwrap();
                    total.freed.n_objects += report.total().freed.n_objects;
                    tokio::task::yield_now().await;
                }
                total
            };
            let writing = async {
                let all = writers.iter().enumerate().map(|(writer, its)| {
                    let store = &store;
                    async move {
                        for (at, batches) in its.iter().enumerate() {
                            // So that there are moments in which no job is planned.
                            tokio::time::sleep(Duration::from_millis(3 * (writer + at) as u64)).await;
                            let job = format!("{writer}-{at}");
                            jobs::run(store, &job, batches).await;
                            // Resumed by an orchestrator that did not see its end.
                            assert_eq!(jobs::plan(store, &job, batches).await.len(), batches.len());
                        }
                    }
                });
                futures::future::join_all(all).await;
                are_done.store(true, Ordering::Relaxed);
            };
            tokio::join!(cleaning, writing);
            for (writer, its) in writers.iter().enumerate() {
                for at in 0..its.len() {
                    jobs::assert_whole(&store, &format!("{writer}-{at}")).await;
                }
            }
        });
    }
}
