//! What users ask for that cannot be done, or was asked for before.

use e2e::{Cluster, repos};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_repo_fails_with_its_reason_and_the_others_go_on() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let good = repos::make_many(&cluster.path("good"), 10);
    let empty = cluster.path("empty");
    git2::Repository::init_bare(&empty).unwrap();
    let absent = cluster.path("absent");
    let no_rev = format!("{}@no-such-branch", good.display());
    let urls = [absent.to_str().unwrap(), good.to_str().unwrap(), empty.to_str().unwrap(), &no_rev];
    let finished = cluster.run("job", &urls);
    assert_eq!(finished.code, 3, "{}\n{}", finished.stderr, cluster.logs());
    let report = finished.report();
    let errors: Vec<Option<&str>> = report.repos.iter().map(|repo| repo.error.as_deref()).collect();
    assert_eq!(errors.iter().filter(|error| error.is_some()).count(), 3, "{errors:?}");
    assert_eq!(errors[1], None);
    assert!(errors[3].unwrap().contains("no-such-branch"), "{errors:?}");
    assert_eq!((report.totals.repos_failed, report.totals.ledger.scanned), (3, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_attaches_and_another_under_its_id_is_refused() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let repo = repos::make_many(&cluster.path("repo"), 10);
    let first = cluster.run("job", &[repo.to_str().unwrap()]);
    assert_eq!(first.code, 0, "{}\n{}", first.stderr, cluster.logs());
    let again = cluster.run("job", &[repo.to_str().unwrap()]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.run().started_ms, first.run().started_ms, "it ran twice");
    let other = cluster.run("job", &["--fix", "none", repo.to_str().unwrap()]);
    assert_eq!(other.code, 5, "{}", other.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_job_on_the_same_files_finds_every_result() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let repo = repos::make_many(&cluster.path("repo"), 100);
    let first = cluster.run("one", &[repo.to_str().unwrap()]);
    let second = cluster.run("two", &[repo.to_str().unwrap()]);
    assert_eq!(second.run().stats.n_files, 0, "files were scanned again");
    assert_eq!(first.report_bytes(), second.report_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_plans_and_stores_no_sources() {
    let Some(cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("repo"), 100);
    let finished = cluster.run("job", &["--dry-run", repo.to_str().unwrap()]);
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    let plan = std::fs::read(finished.out.join("plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
    assert_eq!(plan["repos"][0]["files"], 100);
    assert!(!cluster.path("store/sources").exists());
}
