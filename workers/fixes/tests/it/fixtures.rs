//! What each rule finds in its fixtures, and what it makes of them: `fixtures/<rule>/<name>.<ext>`.
//!
//! A new rule adds its fixture and writes the snapshot with `INSTA_UPDATE=always cargo test -p fixes fixtures`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use fixes::{Engine, Facts, FixLevel, Language, Target};

/// The findings of one rule in one fixture, and the diff that its safe and its unsafe fixes make.
fn findings_and_diffs(rule: &str, path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("the fixture is readable");
    let name = path.file_name().and_then(|name| name.to_str()).expect("fixtures have plain names");
    let language = Language::of_path(name.as_bytes()).expect("the fixture's language is known");
    let facts = Facts { path: name.to_owned(), target: Target::NEWEST, ..Facts::default() };
    let mut shown = String::new();
    for level in [FixLevel::Safe, FixLevel::Unsafe] {
        let engine = Engine::new([rule], level).expect("the rule exists");
        let report = engine.mend(text.as_bytes(), language, &facts);
        if level == FixLevel::Safe {
            for finding in &report.findings {
                let (start, end) = (finding.start, finding.end);
                let place = format!("{}:{}-{}:{}", start.line, start.column, end.line, end.column);
                let fix =
                    finding.fixable.map_or("no fix".to_owned(), |fix| format!("{fix:?}").to_lowercase());
                writeln!(shown, "{place} {} [{fix}]", finding.message).expect("strings can be written to");
            }
        }
        assert_eq!(report.rule_failures, [], "{rule} on {name}");
        for certificate in &report.alone {
            assert_eq!(certificate.verify(text.as_bytes(), language), Ok(()));
        }
        for dropped in &report.dropped {
            writeln!(shown, "dropped by {}: {}", dropped.check, dropped.n_fixes)
                .expect("strings can be written to");
        }
        let after =
            String::from_utf8(Engine::after_series(text.as_bytes(), &report.series)).expect("still text");
        let diff = similar::TextDiff::from_lines(&text, &after);
        write!(shown, "\n{level:?}\n{}", diff.unified_diff().context_radius(0))
            .expect("strings can be written to");
    }
    shown
}

fn fixtures_of(rule: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(rule);
    let listed = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{rule} has no fixtures"));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_rule_does_with_its_fixtures_what_the_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for rule in fixes::rules::ALL {
            let id = rule.meta().id;
            for path in fixtures_of(id) {
                let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
                insta::assert_snapshot!(format!("{id}__{name}"), findings_and_diffs(id, &path));
            }
        }
    });
}

/// What a result may depend on of a path is kept by [`Facts::reduced`]: results are shared between files that have
/// nothing else in common but their text.
#[test]
fn a_reduced_path_gives_every_rule_the_same_result() {
    for rule in fixes::rules::ALL {
        let id = rule.meta().id;
        let engine = Engine::new([id], FixLevel::Unsafe).expect("the rule exists");
        for path in fixtures_of(id) {
            let text = std::fs::read(&path).expect("the fixture is readable");
            let name = path.file_name().and_then(|name| name.to_str()).expect("fixtures have plain names");
            let language = Language::of_path(name.as_bytes()).expect("the fixture's language is known");
            for folder in ["", "src/", "pkg/__init__/", "tests/unit/"] {
                let path = format!("{folder}{name}");
                let facts = Facts { path, target: Target::NEWEST, ..Facts::default() };
                let outcome = |facts: &Facts| {
                    let report = engine.mend(&text, language, facts);
                    let findings: Vec<_> = report
                        .findings
                        .into_iter()
                        .map(|finding| (finding.rule, finding.range, finding.message, finding.fixable))
                        .collect();
                    (findings, report.final_digest, report.dropped, report.cycles)
                };
                assert_eq!(outcome(&facts.clone().reduced(language)), outcome(&facts), "{id} on {facts:?}");
            }
        }
    }
}
