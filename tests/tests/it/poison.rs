//! A file that kills its worker is a failed file, and everything beside it is done.

use e2e::{Cluster, repos};

/// Deep enough that its tree takes some hundred times its size.
fn huge_tree() -> String {
    let mut text = String::from("x = ");
    text.push_str(&"[".repeat(1));
    text.push_str(&"1,".repeat(450_000));
    text.push_str("]\n");
    text
}

/// Mapped memory that suffices for everything but the huge tree, KiB.
const LIMIT_KIB: u64 = 700 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_kills_workers_fails_alone_and_the_workers_go_on() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let mut files: Vec<(String, String)> = (0..100)
        .map(|i| {
            (format!("src/f{i:03}.js"), format!("function f{i}(a) {{ var x = a; return !!x ? {i} : x; }}\n"))
        })
        .collect();
    files.push(("src/f050-huge.py".into(), huge_tree()));
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
    let repo = repos::make(&cluster.path("poisoned"), files);
    cluster.start_small_worker(LIMIT_KIB);
    let running = cluster.submit("job", &[repo.to_str().unwrap()]);
    // Whoever runs workers starts one that ended again.
    let waiting = tokio::task::spawn_blocking(move || running.finish());
    let mut n_deaths = 0;
    while !waiting.is_finished() {
        for _ in 0..cluster.reap_workers() {
            n_deaths += 1;
            cluster.start_small_worker(LIMIT_KIB);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let finished = waiting.await.unwrap();
    assert_eq!(finished.code, 3, "{}\n{}", finished.stderr, cluster.logs());
    let report = finished.report();
    let failed: Vec<_> = report.repos[0].failed.iter().map(|file| file.path.to_string()).collect();
    assert_eq!(failed, ["src/f050-huge.py"], "{}", cluster.logs());
    let reason = &report.repos[0].failed[0].reason;
    assert_eq!(reason, "no worker survived this file: killed by signal 6");
    assert_eq!((report.totals.ledger.scanned, report.totals.ledger.failed), (100, 1));
    // One worker died of the batch; from then on only its children did.
    assert_eq!(n_deaths, 1, "{}", cluster.logs());
}
