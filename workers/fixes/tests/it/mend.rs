//! The engine as a whole: what it promises of every text, sound or mangled.

use fixes::engine::{self, apply_once};
use fixes::rule::Applicability;
use fixes::{CheckFailed, Engine, Facts, FileReport, FixLevel, Language, RuleRef};
use proptest::prelude::*;

const MODULE: &[u8] = b"import x from 'x';\nvar a = 1, b = 2;\nb = !!a ? { a: a } : typeof a == 'x';\n";
const PYTHON: &[u8] =
    b"class A(object):\n    pass\n\nif x is 'a' and y == None:\n    print('{}'.format(z))\n";

/// Mends, replays every certificate, and mends the result again.
fn prove(bytes: &[u8], language: Language, level: FixLevel) -> FileReport {
    let engine = Engine::with_all_rules(level);
    let report = engine.mend(bytes, language, &Facts::default());
    for certificate in &report.alone {
        assert_eq!(certificate.verify(bytes, language), Ok(()), "{} alone", certificate.rule);
    }
    let mut text = bytes.to_vec();
    for step in &report.series {
        assert_eq!(step.certificate.verify(&text, language), Ok(()), "{} in series", step.certificate.rule);
        text = Engine::after_series(&text, std::slice::from_ref(step));
    }
    assert_eq!(blake3::hash(&text).to_hex().as_str(), report.final_digest);
    let again = engine.mend(&text, language, &Facts::default());
    assert!(again.series.is_empty(), "mending again changes {:?}", String::from_utf8_lossy(&text));
    report
}

fn mended(bytes: &[u8], language: Language) -> Vec<u8> {
    Engine::after_series(bytes, &prove(bytes, language, FixLevel::Safe).series)
}

#[test]
fn rules_run_one_after_the_other_until_nothing_changes() {
    let report = prove(MODULE, Language::JavaScript, FixLevel::Safe);
    let after = Engine::after_series(MODULE, &report.series);
    let wanted = "import x from 'x';\nlet a = 1, b = 2;\nb = a ? { a } : typeof a === 'x';\n";
    assert_eq!(String::from_utf8(after).unwrap(), wanted);
}

#[test]
fn a_variable_goes_from_var_over_let_to_const_in_the_series_and_only_to_let_alone() {
    let text = b"import x from 'x';\nvar a = x;\n";
    let report = prove(text, Language::JavaScript, FixLevel::Safe);
    let steps: Vec<&str> = report.series.iter().map(|step| &*step.certificate.rule).collect();
    assert_eq!(steps, ["no-var", "prefer-const"]);
    assert_eq!(report.alone.len(), 1);
    assert_eq!(report.alone[0].edits, [fixes::Edit::replace(19..22, "let")]);
    assert_eq!(mended(text, Language::JavaScript), b"import x from 'x';\nconst a = x;\n");
}

#[test]
fn each_rule_alone_starts_from_the_text_as_it_is() {
    let report = prove(PYTHON, Language::Python, FixLevel::Unsafe);
    let rules: Vec<&str> = report.alone.iter().map(|certificate| &*certificate.rule).collect();
    assert_eq!(rules, ["E711", "F632", "UP004", "UP032"]);
    assert!(report.alone.iter().all(|certificate| certificate.before == report.digest));
}

#[test]
fn nothing_is_mended_at_level_none() {
    let report = prove(MODULE, Language::JavaScript, FixLevel::None);
    assert!(!report.findings.is_empty() && report.alone.is_empty() && report.series.is_empty());
}

#[test]
fn a_report_survives_the_wire() {
    let report = prove(MODULE, Language::JavaScript, FixLevel::Safe);
    let bytes = rmp_serde::to_vec_named(&report).unwrap();
    assert_eq!(rmp_serde::from_slice::<FileReport>(&bytes).unwrap(), report);
}

#[test]
fn byte_order_mark_and_line_ends_stay() {
    let text = b"\xEF\xBB\xBFimport x from 'x';\r\nvar a = x;\r\n";
    assert_eq!(mended(text, Language::JavaScript), b"\xEF\xBB\xBFimport x from 'x';\r\nconst a = x;\r\n");
}

#[test]
fn bytes_that_are_not_utf8_stay() {
    let text = b"import x from 'x';\n// caf\xE9\nvar a = '\xE9';\n";
    assert_eq!(mended(text, Language::JavaScript), b"import x from 'x';\n// caf\xE9\nconst a = '\xE9';\n");
    let text = b"# caf\xE9\nclass A(object):\n    x = '\xE9'\n";
    assert_eq!(mended(text, Language::Python), b"# caf\xE9\nclass A:\n    x = '\xE9'\n");
}

#[test]
fn what_does_not_parse_is_left_alone_and_the_rest_is_mended() {
    let text = b"f(typeof a == 'x');\nif (2 (;\n";
    let report = prove(text, Language::JavaScript, FixLevel::Safe);
    assert!(report.syntax_errors);
    assert_eq!(mended(text, Language::JavaScript), b"f(typeof a === 'x');\nif (2 (;\n");
}

#[test]
fn an_unknown_rule_is_named_with_its_neighbours() {
    let error = Engine::new(["no-vars"], FixLevel::Safe).unwrap_err();
    assert_eq!(error.to_string(), "unknown rule `no-vars`; did you mean no-var?");
}

#[test]
fn a_forged_certificate_does_not_hold() {
    let report = prove(MODULE, Language::JavaScript, FixLevel::Safe);
    let mut forged = report.alone[0].clone();
    forged.edits[0].text.push(' ');
    assert!(matches!(forged.verify(MODULE, Language::JavaScript), Err(CheckFailed::OtherResult { .. })));
    forged.edits[0].text = "// let".to_owned();
    assert!(matches!(forged.verify(MODULE, Language::JavaScript), Err(CheckFailed::Check(_))));
    assert!(matches!(report.alone[0].verify(PYTHON, Language::Python), Err(CheckFailed::OtherText { .. })));
}

#[test]
fn deep_nesting_overflows_no_stack() {
    for depth in [140, 700, 4_000] {
        for (open, close) in [("[", "]"), ("(", ")"), ("f(", ")"), ("() => {", "}"), ("{ a: ", " }")] {
            let text = format!("x = {}1{};\nvar y = 1;\n", open.repeat(depth), close.repeat(depth));
            let report = Engine::with_all_rules(FixLevel::Safe).mend(
                text.as_bytes(),
                Language::JavaScript,
                &Facts::default(),
            );
            assert!(report.rule_failures.is_empty(), "{depth} {open} {:?}", report.rule_failures);
        }
        let text = format!("x = {}1{}\n", "(".repeat(depth), ")".repeat(depth));
        let report =
            Engine::with_all_rules(FixLevel::Safe).mend(text.as_bytes(), Language::Python, &Facts::default());
        assert!(report.rule_failures.is_empty(), "{depth}");
    }
}

/// Pieces that rules react to, in any order: mostly nonsense, now and then sound.
fn mangled(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

const SCRIPT_PIECES: &[&str] = &[
    "var a = 1;",
    "let b = a, c;",
    "c = b;",
    "{ ",
    " }",
    "(",
    ")",
    "\n",
    "\r\n",
    "// x\n",
    "/* y */",
    "!!a",
    "if (!!b) ",
    "typeof a == 'x'",
    "a == null",
    "({ a: a, f: function() {} })",
    "import { a as a } from 'm';",
    "export { b as b };",
    "for (var i of b) ",
    "function f() { ",
    "=> ",
    "a",
    " ",
    ";",
    "Boolean(a)",
    "'",
    "`${",
    "\u{feff}",
    "const { x: x } = a;",
    "catch (e) { var e; }",
    "return ",
    "eval(a)",
];

const PYTHON_PIECES: &[&str] = &[
    "class A(object):\n",
    "class B(\n  object, # why\n):\n",
    "    pass\n",
    "if a == None:\n",
    "x = a is 'b'\n",
    "x = '{} {}'.format(a, b)\n",
    "'{a}'.format(a=1)",
    "(",
    ")",
    "\\\n",
    "\r\n",
    "# c\n",
    "True != x",
    " is not ()",
    "\t",
    "    ",
    "a",
    "f'{x}'",
    "\"\"\"",
    "lambda: ",
    "\u{feff}",
    "{",
    "}",
];

fn all_rules() -> Vec<RuleRef> {
    fixes::rules::ALL.iter().map(|rule| RuleRef::Default(*rule)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn mangled_scripts_are_mended_with_proof(text in mangled(SCRIPT_PIECES), is_unsafe: bool) {
        let level = if is_unsafe { FixLevel::Unsafe } else { FixLevel::Safe };
        for language in [Language::JavaScript, Language::Tsx] {
            let report = prove(&text, language, level);
            prop_assert!(report.rule_failures.is_empty(), "{:?}", report.rule_failures);
        }
    }

    #[test]
    fn mangled_python_is_mended_with_proof(text in mangled(PYTHON_PIECES), is_unsafe: bool) {
        let level = if is_unsafe { FixLevel::Unsafe } else { FixLevel::Safe };
        let report = prove(&text, Language::Python, level);
        prop_assert!(report.rule_failures.is_empty(), "{:?}", report.rule_failures);
    }

    #[test]
    fn one_pass_equals_its_fixes_one_by_one_from_the_end(text in mangled(SCRIPT_PIECES)) {
        let findings = engine::check(&text, Language::JavaScript, &Facts::default(), &all_rules());
        let selected = engine::edits::select(&findings, Applicability::Unsafe);
        let mut one_by_one = text.clone();
        for finding in selected.into_iter().rev() {
            let fix = finding.fix.as_ref().unwrap();
            let edits = engine::edits::LineEnd::of(&text).edits_of(fix);
            one_by_one = engine::edits::apply(&one_by_one, &edits);
        }
        prop_assert_eq!(one_by_one, apply_once(&text, &findings, Applicability::Unsafe));
    }
}
