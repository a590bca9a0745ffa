//! A job from start to end: reports, patches, tensors, and the same bytes however it ran.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Cluster, binary, repos, tiny_model};
use schemas::report::Tensors;

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-C"])
        .arg(dir)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The example repository of the demo: every rule, and every odd kind of file.
fn example(dir: &Path) -> PathBuf {
    let maker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/example/make-repo");
    assert!(Command::new(maker).arg(dir).output().unwrap().status.success());
    dir.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_scanned_mended_and_encoded_and_nothing_safe_is_left() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let repo = example(&cluster.path("example"));
    let model = tiny_model(cluster.path("model"));
    let finished = cluster.run("first", &["--model", model.to_str().unwrap(), repo.to_str().unwrap()]);
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());

    let report = finished.report();
    let listed = git(&repo, &["ls-tree", "-r", "HEAD"]).lines().count() as u64;
    assert_eq!(report.totals.ledger.entries, listed);
    assert!(report.totals.ledger.adds_up());
    assert_eq!(report.model.as_ref().map(|model| model.trained), Some(false));
    for rule in ["no-var", "prefer-const", "eqeqeq", "object-shorthand", "E711", "UP004", "UP032"] {
        assert!(report.totals.findings.contains_key(rule), "{rule} finds nothing in the example");
    }

    // Every patch applies on its own, and all of them together leave nothing safe to fix.
    let patches = finished.out.join("patches").join(report.repos[0].repo.as_str());
    for patch in &report.repos[0].patches {
        git(&repo, &["checkout", "-q", "-B", "try", report.repos[0].commit.as_ref().unwrap()]);
        git(
            &repo,
            &["am", "-q", patches.join(Path::new(&patch.file).file_name().unwrap()).to_str().unwrap()],
        );
    }
    git(&repo, &["checkout", "-q", "-B", "mended", report.repos[0].commit.as_ref().unwrap()]);
    git(&repo, &["am", "-q", patches.join("all.mbox").to_str().unwrap()]);
    let again = cluster.run("second", &["--model", "none", &format!("{}@mended", repo.display())]).report();
    let left: Vec<_> = again.repos[0]
        .findings
        .iter()
        .filter(|finding| finding.fix == schemas::result::Fixability::Safe)
        .map(|finding| format!("{} {}:{}", finding.rule, finding.path, finding.place.line))
        .collect();
    assert_eq!(left, Vec::<String>::new());

    check_tensors(&cluster, &finished.out, &report);
    check_schema(&finished.out);
}

/// `report.json` is what its committed schema says.
fn check_schema(out: &Path) {
    let read =
        |path: &Path| serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).unwrap()).unwrap();
    let schema = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/report.schema.json"));
    jsonschema::validate(&schema, &read(&out.join("report.json"))).unwrap();
}

/// Every scanned file that has tokens has its two tensors in a pack that any safetensors reader opens.
fn check_tensors(cluster: &Cluster, out: &Path, report: &schemas::report::Report) {
    let tensors: Tensors = serde_json::from_slice(&std::fs::read(out.join("tensors.json")).unwrap()).unwrap();
    assert!(tensors.files.len() as u64 >= report.totals.ledger.scanned - 2);
    for window in tensors.files.iter().flat_map(|file| &file.windows) {
        let path = cluster.path("store").join(format!("tensors/{}.safetensors", window.pack));
        let bytes = std::fs::read(path).unwrap();
        let pack = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for name in ["sentence_embedding", "mean_hidden_state"] {
            let tensor = pack.tensor(&format!("{}.{name}", window.chunk)).unwrap();
            assert_eq!(tensor.shape(), [128]);
            let values =
                tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
            assert!(values.clone().all(f32::is_finite) && values.clone().any(|value| value != 0.0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_planned_as_they_are_read_and_a_long_file_is_read_whole() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let long: String = (0..4000).map(|n| format!("name_{n} = {n}\n")).collect();
    let mut files = vec![("long.py".to_owned(), long)];
    files.extend((1..80).map(|n| (format!("f{n}.py"), format!("call(first, {n})\n").repeat(n * n % 97))));
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
    let repo = repos::make(&cluster.path("repo"), files);
    let model = tiny_model(cluster.path("model"));
    let arguments = ["--model", model.to_str().unwrap(), repo.to_str().unwrap()];

    let dry = cluster.run("dry", &[&["--dry-run"], &arguments[..]].concat());
    assert_eq!(dry.code, 0, "{}\n{}", dry.stderr, cluster.logs());
    let plan: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dry.out.join("plan.json")).unwrap()).unwrap();
    // Another orchestrator finds the counts of the first.
    cluster.kill_orchestrator();
    cluster.start_orchestrator();
    let finished = cluster.run("job", &arguments);
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());

    let (report, run) = (finished.report(), finished.run());
    assert_eq!(plan["tokens_counted"], true);
    assert_eq!(plan["repos"][0]["tokens"], report.totals.tokens);
    assert_eq!(run.counts.tokens, report.totals.tokens);
    assert!(run.real_token_share.unwrap() >= 0.9, "{run:?}");
    assert!(run.stats.n_tokens >= report.totals.tokens, "windows overlap: {run:?}");
    assert_eq!((run.files_in_windows, report.totals.files_in_windows), (1, 1));
    let windowed = &report.repos[0].in_windows[0];
    assert!(windowed.path.to_string() == "long.py" && windowed.n_windows > 1, "{windowed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_and_three_write_the_same_report() {
    let mut reports = Vec::new();
    for n_workers in [1, 3] {
        let Some(mut cluster) = Cluster::start().await else { return };
        let repo = repos::make_many(&cluster.path("many"), 300);
        for _ in 0..n_workers {
            cluster.start_worker();
        }
        let finished = cluster.run("job", &[repo.to_str().unwrap()]);
        assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
        assert_eq!(finished.report().totals.ledger.scanned, 300);
        reports.push(finished.report_bytes());
    }
    assert!(reports[0] == reports[1], "the reports differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_mode_runs_the_whole_system_and_leaves_nothing_running() {
    if bus::PrivateServer::find_binary().is_err() && std::env::var_os("NM_REQUIRE_NATS").is_none() {
        eprintln!("SKIPPED: no nats-server");
        return;
    }
    for built in ["orchestrator", "worker"] {
        assert!(binary(built).is_file());
    }
    let dir = tempfile::tempdir().unwrap();
    let repo = repos::make_many(&dir.path().join("repo"), 20);
    let data = dir.path().join("data");
    let output = Command::new(binary("submit-job"))
        .args(["--local", "--workers", "2", "--data-dir"])
        .arg(&data)
        .arg("--out")
        .arg(dir.path().join("out"))
        .arg(&repo)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(dir.path().join("out/report.json").is_file());
    assert!(dir.path().join("out/run.json").is_file());
    let left = Command::new("pgrep").arg("-f").arg(data.to_str().unwrap()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "processes are left");
}
