//! Every patch is given to `git am` in a fresh clone, and what it leaves is compared byte for byte.

use std::path::{Path, PathBuf};
use std::process::Command;

use git2::Repository;
use schemas::path::RepoPath;

use super::fixture::{Artifacts, Case, Fixture, run_one};

/// Texts that mail and patch readers are known to spoil.
fn hostile_cases() -> Vec<Case> {
    let long = |keyword: &str| format!("{keyword} x = \"{}\";\n", "y".repeat(3000)).into_bytes();
    let mended = |path: &[u8], base: &[u8], after: &[u8]| Case::mended(path, base, "no-var", after);
    let mut cases = vec![
        mended(b"plain.js", b"var a = 1;\nb();\n", b"let a = 1;\nb();\n"),
        mended(b"crlf.js", b"var a;\r\nb();\r\nvar c;\r\n", b"let a;\r\nb();\r\nlet c;\r\n"),
        mended(b"mixed-ends.js", b"var a;\r\nb();\n\rvar c;\n", b"let a;\r\nb();\n\rlet c;\n"),
        mended(b"latin1.js", b"// caf\xe9\nvar a;\n", b"// caf\xe9\nlet a;\n"),
        mended(b"utf8.js", "// größe\nvar a;\n".as_bytes(), "// größe\nlet a;\n".as_bytes()),
        mended(b"bom.js", b"\xef\xbb\xbfvar a;\n", b"\xef\xbb\xbflet a;\n"),
        mended(b"no-end.js", b"b();\nvar a;", b"b();\nlet a;"),
        mended(b"no-end-in-context.js", b"var a;\nb();", b"let a;\nb();"),
        mended(b"long.js", &long("var"), &long("let")),
        mended(b"blanks.js", b"var a;  \n\t\n \nb();\t\n", b"let a;  \n\t\n \nb();\t\n"),
        mended(
            b"mail.js",
            b"From me Mon Sep 17 00:00:00 2001\n---\n-- \n>From x\n-- >8 --\nvar a; // =3D\nFrom: x\ndiff --git a/x b/x\n",
            b"From me Mon Sep 17 00:00:00 2001\n---\n-- \n>From x\n-- >8 --\nlet a; // =3D\nFrom: x\ndiff --git a/x b/x\n",
        ),
        mended(b"- -.js", b"- var a;\n-- b\n+ c\n", b"- let a;\n-- b\n+ c\n"),
        mended("Ordner mit Raum/größe \"q\".js".as_bytes(), b"var a;\n", b"let a;\n"),
        mended(b"tab\tand\\slash.js", b"var a;\n", b"let a;\n"),
        mended(b"caf\xe9.js", b"var a;\n", b"let a;\n"),
        mended(b"x\ndiff --git a/plain.js b/plain.js\ndeleted file mode 100644\n", b"var a;\n", b"let a;\n"),
        mended(b" leading and trailing ", b"var a;\n", b"let a;\n"),
        mended(b"a/b b/a/b", b"var a;\n", b"let a;\n"),
    ];
    let mut executable =
        mended(b"run.js", b"#!/usr/bin/env node\nvar a;\n", b"#!/usr/bin/env node\nlet a;\n");
    executable.mode = 0o100_755;
    cases.push(executable);
    cases
}

/// Two rules on neighbouring lines and on the same ones, over two rounds and two files.
fn neighbouring_cases() -> Vec<Case> {
    let text = |first: &str, second: &str| format!("{first} a = 1;\n{second} b = 2;\na;\nb;\n").into_bytes();
    let neighbours = Case {
        path: "neighbours.js".into(),
        mode: 0o100_644,
        base: text("var", "let"),
        alone: vec![("no-var", text("let", "let")), ("prefer-const", text("var", "const"))],
        series: vec![
            (1, "no-var", text("let", "let")),
            (1, "prefer-const", text("let", "const")),
            (2, "prefer-const", text("const", "const")),
        ],
    };
    let mut second = neighbours.clone();
    second.path = "sub/second.js".into();
    second.base.extend_from_slice(b"x == None;\r\n");
    for (_, after) in &mut second.alone {
        after.extend_from_slice(b"x == None;\r\n");
    }
    for (_, _, after) in &mut second.series {
        after.extend_from_slice(b"x == None;\r\n");
    }
    let python = Case::mended(b"c.py", b"x == None\n", "E711", b"x is None\n");
    vec![neighbours, second, python]
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_COMMITTER_NAME", "C"), ("GIT_COMMITTER_EMAIL", "c@example.org")])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Gives a patch to plain `git am` in a fresh clone of the base.
fn am(fixture: &Fixture, artifacts: &Artifacts, file: &str) -> PathBuf {
    let work = fixture.folder.path().join(file.replace('/', "+"));
    let patch = artifacts.save(file, &patch_folder(fixture));
    git(fixture.folder.path(), &["clone", "-q", "mirror", work.to_str().unwrap()]);
    git(&work, &["am", "-q", patch.to_str().unwrap()]);
    assert_eq!(git(&work, &["status", "--porcelain"]), "");
    work
}

fn patch_folder(fixture: &Fixture) -> PathBuf {
    let folder = fixture.folder.path().join("patches");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compares the tree at HEAD with the texts that are expected, all of it.
fn assert_tree(work: &Path, fixture: &Fixture, expected: impl Fn(&Case) -> Vec<u8>) {
    let repo = Repository::open(work).unwrap();
    let tree = repo.head().unwrap().peel_to_tree().unwrap();
    let mut index = git2::Index::new().unwrap();
    index.read_tree(&tree).unwrap();
    assert_eq!(index.len(), fixture.cases.len());
    for entry in index.iter() {
        let path = RepoPath::new(entry.path.clone());
        let case = fixture.cases.iter().find(|case| case.path == path).unwrap();
        let found = repo.find_blob(entry.id).unwrap();
        assert!(found.content() == expected(case), "{path}: {}", String::from_utf8_lossy(found.content()));
        assert_eq!(entry.mode, case.mode, "{path}");
    }
}

fn assert_every_patch_applies(cases: Vec<Case>) {
    let fixture = Fixture::new(cases);
    let artifacts = run_one(fixture.scanned());
    let checks: Vec<_> = artifacts.report.totals.dropped.keys().collect();
    assert_eq!(checks, ["stable"], "{:?}", fixture.cases.iter().map(|case| &case.path).collect::<Vec<_>>());
    for patch in &artifacts.report.repos[0].patches {
        let work = am(&fixture, &artifacts, &patch.file);
        assert_tree(&work, &fixture, |case| match &*patch.rule {
            "all" => case.series.last().map_or(&case.base, |(_, _, after)| after).clone(),
            rule => {
                case.alone.iter().find(|(own, _)| *own == rule).map_or(&case.base, |(_, after)| after).clone()
            }
        });
    }
    assert!(artifacts.report.repos[0].patches.len() > 1);
}

#[test]
fn git_am_leaves_exactly_the_mended_bytes_of_hostile_files() {
    assert_every_patch_applies(hostile_cases());
}

#[test]
fn each_hostile_file_survives_in_a_patch_of_its_own() {
    for case in hostile_cases() {
        assert_every_patch_applies(vec![case]);
    }
}

#[test]
fn rules_on_neighbouring_lines_apply_alone_and_in_series() {
    assert_every_patch_applies(neighbouring_cases());
}

#[test]
fn a_series_is_one_commit_per_round_and_rule() {
    let fixture = Fixture::new(neighbouring_cases());
    let artifacts = run_one(fixture.scanned());
    let work = am(&fixture, &artifacts, "patches/app/all.mbox");
    let log = git(&work, &["log", "--reverse", "--format=%an <%ae> %aI %s", "HEAD~4..HEAD"]);
    insta::assert_snapshot!(log);
    let body = git(&work, &["log", "-1", "--format=%B"]);
    insta::assert_snapshot!(body.replace(&fixture.commit, "<base>"));
}

#[test]
fn a_patch_of_plain_text_stays_readable() {
    let cases = vec![
        Case::mended(b"b.js", b"f();\nvar a = 1;\n", "no-var", b"f();\nlet a = 1;\n"),
        Case::mended(b"a dir/c.js", b"var a;\nvar b;", "no-var", b"let a;\nlet b;"),
    ];
    let artifacts = run_one(Fixture::new(cases).scanned());
    insta::assert_snapshot!(artifacts.text("patches/app/no-var.patch"));
}

#[test]
fn the_mirror_is_left_as_it_was() {
    let fixture = Fixture::new(neighbouring_cases());
    let objects = || git(&fixture.mirror, &["count-objects", "-v"]);
    let before = objects();
    run_one(fixture.scanned());
    assert_eq!(objects(), before);
}
