//! What repositories say of how they are scanned, from the command line to the patch.

use e2e::{Cluster, repos};

const RULE: &[u8] = b"id: no-log\nlanguage: JavaScript\nmessage: no logs\nrule: { pattern: log($A) }\n\
                      fix: note($A)\nmetadata: { applicability: safe }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_brings_rules_and_takes_some_of_the_jobs_away() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    let folder = cluster.path("ruled");
    let repo = repos::make(
        &folder,
        [
            (".nightmend/rules/a.yml", RULE),
            ("a.js", &b"log(1);\nif (!!a) {}\n"[..]),
            ("nightmend.toml", &b"ignore = ['no-extra-boolean-cast']\n"[..]),
        ],
    );
    let repo = repo.to_str().unwrap();
    let with = cluster.run("with", &["--model", "none", "--repo-rules", repo]).report();
    let found: Vec<&str> = with.repos[0].findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(found, ["no-log"]);
    assert!(with.repos[0].patches.iter().any(|patch| patch.rule == "no-log"));
    let without = cluster.run("without", &["--model", "none", "--repo-config", "off", repo]).report();
    let found: Vec<&str> = without.repos[0].findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(found, ["no-extra-boolean-cast"]);
}
