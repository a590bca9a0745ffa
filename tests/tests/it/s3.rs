//! The whole system over S3: the report must be the bytes that it is over a local disk.

use std::path::Path;
use std::process::Command;

use e2e::{binary, repos, tiny_model};
use s3_server::{BUCKET, S3Server};

/// Runs a job of all rules in a local system of its own and returns its report.
fn run(dir: &Path, name: &str, repo: &Path, model: &Path, store: &str, server: &S3Server) -> Vec<u8> {
    let out = dir.join(format!("out-{name}"));
    let output = Command::new(binary("submit-job"))
        .args(["--local", "--workers", "2", "--rules", "all", "--store", store, "--data-dir"])
        .arg(dir.join(format!("data-{name}")))
        .args(["--model", model.to_str().unwrap(), "--out"])
        .arg(&out)
        .arg(repo)
        .envs(server.variables())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(out.join("report.json")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_s3_writes_the_report_of_one_over_a_local_disk() {
    if bus::PrivateServer::find_binary().is_err() && std::env::var_os("NM_REQUIRE_NATS").is_none() {
        eprintln!("SKIPPED: no nats-server");
        return;
    }
    let server = S3Server::start(0).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let repo = repos::make_many(&dir.path().join("repo"), 60);
    let model = tiny_model(dir.path().join("model"));
    let run = |name: &str, store: &str| run(dir.path(), name, &repo, &model, store, &server);
    let local = run("local", &format!("file://{}/store", dir.path().display()));
    let over_s3 = run("s3", &format!("s3://{BUCKET}/calm"));
    let among_faults =
        run("faulty", &format!("faulty+s3://{BUCKET}/faulty?seed=7&error=0.05&lost=0.02&conflict=0.02"));
    assert!(local == over_s3, "the report over S3 differs");
    assert!(local == among_faults, "the report over an S3 that fails differs");
    for folder in ["calm/results/", "calm/tensors/", "faulty/results/", "faulty/tensors/"] {
        assert!(server.n_objects(folder) > 0, "nothing is in {folder}");
    }
}
