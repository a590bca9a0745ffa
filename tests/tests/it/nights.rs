//! One night after the other on one store: what changed is done, the rest is known, and the report does not show it.

use std::path::{Path, PathBuf};

use e2e::{Cluster, Finished, repos, tiny_model};
use schemas::report::ReuseRun;

/// Files of a small repository, by path.
type Files = Vec<(String, String)>;

fn first_night() -> Files {
    let mut files: Files = (0..40)
        .map(|n| {
            let text = format!(
                "function f() {{\n  var a = {n};\n  if (a == 1) {{ return a; }}\n  return b(a);\n}}\nf();\n"
            );
            (format!("src/f{n}.js"), text)
        })
        .collect();
    files.extend((0..20).map(|n| (format!("lib/g{n}.py"), format!("x = {n}\nif x == None:\n    y()\n"))));
    files.extend((0..20).map(|n| (format!("plain/h{n}.js"), format!("if (a == {n}) {{ b(); }}\n"))));
    files
}

fn commit(dir: &Path, files: &Files) -> PathBuf {
    repos::make(dir, files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}

/// Runs a job with rules and options on the repository.
fn night(cluster: &Cluster, job: &str, repo: &Path, options: &[&str]) -> Finished {
    let finished = cluster.run_with(job, &[options, &[repo.to_str().unwrap()]].concat());
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    finished
}

fn counts(finished: &Finished) -> (u64, u64, u64) {
    let ReuseRun { files_reused, files_in_part, files_done, .. } = finished.run().reuse;
    (files_reused, files_in_part, files_done)
}

/// The report of the same job when nothing is known, byte for byte.
async fn cold(repo: &Path, options: &[&str]) -> Vec<u8> {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.start_worker();
    let finished = night(&cluster, "cold", repo, options);
    assert_eq!(counts(&finished).0 + counts(&finished).1, 0);
    finished.report_bytes()
}

const ALL: [&str; 2] = ["--rules", "all"];

#[tokio::test(flavor = "multi_thread")]
async fn the_second_night_does_what_changed() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let dir = cluster.path("repo");
    let mut files = first_night();
    let repo = commit(&dir, &files);
    let first = night(&cluster, "one", &repo, &ALL);
    assert_eq!(counts(&first), (0, 0, 80));

    let unchanged = night(&cluster, "two", &repo, &ALL);
    assert_eq!(counts(&unchanged), (80, 0, 0));
    assert_eq!(unchanged.run().counts.batches, 0, "no worker is asked");
    assert!(unchanged.report_bytes() == first.report_bytes(), "the report differs");

    // One changes, one is new, one is gone, one moves.
    files[3].1 = "function f() { var changed = 1; return changed; }\nf();\n".to_owned();
    files.push(("src/new.js".to_owned(), "function f() { var fresh = 1; return fresh; }\nf();\n".to_owned()));
    files.remove(50);
    files[0].0 = "moved/there.js".to_owned();
    commit(&dir, &files);
    let third = night(&cluster, "three", &repo, &ALL);
    assert_eq!(counts(&third), (78, 0, 2));
    assert!(third.report_bytes() == cold(&repo, &ALL).await, "the report differs from a cold run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_comes_or_goes_runs_alone_where_nothing_is_mended() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let repo = commit(&cluster.path("repo"), &first_night());
    night(&cluster, "one", &repo, &["--rules", "none,no-var,E711"]);
    let with_one_more = ["--rules", "none,no-var,E711,eqeqeq"];
    let second = night(&cluster, "two", &repo, &with_one_more);
    // 40 files of JavaScript are mended by no-var, so all their rules are certified together; 20 have findings alone.
    // The rule says nothing of Python.
    assert_eq!(counts(&second), (20, 20, 40));
    assert!(second.report_bytes() == cold(&repo, &with_one_more).await, "the report differs from a cold run");
    let with_one_less = ["--rules", "none,no-var,E711"];
    let third = night(&cluster, "three", &repo, &with_one_less);
    assert_eq!(counts(&third), (80, 0, 0), "both sets of rules are remembered");
    assert!(third.report_bytes() == cold(&repo, &with_one_less).await, "the report differs from a cold run");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_blob_in_two_repos_is_done_once() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let one = commit(&cluster.path("one"), &first_night());
    let mut files = first_night();
    files
        .iter_mut()
        .filter(|(path, _)| path.ends_with(".js"))
        .for_each(|(path, _)| *path = format!("copy/{path}"));
    let other = commit(&cluster.path("other"), &files);
    let first = night(&cluster, "one", &one, &ALL);
    let second = night(&cluster, "two", &other, &ALL);
    assert_eq!((counts(&first), counts(&second)), ((0, 0, 80), (80, 0, 0)));
    assert!(second.report_bytes() == cold(&other, &ALL).await, "the report differs from a cold run");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_read_once_whatever_the_rules_are() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let mut files = first_night();
    let long: String = (0..4000).map(|n| format!("name_{n} = {n}\n")).collect();
    files.push(("long.py".to_owned(), long.clone()));
    let dir = cluster.path("repo");
    let repo = commit(&dir, &files);
    let model = tiny_model(cluster.path("model"));
    let with_model = |rules| ["--rules", rules, "--model", model.to_str().unwrap()];
    let first = night(&cluster, "one", &repo, &with_model("none,no-var"));
    assert!(first.run().stats.n_tokens > 0);
    let other_rules = night(&cluster, "two", &repo, &with_model("none,no-var,E711,eqeqeq"));
    assert_eq!(other_rules.run().stats.n_tokens, 0, "the model has nothing to read");
    assert_eq!(other_rules.report().totals.tokens, first.report().totals.tokens);

    // Only what follows the change of a long file is read again.
    files.last_mut().unwrap().1 = format!("{long}more = 1\n");
    commit(&dir, &files);
    let appended = night(&cluster, "three", &repo, &with_model("none,no-var"));
    assert!(appended.run().stats.n_tokens > 0);
    assert!(
        appended.run().stats.n_tokens < first.run().stats.n_tokens * 2 / 3,
        "all windows were read again"
    );
    assert!(appended.report_bytes() == cold(&repo, &with_model("none,no-var")).await, "the report differs");
    let other_type = [&with_model("none,no-var")[..], &["--dtype", "bf16"]].concat();
    let bf16 = night(&cluster, "four", &repo, &other_type);
    assert!(bf16.run().stats.n_tokens > 0, "vectors of another type are other vectors");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_does_known_files_again_and_finds_one_that_was_changed() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let repo = commit(&cluster.path("repo"), &first_night());
    let first = night(&cluster, "one", &repo, &ALL);
    let audited = night(&cluster, "two", &repo, &[&ALL[..], &["--audit", "100"]].concat());
    let reuse = audited.run().reuse;
    assert_eq!((reuse.files_audited, reuse.files_reused, reuse.audit_differs.len()), (80, 0, 0));
    assert!(audited.report_bytes() == first.report_bytes(), "the report differs");
    let some = night(&cluster, "three", &repo, &[&ALL[..], &["--audit", "25"]].concat()).run().reuse;
    assert!(
        (5..40).contains(&some.files_audited) && some.files_reused == 80 - some.files_audited,
        "{some:?}"
    );
    let none = night(&cluster, "four", &repo, &[&ALL[..], &["--no-reuse"]].concat());
    assert_eq!(counts(&none), (0, 0, 80));
    assert!(none.report_bytes() == first.report_bytes(), "the report differs");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_in_the_store_is_done_again() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let repo = commit(&cluster.path("repo"), &first_night());
    let first = night(&cluster, "one", &repo, &ALL);
    for folder in ["snapshots", "index", "results"] {
        damage(&cluster.path("store").join(folder));
        // An orchestrator that starts knows of no earlier result what it cannot read.
        cluster.kill_orchestrator();
        cluster.start_orchestrator();
        let again = night(&cluster, &format!("after-{folder}"), &repo, &ALL);
        assert!(again.report_bytes() == first.report_bytes(), "the report differs");
    }
}

/// Changes a byte in the middle of every file below a folder.
fn damage(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
    }
}
