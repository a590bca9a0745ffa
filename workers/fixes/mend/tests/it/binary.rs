//! `mend` as a person runs it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn mend(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mend"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("mend starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A working tree of these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("there is room");
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }
    folder
}

const CAST: &str = "if (!!a) {\n    b();\n}\n";

#[test]
fn exit_codes_tell_clean_from_findings_from_mistakes() {
    let folder = tree(&[("a.js", CAST), ("b.js", "b();\n")]);
    let code = |arguments: &[&str]| mend(folder.path(), arguments).status.code();
    assert_eq!(code(&["check", "."]), Some(1));
    assert_eq!(code(&["check", "b.js"]), Some(0));
    assert_eq!(code(&["check", "nothing.js"]), Some(2));
    assert_eq!(code(&["check", "--select", "no-such-rule", "."]), Some(2));
    assert_eq!(code(&["explain", "no-extra-boolean-cast"]), Some(0));
    let said = mend(folder.path(), &["explain", "no-extra-bolean-cast"]);
    assert!(text(&said.stderr).contains("did you mean no-extra-boolean-cast"), "{}", text(&said.stderr));
}

#[test]
fn a_fix_is_shown_and_then_written_with_certificates_that_hold() {
    let folder = tree(&[("a.js", CAST)]);
    let shown = mend(folder.path(), &["fix", "."]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(text(&shown.stdout).contains("-if (!!a) {\n+if (a) {\n"), "{}", text(&shown.stdout));
    assert_eq!(std::fs::read_to_string(folder.path().join("a.js")).unwrap(), CAST);
    let written = mend(folder.path(), &["fix", "--write", "--certificates", "proofs", "."]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert_eq!(std::fs::read_to_string(folder.path().join("a.js")).unwrap(), "if (a) {\n    b();\n}\n");
    let proof = "proofs/000001-no-extra-boolean-cast.json";
    assert_eq!(mend(folder.path(), &["verify", proof]).status.code(), Some(0));
    std::fs::write(folder.path().join("other.js"), "if (!!c) {}\n").unwrap();
    assert_eq!(mend(folder.path(), &["verify", proof, "--base", "other.js"]).status.code(), Some(1));
}

#[test]
fn a_configuration_takes_paths_and_rules_away_and_mistakes_in_it_have_a_line() {
    let config = "ignore = ['eqeqeq']\nexclude = ['old/**']\n";
    let folder = tree(&[("nightmend.toml", config), ("a.js", "a == 1;\n"), ("old/a.js", CAST)]);
    assert_eq!(mend(folder.path(), &["check", "."]).status.code(), Some(0));
    assert_eq!(mend(folder.path(), &["check", "--no-config", "."]).status.code(), Some(1));
    std::fs::write(folder.path().join("nightmend.toml"), "ignore = []\nignored = []\n").unwrap();
    let wrong = mend(folder.path(), &["check", "."]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("nightmend.toml:2:"), "{}", text(&wrong.stderr));
}

#[test]
fn a_baseline_knows_old_findings_where_their_lines_moved() {
    let folder = tree(&[("a.js", CAST)]);
    let base = mend(folder.path(), &["check", "--write-baseline", "known.json", "."]);
    assert_eq!(base.status.code(), Some(0));
    std::fs::write(folder.path().join("a.js"), format!("c();\n\n{CAST}")).unwrap();
    assert_eq!(mend(folder.path(), &["check", "--baseline", "known.json", "."]).status.code(), Some(0));
    std::fs::write(folder.path().join("a.js"), format!("{CAST}if (!!d) {{\n    e();\n}}\n")).unwrap();
    let new = mend(folder.path(), &["check", "--baseline", "known.json", "."]);
    assert_eq!(new.status.code(), Some(1));
    assert!(text(&new.stdout).contains("a.js:4:5"), "{}", text(&new.stdout));
}

#[test]
fn only_changed_lines_are_looked_at_with_a_base() {
    let folder = tree(&[("a.js", CAST)]);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let done = Command::new("git").args(identity).args(arguments).current_dir(folder.path()).output();
        assert!(done.expect("git starts").status.success());
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "base"]);
    std::fs::write(folder.path().join("a.js"), format!("{CAST}if (!!d) {{\n    e();\n}}\n")).unwrap();
    let changed = mend(folder.path(), &["check", "--diff", "HEAD", "--format", "json", "."]);
    let report: serde_json::Value = serde_json::from_slice(&changed.stdout).unwrap();
    let lines: Vec<u64> =
        report["findings"].as_array().unwrap().iter().map(|found| found["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [4]);
    assert_eq!(mend(folder.path(), &["check", "--diff", "no-such-commit", "."]).status.code(), Some(2));
}

#[test]
fn formats_are_what_their_readers_expect() {
    let folder = tree(&[("a,b.js", CAST)]);
    let github = text(&mend(folder.path(), &["check", "--format", "github", "."]).stdout);
    assert!(github.starts_with("::notice file=a%2Cb.js,line=1,col=5,"), "{github}");
    let sarif = mend(folder.path(), &["check", "--format", "sarif", "."]).stdout;
    let sarif: serde_json::Value = serde_json::from_slice(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "no-extra-boolean-cast");
}

#[test]
fn users_rules_run_and_their_fixtures_are_tested() {
    let rule = "id: no-log\nlanguage: JavaScript\nmessage: no logs\nrule: { pattern: log($A) }\nfix: note($A)\n\
                metadata: { applicability: safe }\n";
    let fixtures = "id: no-log\nvalid: ['note(1)']\ninvalid:\n  - { code: log(1), fixed: note(1) }\n";
    let folder = tree(&[("a.js", "log(1);\n"), ("rules/a.yml", rule), ("rules/a-test.yml", fixtures)]);
    assert_eq!(mend(folder.path(), &["test", "rules"]).status.code(), Some(0));
    let fixed = mend(folder.path(), &["fix", "--write", "--rule-dir", "rules", "a.js"]);
    assert_eq!(fixed.status.code(), Some(0), "{}", text(&fixed.stderr));
    assert_eq!(std::fs::read_to_string(folder.path().join("a.js")).unwrap(), "note(1);\n");
    std::fs::write(folder.path().join("rules/a.yml"), "id: no-log\nlanguage: js\nrules: 1\n").unwrap();
    let wrong = mend(folder.path(), &["check", "--rule-dir", "rules", "a.js"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("a.yml"), "{}", text(&wrong.stderr));
}

#[test]
fn cases_come_back_in_order_one_a_line() {
    let folder = tree(&[(
        "cases.jsonl",
        "{\"id\": 1, \"language\": \"javascript\", \"rule\": \"eslint/no-extra-boolean-cast\", \"code\": \"if (!!a) {}\"}\n\
         {\"id\": \"b\", \"filename\": \"a.py\", \"rule\": \"E711\", \"code\": \"a == None\"}\n\
         {\"id\": 3, \"language\": \"cobol\", \"rule\": \"E711\", \"code\": \"\"}\n",
    )]);
    let answers = mend(folder.path(), &["cases", "cases.jsonl"]);
    assert_eq!(answers.status.code(), Some(0));
    let answers: Vec<serde_json::Value> =
        text(&answers.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0]["output"], "if (a) {}");
    assert_eq!(answers[0]["passes"], 1);
    let place = &answers[0]["findings"][0];
    assert_eq!([&place["line"], &place["column"], &place["end_line"], &place["end_column"]], [1, 5, 1, 8]);
    // The fix of E711 is unsafe, and ruff's cases are about safe ones.
    assert_eq!((&answers[1]["id"], &answers[1]["output"]), (&"b".into(), &serde_json::Value::Null));
    assert!(answers[2]["error"].as_str().unwrap().contains("cobol"));
}
