//! One text, every rule, unsafe fixes too: nothing may panic, take too long, or be mended without a proof.
//!
//! `NM_FUZZ_LANGUAGE` picks the language; what the fuzzer writes is the text.

#![no_main]

use std::sync::LazyLock;

use fixes::{Engine, Facts, FixLevel, Language, Target};
use libfuzzer_sys::fuzz_target;

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
    let name = std::env::var("NM_FUZZ_LANGUAGE").unwrap_or_else(|_| "js".to_owned());
    Language::of_path(format!("a.{name}").as_bytes()).expect("NM_FUZZ_LANGUAGE is the ending of a file's name")
});

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::with_all_rules(FixLevel::Unsafe));

fuzz_target!(|text: &[u8]| {
    let facts = Facts { target: Target::NEWEST, ..Facts::default() };
    let report = ENGINE.mend(text, *LANGUAGE, &facts);
    assert!(report.rule_failures.is_empty(), "rules failed: {:?}", report.rule_failures);
    assert!(!report.out_of_time, "out of time on {} bytes", text.len());
    for certificate in &report.alone {
        certificate.verify(text, *LANGUAGE).unwrap_or_else(|failed| panic!("{}: {failed}", certificate.rule));
    }
    let mut current = text.to_vec();
    for step in &report.series {
        let certificate = &step.certificate;
        certificate.verify(&current, *LANGUAGE).unwrap_or_else(|failed| panic!("{}: {failed}", certificate.rule));
        current = fixes::engine::edits::apply(&current, &certificate.edits);
    }
    let again = ENGINE.mend(&current, *LANGUAGE, &facts);
    let rules: Vec<_> = again.series.iter().map(|step| &step.certificate.rule).collect();
    assert!(rules.is_empty(), "a second run is not empty: {rules:?}");
});
