//! The Python rules on text that is not as it should be.

use std::path::PathBuf;

use proptest::prelude::*;

use crate::engine::{apply_once, check};
use crate::facts::Facts;
use crate::language::Language;
use crate::rule::{Applicability, Finding, RuleRef};

use super::{
    ClassParentheses, CodingComment, DictGetWithNoneDefault, DoubleNegation, DuplicateHandlerException,
    DuplicateValue, ExtraneousParentheses, FString, FutureImport, GetattrWithConstant, InvalidEscapeSequence,
    IsLiteral, MissingPlaceholders, NativeLiterals, NoneComparison, NotInTest, NotIsTest, PercentFormat,
    RedundantOpenMode, SetattrWithConstant, SuperfluousElseReturn, TrueFalseComparison, TypeOfPrimitive,
    UnicodePrefix, UnnecessaryDictKwargs, UnnecessaryEncode, UnnecessaryKeyCheck, UnnecessaryPlaceholder,
    UnnecessaryRangeStart, UnsafeYamlLoad, UnusedNoqa, UselessObjectInheritance, YodaConditions,
};

static RULES: &[RuleRef] = &[
    RuleRef::Default(&NoneComparison),
    RuleRef::Default(&TrueFalseComparison),
    RuleRef::Default(&IsLiteral),
    RuleRef::Default(&UselessObjectInheritance),
    RuleRef::Default(&FString),
    RuleRef::Default(&GetattrWithConstant),
    RuleRef::Default(&SetattrWithConstant),
    RuleRef::Default(&DuplicateHandlerException),
    RuleRef::Default(&DuplicateValue),
    RuleRef::Default(&DoubleNegation),
    RuleRef::Default(&YodaConditions),
    RuleRef::Default(&DictGetWithNoneDefault),
    RuleRef::Default(&UnnecessaryPlaceholder),
    RuleRef::Default(&UnnecessaryDictKwargs),
    RuleRef::Default(&UnnecessaryRangeStart),
    RuleRef::Default(&UnnecessaryKeyCheck),
    RuleRef::Default(&SuperfluousElseReturn),
    RuleRef::Default(&UnsafeYamlLoad),
    RuleRef::Default(&MissingPlaceholders),
    RuleRef::Default(&InvalidEscapeSequence),
    RuleRef::Default(&CodingComment),
    RuleRef::Default(&UnnecessaryEncode),
    RuleRef::Default(&RedundantOpenMode),
    RuleRef::Default(&NativeLiterals),
    RuleRef::Default(&UnicodePrefix),
    RuleRef::Default(&ExtraneousParentheses),
    RuleRef::Default(&ClassParentheses),
    RuleRef::Default(&TypeOfPrimitive),
    RuleRef::Default(&FutureImport),
    RuleRef::Default(&PercentFormat),
    RuleRef::Default(&NotInTest),
    RuleRef::Default(&NotIsTest),
    RuleRef::Default(&UnusedNoqa),
];

/// More than any fixture needs: one pass, and one for each fix that waits for another.
const MAX_PASSES: usize = 10;

fn fixture(id: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(id).join("cases.py");
    std::fs::read_to_string(path).expect("each rule has its fixtures")
}

fn findings(rules: &[RuleRef], text: &[u8]) -> Vec<Finding> {
    check(text, Language::Python, &Facts::default(), rules)
}

fn mended(rules: &[RuleRef], text: &[u8], max: Applicability) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..MAX_PASSES {
        text = apply_once(&text, &findings(rules, &text), max);
    }
    text
}

#[test]
fn line_ends_of_any_kind_are_kept() {
    for rule in RULES {
        let text = fixture(rule.meta().id);
        let fixed = |text: &str| {
            let rules = std::slice::from_ref(rule);
            String::from_utf8(mended(rules, text.as_bytes(), Applicability::Unsafe)).unwrap()
        };
        assert_eq!(
            fixed(&text.replace('\n', "\r\n")),
            fixed(&text).replace('\n', "\r\n"),
            "{}",
            rule.meta().id
        );
    }
}

#[test]
fn text_that_is_not_utf_8_is_kept_or_left_alone() {
    let fixed = |text: &[u8]| mended(RULES, text, Applicability::Unsafe);
    assert_eq!(fixed(b"# \xff\nclass A(object): pass\n"), b"# \xff\nclass A: pass\n");
    assert_eq!(fixed(b"a = '\xff' is b\n"), b"a = '\xff' == b\n");
    for left_alone in [&b"'\xff{}'.format(a)\n"[..], b"a['\xff'] == None\n", b"a['\xff'] == True\n"] {
        assert_eq!(fixed(left_alone), left_alone);
    }
}

#[test]
fn a_rule_for_both_singletons_ends_where_ruff_ends() {
    for (before, after) in [
        ("a == None != True", "a is None is not True"),
        ("None == True", "None"),
        ("None != False", "None"),
        ("True == a == None", "True is a is None"),
    ] {
        let fixed = mended(RULES, before.as_bytes(), Applicability::Unsafe);
        assert_eq!(String::from_utf8(fixed).unwrap(), after, "{before}");
    }
}

#[test]
fn deep_nesting_is_no_danger() {
    const DEPTH: usize = 1000;
    for (open, inside, close) in [
        ("(", "a", " == None)"),
        ("(", "a", " == True)"),
        ("(", "a", ",) is a"),
        ("[", "'{}'.format(a)", "]"),
        ("f('{}'.format(", "a", "))"),
        ("not ", "a", ""),
        ("(1 == ", "a", ")"),
        ("getattr(", "a", ", 'b')"),
        ("{}.get(", "a", ", None)"),
        ("f(**{'a': ", "b", "})"),
        ("{1, 1, (", "a,", ")}"),
        ("a in b and b[", "a", "]"),
        ("(", "'%s' % a", ")"),
        ("not (", "a in b", ")"),
        ("int(", "1", ")"),
        ("f'{", "u'\\d'", "}'"),
        ("lambda: ", "division", "  # noqa"),
    ] {
        let text = format!("{}{inside}{}\n", open.repeat(DEPTH), close.repeat(DEPTH));
        let _ = findings(RULES, text.as_bytes());
    }
}

#[test]
fn of_placeholders_alone_the_last_one_stays() {
    for (before, after) in [
        ("for a in b:\n    pass\n    ...\n    pass\n", "for a in b:\n    pass\n"),
        ("while a: pass; pass; ...\n", "while a: ...\n"),
        ("pass\npass\na\npass", "a\n"),
    ] {
        let fixed = mended(RULES, before.as_bytes(), Applicability::Safe);
        assert_eq!(String::from_utf8(fixed).unwrap(), after, "{before}");
    }
}

#[test]
fn branches_after_returns_are_moved_one_after_the_other() {
    let before =
        "def f(a):\n  if a:\n    return 1\n  elif b:\n    return 2\n  else:\n    c()\n    return 3\n";
    let after = "def f(a):\n  if a:\n    return 1\n  if b:\n    return 2\n  c()\n  return 3\n";
    assert_eq!(String::from_utf8(mended(RULES, before.as_bytes(), Applicability::Safe)).unwrap(), after);
}

proptest! {
    #[test]
    fn mangled_text_never_panics_and_edits_stay_inside(
        which in 0..RULES.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, prop::collection::vec(any::<u8>(), 0..6)), 1..6),
    ) {
        let mut text = fixture(RULES[which].meta().id).into_bytes();
        for (at, len, insert) in cuts {
            let at = at.index(text.len());
            let end = (at + len).min(text.len());
            text.splice(at..end, insert);
        }
        for finding in findings(RULES, &text) {
            prop_assert!(finding.range.end <= text.len());
            for edit in finding.fix.iter().flat_map(|fix| &fix.edits) {
                prop_assert!(edit.range.start <= edit.range.end && edit.range.end <= text.len());
            }
        }
        mended(RULES, &text, Applicability::Unsafe);
    }
}
