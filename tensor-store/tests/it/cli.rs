//! The binary: what it prints, and what it exits with.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use schemas::Digest;
use tensor_store::{Key, Pack, Store, Tensor};

use crate::jobs::{self, age};
use crate::{local, path_of};

fn tensor_store(store: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tensor-store"));
    command.env_remove("NM_STORE").arg("--store").arg(store).args(arguments).output().unwrap()
}

/// Runs a command that must end with `code`, and returns what it printed.
fn check(folder: &tempfile::TempDir, arguments: &[&str], code: i32) -> String {
    let output = tensor_store(folder.path(), arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    out + &err
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

async fn store_with_a_job(folder: &tempfile::TempDir) -> (Store, Digest) {
    let store = local(folder);
    jobs::run(&store, "one", &[1, 2]).await;
    let wide = Tensor::from_f32(vec![2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let pack = Pack::builder().metadata("model", "m").add_tensor("a/b.mean", wide).build().unwrap();
    store.put_pack(&pack).await.unwrap();
    (store, pack.digest())
}

#[tokio::test]
async fn ls_and_stat_say_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (store, pack) = store_with_a_job(&folder).await;
    let listed = check(&folder, &["ls"], 0);
    assert_eq!(listed.lines().count(), store.list("").await.unwrap().len());
    assert!(check(&folder, &["ls", "jobs/one/"], 0).lines().all(|line| line.contains("  jobs/one/")));
    assert!(json(&check(&folder, &["ls", "tensors", "--json"], 0))["n_bytes"].as_u64().unwrap() > 0);
    assert_eq!(json(&check(&folder, &["stat", "--json"], 0))["tensors"]["n_objects"], 3);
    let stat = json(&check(&folder, &["stat", &pack.to_string(), "--json"], 0));
    assert_eq!(stat["tensors"][0], serde_json::json!({"name": "a/b.mean", "dtype": "F32", "shape": [2, 3]}));
    assert!(check(&folder, &["stat", "results"], 0).contains("2 objects"));
    assert!(check(&folder, &["stat", "nothing"], 1).contains("`nothing` is neither object nor folder"));
}

#[tokio::test]
async fn get_writes_objects_packs_and_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let (store, pack) = store_with_a_job(&folder).await;
    let out = tempfile::tempdir().unwrap();
    let to = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let tensor = format!("{pack}#a/b.mean");

    check(&folder, &["get", &tensor, "--out", &to("x.npy")], 0);
    let npy = fs::read(to("x.npy")).unwrap();
    assert!(npy.starts_with(b"\x93NUMPY") && npy.ends_with(&5.0_f32.to_le_bytes()));
    check(&folder, &["get", &tensor, "--out", &to("x.safetensors")], 0);
    let file = fs::read(to("x.safetensors")).unwrap();
    assert_eq!(
        safetensors::SafeTensors::deserialize(&file).unwrap().tensor("a/b.mean").unwrap().shape(),
        [2, 3]
    );
    for name in [pack.to_string(), Key::tensors(pack).to_string()] {
        check(&folder, &["get", &name, "--out", &to("pack")], 0);
        assert_eq!(Digest::of(&fs::read(to("pack")).unwrap()), pack);
    }
    assert_eq!(check(&folder, &["get", "jobs/one/run.json", "--out", "-"], 0), "{}");
    drop(store);

    for (object, out, reason) in [
        (format!("{pack}#nothing"), to("y.npy"), "holds no tensor `nothing`"),
        (tensor.clone(), to("y.txt"), "`.npy` or `.safetensors`"),
        (format!("{}#x", Digest::of(b"x")), to("y.npy"), "not found"),
        ("short#x".to_owned(), to("y.npy"), "`short` is no digest"),
        ("jobs/two/spec".to_owned(), to("y"), "object `jobs/two/spec` not found"),
        (tensor, to("missing/y.npy"), "cannot write"),
    ] {
        let said = check(&folder, &["get", &object, "--out", &out], 1);
        assert!(said.contains(reason), "{said}");
        assert!(!Path::new(&out).exists());
    }
}

#[tokio::test]
async fn verify_names_every_damaged_object_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (store, pack) = store_with_a_job(&folder).await;
    let all = store.list("").await.unwrap().len();
    assert!(check(&folder, &["verify"], 0).starts_with(&format!("{all} sound, 0 damaged")));
    assert!(check(&folder, &["verify", "--sample", "0%"], 0).starts_with("0 sound"));

    let damaged = [
        Key::tensors(pack),
        Key::results(jobs::batch(1).digest()),
        Key::job_plan("one", 0),
        Key::job_spec("one"),
    ];
    for key in &damaged {
        let mut bytes = fs::read(path_of(&folder, key)).unwrap();
        bytes.pop();
        *bytes.last_mut().unwrap() ^= 0x20;
        fs::write(path_of(&folder, key), bytes).unwrap();
    }
    let said = check(&folder, &["verify"], 3);
    for key in &damaged {
        assert!(said.contains(&format!("damaged: {key}: ")), "{said}");
    }
    assert!(said.contains(&format!("{} sound, 4 damaged", all - 4)), "{said}");
    assert_eq!(check(&folder, &["verify", "tensors", "--json"], 3).lines().count(), 2);
    assert!(check(&folder, &["verify", "--sample", "200%"], 2).contains("0% to 100%"));
}

#[tokio::test]
async fn gc_counts_and_removes_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (store, pack) = store_with_a_job(&folder).await;
    age(folder.path());
    assert!(check(&folder, &["gc"], 0).contains("nothing was removed: add --delete"));
    assert!(store.exists(&Key::tensors(pack)).await.unwrap());
    assert!(check(&folder, &["gc", "--grace", "1s", "--delete"], 1).contains("--nobody-writes"));
    let report = json(&check(&folder, &["gc", "--delete", "--json"], 0));
    assert_eq!(report["folders"]["tensors"]["freed"]["n_objects"], 1);
    assert!(!store.exists(&Key::tensors(pack)).await.unwrap());
    assert!(check(&folder, &["gc", "--max-bytes", "1"], 0).contains("job one: would free"));
    jobs::put_spec(&store, "active").await;
    assert!(check(&folder, &["gc", "--delete"], 3).contains("job active is being planned"));
    jobs::plan(&store, "active", &[]).await;
    assert!(check(&folder, &["gc", "--max-bytes", "1"], 3).contains("does not fit --max-bytes"));
    fs::write(path_of(&folder, &Key::job_plan("one", 0)), b"torn").unwrap();
    assert!(check(&folder, &["gc", "--delete"], 1).contains("object `jobs/one/repos/0/plan` is corrupt"));
}

#[test]
fn a_store_that_is_not_there_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("typo");
    let output = tensor_store(&missing, &["ls"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no such folder"));
    assert!(!missing.exists());
}

#[test]
fn bench_measures_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let said = check(
        &folder,
        &["bench", "--dir", dir, "--rounds", "0", "--packs", "3", "--tensors", "4", "--json"],
        0,
    );
    let crowd = json(&said);
    assert_eq!((&crowd["tensors"], &crowd["objects"]), (&12.into(), &8.into()));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "it cleans up behind itself");
}
