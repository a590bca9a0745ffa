//! Preparing a process: it starts itself anew once, whoever set what.

use std::process::Command;

fn environment_line(set: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_m2bert"));
    for name in [
        "OMP_WAIT_POLICY",
        "THP_MEM_ALLOC_ENABLE",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY",
        "PYTORCH_CUDA_ALLOC_CONF",
    ] {
        command.env_remove(name);
    }
    let output = command.arg("runtime").envs(set.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().next().unwrap().to_owned()
}

#[test]
fn a_bare_environment_is_filled_by_one_restart() {
    assert_eq!(environment_line(&[]), "environment        set");
}

#[test]
fn what_the_user_set_is_kept() {
    assert_eq!(environment_line(&[("OMP_WAIT_POLICY", "active")]), "environment        set");
}
