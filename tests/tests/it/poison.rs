//! A file that kills its worker is a failed file, and everything beside it is done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Cluster, repos};

/// A list of 90,000 numbers: its tree takes 60 MB, 350 times its size, in some milliseconds.
fn huge_tree() -> String {
    format!("x = [{}]\n", "1,".repeat(90_000))
}

/// A repository of a hundred small files, and of one that is not.
fn repo(dir: &Path, salt: &str, huge: Option<String>) -> PathBuf {
    let small = |i: u32| {
        let text = format!("// {salt}\nfunction f{i}(a) {{ var x = a; return !!x ? {i} : x; }}\n");
        (format!("src/f{i:03}.js"), text)
    };
    let mut files: Vec<_> = (0..100).map(small).collect();
    files.extend(huge.map(|text| ("src/f020-huge.py".to_owned(), text)));
    repos::make(dir, files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_kills_workers_fails_alone_and_the_workers_go_on() {
    let Some(mut cluster) = Cluster::start().await else { return };
    // What a worker maps that meets small files only, on this machine and in this build.
    let small = repo(&cluster.path("small"), "measured", None);
    cluster.start_small_worker(None);
    assert_eq!(cluster.run("small", &[small.to_str().unwrap()]).code, 0, "{}", cluster.logs());
    let limit_kib = cluster.worker_peak_kib() + 12 * 1024;
    cluster.kill_workers();

    let poisoned = repo(&cluster.path("poisoned"), "poisoned", Some(huge_tree()));
    let running = cluster.submit("job", &[poisoned.to_str().unwrap()]);
    cluster.start_small_worker(Some(limit_kib));
    let waiting = tokio::task::spawn_blocking(move || running.finish());
    let mut n_deaths = 0;
    while !waiting.is_finished() {
        // As whoever runs workers does: one that ended is started again.
        for _ in 0..cluster.reap_workers() {
            n_deaths += 1;
            cluster.start_small_worker(Some(limit_kib));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let finished = waiting.await.unwrap();
    assert_eq!(finished.code, 3, "{}\n{}", finished.stderr, cluster.logs());
    let report = finished.report();
    let failed: Vec<_> = report.repos[0].failed.iter().map(|file| file.path.to_string()).collect();
    assert_eq!(failed, ["src/f020-huge.py"], "{}", cluster.logs());
    assert_eq!(report.repos[0].failed[0].reason, "no worker survived this file: killed by signal 6");
    assert_eq!((report.totals.ledger.scanned, report.totals.ledger.failed), (100, 1));
    // One worker died of the batch; from then on only its children did.
    assert_eq!(n_deaths, 1, "{}", cluster.logs());
}
