//! What each JavaScript rule finds in its fixtures, and what it makes of them.

use std::fmt::Write;
use std::path::Path;

use fixes::{Engine, FixLevel, Language};

/// The findings of one rule in one fixture, and the diff that its safe and its unsafe fixes make.
fn findings_and_diffs(rule: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(rule).join(name);
    let text = std::fs::read_to_string(&path).expect("the fixture is readable");
    let language = Language::of_path(name.as_bytes()).expect("the fixture's language is known");
    let mut shown = String::new();
    for level in [FixLevel::Safe, FixLevel::Unsafe] {
        let engine = Engine::new([rule], level).expect("the rule exists");
        let report = engine.mend(text.as_bytes(), language);
        if level == FixLevel::Safe {
            for finding in &report.findings {
                let (start, end) = (finding.start, finding.end);
                let place = format!("{}:{}-{}:{}", start.line, start.column, end.line, end.column);
                let fix =
                    finding.fixable.map_or("no fix".to_owned(), |fix| format!("{fix:?}").to_lowercase());
                writeln!(shown, "{place} {} [{fix}]", finding.message).expect("strings can be written to");
            }
        }
        assert_eq!(report.dropped, [], "{rule}: fixes that fail a check in {name}");
        for certificate in &report.alone {
            assert_eq!(certificate.verify(text.as_bytes(), language), Ok(()));
        }
        let after =
            String::from_utf8(Engine::after_series(text.as_bytes(), &report.series)).expect("still text");
        let diff = similar::TextDiff::from_lines(&text, &after);
        write!(shown, "\n{level:?}\n{}", diff.unified_diff().context_radius(0))
            .expect("strings can be written to");
    }
    shown
}

#[test]
fn no_var_in_a_module() {
    insta::assert_snapshot!(findings_and_diffs("no-var", "cases.js"));
}

#[test]
fn no_var_in_what_may_be_a_script() {
    insta::assert_snapshot!(findings_and_diffs("no-var", "script.js"));
}

#[test]
fn no_var_in_a_common_js_module() {
    insta::assert_snapshot!(findings_and_diffs("no-var", "sloppy.js"));
}

#[test]
fn no_var_in_typescript() {
    insta::assert_snapshot!(findings_and_diffs("no-var", "types.ts"));
}

#[test]
fn prefer_const_in_a_module() {
    insta::assert_snapshot!(findings_and_diffs("prefer-const", "cases.js"));
}

#[test]
fn prefer_const_near_eval() {
    insta::assert_snapshot!(findings_and_diffs("prefer-const", "evaluates.js"));
}
