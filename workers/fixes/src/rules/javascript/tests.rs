//! The JavaScript rules on text that is not as it should be.

use proptest::prelude::*;

use crate::engine::{Engine, FixLevel, apply_once, check};
use crate::facts::NO_FACTS;
use crate::language::Language;
use crate::rule::{Applicability, RuleRef};

use super::{
    Eqeqeq, NoExtraBooleanCast, NoUndefInit, NoUnusedVars, NoUselessRename, ObjectShorthand,
    PreserveCaughtError,
};

static RULES: &[RuleRef] = &[
    RuleRef::Default(&NoExtraBooleanCast::DEFAULT),
    RuleRef::Default(&NoUselessRename::DEFAULT),
    RuleRef::Default(&Eqeqeq::DEFAULT),
    RuleRef::Default(&ObjectShorthand::DEFAULT),
    RuleRef::Default(&NoUndefInit),
    RuleRef::Default(&NoUnusedVars::DEFAULT),
    RuleRef::Default(&PreserveCaughtError::DEFAULT),
];

/// More than any fixture needs: one pass, and one for each fix that waits for another.
const MAX_PASSES: usize = 5;

fn mended(rules: &[RuleRef], language: Language, text: &[u8], max: Applicability) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..MAX_PASSES {
        text = apply_once(&text, &check(&text, language, &NO_FACTS, rules), max);
    }
    text
}

/// What all rules make of `before`, as a JavaScript file.
fn fixed(before: &str) -> String {
    String::from_utf8(mended(RULES, Language::JavaScript, before.as_bytes(), Applicability::Unsafe)).unwrap()
}

#[test]
fn a_cast_at_the_start_of_a_statement_goes_only_where_the_rest_stays_a_statement() {
    for (before, after) in [
        ("a = b;\n!!(c, d) ? e : f", "a = b;\n(c, d) ? e : f"),
        ("if (a) {}\n!!(c, d) ? e : f", "if (a) {}\n(c, d) ? e : f"),
        ("function g() {}\n!!(c, d) ? e : f", "function g() {}\n(c, d) ? e : f"),
        ("class A {}\n!![c] ? e : f", "class A {}\n[c] ? e : f"),
        ("a\n!!c ? e : f", "a\nc ? e : f"),
        ("a\n// why\n!!c ? e : f", "a\n// why\nc ? e : f"),
        ("(() => { !![c] ? e : f })()", "(() => { [c] ? e : f })()"),
        ("(!!{}.a) ? b : c", "({}.a) ? b : c"),
        ("x => f(!!{}.a ? b : c)", "x => f({}.a ? b : c)"),
    ] {
        assert_eq!(fixed(before), after);
    }
    for kept in [
        "a\n!!(c, d) ? e : f",
        "a\n// why\n!![c] ? e : f",
        "a = function () {}\n!!/c/.test(d) ? e : f",
        "a = () => {}\n!!`c` ? e : f",
        "a = class {}\n!!+c ? e : f",
        "let a\n!!-c ? e : f",
        "!!class {}.a ? b : c",
        "!!async function () {}.a ? b : c",
        "export default !!function () {}() ? a : b",
    ] {
        assert_eq!(fixed(kept), kept);
    }
}

#[test]
fn casts_in_typescript_keep_assertions_in_parentheses() {
    let before = "if (!Boolean(a as any)) {}\nif (!!(<T>b)) {}\nif (!!c!) {}\n";
    let after = "if (!(a as any)) {}\nif (<T>b) {}\nif (!!c!) {}\n";
    let fixed = mended(RULES, Language::TypeScript, before.as_bytes(), Applicability::Safe);
    assert_eq!(String::from_utf8(fixed).unwrap(), after);
}

#[test]
fn bytes_that_are_not_utf_8_are_kept() {
    let before = b"if (!!'\xff') {}\nx = {a: function () { return '\xff'; }};\n";
    let after = b"if ('\xff') {}\nx = {a () { return '\xff'; }};\n";
    assert_eq!(mended(RULES, Language::JavaScript, before, Applicability::Unsafe), after);
}

#[test]
fn offsets_stay_where_text_is_not_utf_8() {
    let text = b"x = '\xDC\xDC\xDC\xDC\\#'\n";
    static ESCAPE: super::NoUselessEscape = super::NoUselessEscape::DEFAULT;
    let rules = [RuleRef::Default(&ESCAPE)];
    let found = check(text, Language::JavaScript, &NO_FACTS, &rules);
    assert_eq!(found.iter().map(|finding| finding.range.start).collect::<Vec<_>>(), [9]);
}

#[test]
fn only_functions_that_cannot_be_constructed_become_methods_unasked() {
    let before = "x = {a: function () {}, b: async function () {}, c: function* () {}}";
    let after = "x = {a: function () {}, async b () {}, *c () {}}";
    let fixed = mended(RULES, Language::JavaScript, before.as_bytes(), Applicability::Safe);
    assert_eq!(String::from_utf8(fixed).unwrap(), after);
}

#[test]
fn casts_nested_beyond_all_reason_are_left_alone() {
    let deep = format!("x = {}a{} ? 1 : 2", "!!(".repeat(500), ")".repeat(500));
    let n_found = check(deep.as_bytes(), Language::JavaScript, &NO_FACTS, RULES).len();
    assert!((1..500).contains(&n_found), "{n_found}");
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "!",
        "!!",
        "Boolean(",
        "new Boolean(",
        "(",
        ")",
        "a",
        "a.b",
        " ? ",
        " : ",
        "==",
        "!=",
        "typeof ",
        "null",
        "1n",
        "{",
        "}",
        "{a: a}",
        "{a: (a)}",
        "let {a: a} = ",
        "import {a as a} from ",
        "export {a as a}",
        "'b'",
        "`${",
        "}`",
        "function () {}",
        "async function* () {}",
        "x => ",
        ", ",
        ";",
        "\n",
        "/* c */",
        "// c\n",
        "for (",
        "if (",
        " in ",
        "\\u0061",
        "'\\",
        "é",
        "[",
        "]",
        "...",
        "=",
        "yield",
        "<a b={",
        "/>",
        "as any",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_rule_fails_on_mangled_text(text in pieces()) {
        for language in [Language::JavaScript, Language::TypeScript, Language::Tsx] {
            let report = Engine::of(RULES.to_vec(), FixLevel::Unsafe).mend(text.as_bytes(), language, &NO_FACTS);
            prop_assert!(report.rule_failures.is_empty(), "{:?}", report.rule_failures);
        }
    }
}
