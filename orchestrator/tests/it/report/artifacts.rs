//! What the artifacts say: sums, order, failures, certificates, SARIF.

use orchestrator::report::RepoInput;
use schemas::job::FixLevel;
use schemas::ledger::LedgerEntry;
use schemas::report::{CertificateReport, Report, Tensors};
use schemas::result::apply_edits;
use serde_json::Value;

use super::fixture::{Artifacts, Case, Fixture, run, run_one, spec};

fn cases() -> Vec<Case> {
    vec![
        Case::mended(b"src/one.js", b"var a;\n", "no-var", b"let a;\n"),
        Case::mended(b"src/two|pipe.js", b"x();\nvar b;\n", "no-var", b"x();\nlet b;\n"),
        Case::mended("größe:1.py".as_bytes(), b"x == None\n", "E711", b"x is None\n"),
        Case::mended(b"z.js", b"let c = 1;\n", "prefer-const", b"const c = 1;\n"),
    ]
}

/// A job with a good repo, one where a file and a batch failed, and one that could not be cloned.
fn mixed() -> Artifacts {
    let good = Fixture::new(cases());
    let torn = Fixture::new(cases());
    let mut repo = torn.scanned();
    repo.files.insert(1, Err("nested too deep".to_owned()));
    for &entry in &repo.plan.batches[1].files {
        repo.files.insert(entry, Err("source pack is gone".to_owned()));
    }
    let gone = RepoInput::Failed { reason: "no repository at '/srv/gone'".to_owned(), commit: None };
    let spec = spec(&["https://me:key@example.org/o/app.git", "git@example.org:o/torn", "/srv/gone"]);
    run(&spec, vec![RepoInput::Scanned(good.scanned()), RepoInput::Scanned(repo), gone])
}

#[test]
fn the_ledger_adds_up_and_failures_make_the_report_partial() {
    let artifacts = mixed();
    let report = &artifacts.report;
    assert!(report.partial && report.totals.ledger.adds_up());
    assert_eq!((report.totals.repos, report.totals.repos_failed), (2, 1));
    assert_eq!((report.totals.ledger.entries, report.totals.ledger.failed), (10, 3));
    let failed: Vec<String> = report.repos[1].failed.iter().map(|file| format!("{file:?}")).collect();
    assert!(failed[0].contains("größe:1.py") && failed[0].contains("source pack is gone"), "{failed:?}");
    assert!(failed[1].contains("two|pipe.js") && failed[1].contains("nested too deep"), "{failed:?}");
    let lines = artifacts.text("ledger/torn.jsonl");
    let entries: Vec<LedgerEntry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 5);
    assert!(lines.contains("\"outcome\":\"failed\",\"reason\":\"source pack is gone\""));
}

#[test]
fn nothing_that_only_this_machine_or_the_owner_knows_is_told() {
    for (file, bytes) in &mixed().files {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("/srv/") && !text.contains("key@") && !text.contains("/tmp"), "{file}");
    }
}

#[test]
fn the_same_results_give_the_same_bytes_in_any_order() {
    let fixture = Fixture::new(cases());
    let (once, again) = (run_one(fixture.scanned()), run_one(fixture.scanned_in(true)));
    assert!(once.files == run_one(fixture.scanned()).files);
    for (file, bytes) in &once.files {
        assert!(*bytes == again.files[file], "{file}");
    }
    assert_eq!(once.files.len(), again.files.len());
}

#[test]
fn report_json_is_the_report() {
    let artifacts = mixed();
    let read: Report = serde_json::from_str(&artifacts.text("report.json")).unwrap();
    assert_eq!(read, artifacts.report);
    let paths: Vec<String> = read.repos[0].findings.iter().map(|finding| finding.path.to_string()).collect();
    assert_eq!(paths, ["größe:1.py", "src/one.js", "src/two|pipe.js", "z.js"]);
}

#[test]
fn the_tensors_of_files_are_listed_by_path() {
    let tensors: Tensors = serde_json::from_str(&mixed().text("tensors.json")).unwrap();
    let n_tokens: u64 = tensors.files.iter().map(|file| file.n_tokens).sum();
    assert_eq!((tensors.files.len(), n_tokens), (5, 50));
    assert!(tensors.files.is_sorted_by(|left, right| (&left.repo, &left.path) <= (&right.repo, &right.path)));
}

#[test]
fn every_certificate_can_be_replayed_from_the_base_blob() {
    let fixture = Fixture::new(cases());
    let artifacts = run_one(fixture.scanned());
    let text = artifacts.text("patches/app/certificates.json");
    let certificates: Vec<CertificateReport> = serde_json::from_str(&text).unwrap();
    assert_eq!(certificates.len(), 8);
    for proof in certificates.iter().filter(|proof| !proof.series) {
        let case = fixture.cases.iter().find(|case| case.path == proof.path).unwrap();
        let after = apply_edits(&case.base, &proof.edits).unwrap();
        assert_eq!(schemas::Digest::of(&after), proof.certificate.after);
        assert!(
            ["parses", "digest", "applies"].iter().all(|check| proof
                .certificate
                .checks
                .iter()
                .any(|c| c == check))
        );
    }
}

#[test]
fn a_mend_whose_digest_does_not_fit_is_left_out_and_counted() {
    let fixture = Fixture::new(cases());
    let mut repo = fixture.scanned();
    if let Some(Ok(file)) = repo.files.get_mut(&0) {
        file.alone[0].certificate.after = schemas::Digest::of(b"another text");
        file.series[0].edits[0].start += 1;
    }
    let artifacts = run_one(repo);
    let totals = &artifacts.report.totals;
    assert_eq!((totals.dropped["digest"], totals.dropped["series_digest"]), (1, 1));
    assert_eq!(totals.fixed["no-var"], 1);
    assert!(!artifacts.text("patches/app/no-var.patch").contains("src/one.js"));
    assert!(!artifacts.text("patches/app/certificates.json").contains("src/one.js"));
}

#[test]
fn a_file_where_a_patch_does_not_apply_is_left_out() {
    let fixture = Fixture::new(cases());
    let mut repo = fixture.scanned();
    // A ledger that names a blob of another file: its text is mended, but the tree holds another one there.
    let (path, other) = (repo.plan.entries[0].path.clone(), repo.plan.entries[3].path.clone());
    repo.plan.entries[0].path = other;
    repo.plan.entries[3].path = path;
    let artifacts = run_one(repo);
    let report = &artifacts.report;
    let patch = artifacts.text("patches/app/no-var.patch");
    assert!(patch.contains("two|pipe.js") && !patch.contains("z.js"));
    assert!(!artifacts.files.contains_key("patches/app/prefer-const.patch"));
    assert!(!artifacts.files.contains_key("patches/app/all.mbox"));
    assert_eq!((report.totals.dropped["applies"], report.totals.dropped["series_applies"]), (2, 4));
    assert!(artifacts.files.contains_key("patches/app/E711.patch"));
    assert!(artifacts.text("report.md").contains("There is no series of all rules"));
}

#[test]
fn without_fixes_there_are_no_patches() {
    let fixture = Fixture::new(cases());
    let mut spec = spec(&["https://example.org/o/app.git"]);
    spec.fix = FixLevel::None;
    let artifacts = run(&spec, vec![RepoInput::Scanned(fixture.scanned())]);
    assert!(artifacts.files.keys().all(|file| !file.starts_with("patches/")));
}

#[test]
fn the_markdown_names_what_was_found_mended_and_failed() {
    insta::assert_snapshot!(mixed().text("report.md"));
}

fn sarif() -> Value {
    serde_json::from_str(&mixed().text("report.sarif")).unwrap()
}

#[test]
fn sarif_has_a_run_per_repo_with_rules_places_and_fingerprints() {
    insta::assert_snapshot!(mixed().text("report.sarif"));
}

#[test]
fn sarif_results_refer_to_rules_of_their_run() {
    let log = sarif();
    let mut n_results = 0;
    for run in log["runs"].as_array().unwrap() {
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
            n_results += 1;
        }
    }
    assert_eq!(n_results, 5);
}

/// The schema is not part of this repository. `NM_SARIF_SCHEMA` names a copy of `sarif-schema-2.1.0.json`.
#[test]
fn sarif_is_valid_against_its_schema() {
    let Some(path) = std::env::var_os("NM_SARIF_SCHEMA") else {
        eprintln!("SKIPPED: NM_SARIF_SCHEMA names no copy of sarif-schema-2.1.0.json");
        return;
    };
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let log = sarif();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn a_file_longer_than_the_model_is_counted_and_named() {
    let fixture = Fixture::new(cases());
    let mut repo = fixture.scanned();
    if let Some(Ok(file)) = repo.files.get_mut(&0) {
        let tokens = file.tokens.as_mut().unwrap();
        tokens.windows = vec![tokens.windows[0]; 3];
    }
    let artifacts = run_one(repo);
    let report = &artifacts.report.repos[0];
    assert_eq!((report.totals.files_in_windows, report.in_windows.len()), (1, 1));
    assert_eq!(
        (report.in_windows[0].path.to_string(), report.in_windows[0].n_windows),
        ("src/one.js".into(), 3)
    );
    let markdown = artifacts.text("report.md");
    assert!(markdown.contains("- `src/one.js`: 10 tokens in 3 windows"), "{markdown}");
}
