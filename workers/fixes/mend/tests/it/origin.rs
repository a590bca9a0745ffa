//! `workers/fixes/reports/origin-cases.md` says how the rules do on their origins' own cases, and is true.

use std::path::Path;

use mend::score;

/// The cases lie beside the checkout, since they are not ours. Where they are absent it says so and there is
/// nothing to test, unless `NM_REQUIRE_RULE_CASES=1`.
#[test]
fn the_report_on_the_origins_cases_is_true() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = here.join("../../../../shared/rule-cases");
    if !cases.is_dir() {
        let required = std::env::var("NM_REQUIRE_RULE_CASES").is_ok_and(|value| value == "1");
        assert!(!required, "rule cases are required and {} is not there", cases.display());
        eprintln!("NOT TESTED: no rule cases at {}", cases.display());
        return;
    }
    let (report, misses) = score::report(&cases).expect("the cases are readable");
    let path = here.join("../reports/origin-cases.md");
    if std::env::var("NM_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &report).expect("the report can be written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    if published != report {
        misses.iter().for_each(|miss| eprintln!("{miss}"));
    }
    assert!(published == report, "origin-cases.md is old: NM_UPDATE=1 cargo test -p mend origin");
}
