//! The engine with rules that misbehave: each check has a rule that fails it.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::*;
use crate::certificate::Check;
use crate::engine::clock::cpu_time;
use crate::facts::NO_FACTS;
use crate::rule::{Category, Finding, Fix, Level, Meta, without_options};
use crate::source::ParsedFile;

/// What a test rule does at a node of its kind.
type Look = fn(&str) -> Option<Outcome>;

enum Outcome {
    /// A finding without a fix.
    Found,
    /// Replace the whole node.
    Replace(&'static str),
    /// Replace the whole node, twice over.
    ReplaceTwice(&'static str),
    /// Delete these bytes.
    Delete(std::ops::Range<usize>),
}

#[derive(Clone)]
struct TestRule {
    meta: &'static Meta,
    kinds: &'static [&'static str],
    hands_over_to: &'static [&'static str],
    edits_comments: bool,
    look: Look,
}

impl Rule for TestRule {
    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.kinds
    }

    fn edits_comments(&self) -> bool {
        self.edits_comments
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        self.hands_over_to
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let range = node.byte_range();
        let edits = match (self.look)(&file.text(node)) {
            None => return,
            Some(Outcome::Found) => Vec::new(),
            Some(Outcome::Replace(text)) => vec![Edit::replace(range, text)],
            Some(Outcome::ReplaceTwice(text)) => vec![Edit::replace(range, text); 2],
            Some(Outcome::Delete(range)) => vec![Edit::delete(range)],
        };
        let fix = (!edits.is_empty()).then(|| Fix::safe(edits));
        out.push(Finding { rule: self.meta.id, range: node.byte_range(), message: String::new(), fix });
    }
}

/// A rule on JavaScript's nodes of one kind.
fn rule(id: &'static str, kind: &'static str, look: Look) -> &'static dyn Rule {
    uncovering(id, kind, &[], look)
}

fn uncovering(
    id: &'static str,
    kind: &'static str,
    hands_over_to: &'static [&'static str],
    look: Look,
) -> &'static dyn Rule {
    Box::leak(Box::new(TestRule { hands_over_to, ..TestRule::new(id, kind, look) }))
}

impl TestRule {
    fn new(id: &'static str, kind: &'static str, look: Look) -> Self {
        let meta = Meta {
            id,
            origin: "test",
            category: Category::Style,
            languages: &[Language::JavaScript],
            level: Level::Note,
            summary: "",
            docs: "",
        };
        let meta = Box::leak(Box::new(meta));
        let kinds = Box::leak(Box::new([kind]));
        Self { meta, kinds, hands_over_to: &[], edits_comments: false, look }
    }
}

fn engine(rules: &[&'static dyn Rule]) -> Engine {
    Engine::of(rules.iter().map(|rule| RuleRef::Default(*rule)).collect(), FixLevel::Safe)
}

fn mend(rules: &[&'static dyn Rule], text: &[u8]) -> (FileReport, String) {
    let report = engine(rules).mend(text, Language::JavaScript, &NO_FACTS);
    let after = Engine::after_series(text, &report.series);
    (report, String::from_utf8_lossy(&after).into_owned())
}

fn dropped(report: &FileReport) -> Vec<(&str, Check, u32)> {
    report.dropped.iter().map(|dropped| (&*dropped.rule, dropped.check, dropped.n_fixes)).collect()
}

fn a_to_b(text: &str) -> Option<Outcome> {
    (text == "a").then_some(Outcome::Replace("b"))
}

fn b_to_a(text: &str) -> Option<Outcome> {
    (text == "b").then_some(Outcome::Replace("a"))
}

#[test]
fn rules_that_undo_each_other_without_saying_so_are_dropped() {
    let rules = [rule("there", "identifier", a_to_b), rule("back", "identifier", b_to_a)];
    assert_eq!(dropped(&mend(&rules, b"a;").0), [("there", Check::NoNewFindings, 1)]);
}

#[test]
fn rules_that_undo_each_other_are_named_and_change_nothing() {
    let there = uncovering("there", "identifier", &["back"], a_to_b);
    let back = uncovering("back", "identifier", &["there"], b_to_a);
    let other = rule("other", "number", |text| (text == "1").then_some(Outcome::Replace("2")));
    let (report, after) = mend(&[there, back, other], b"a; 1;");
    assert_eq!(report.cycles, ["back", "there"]);
    assert_eq!(after, "a; 2;");
    assert!(report.findings.iter().all(|finding| finding.rule == "other" || finding.fixable.is_none()));
}

#[test]
fn a_rule_that_never_settles_is_dropped() {
    let grows = rule("grows", "identifier", |text| (text == "a").then_some(Outcome::Replace("[a, 0]")));
    let (report, after) = mend(&[grows], b"a;");
    assert_eq!((dropped(&report).as_slice(), after.as_str()), (&[("grows", Check::Idempotent, 1)][..], "a;"));
}

#[test]
fn a_fix_that_deletes_a_comment_is_dropped_and_the_others_are_kept() {
    let clears = rule("clears", "array", |text| text.contains('0').then_some(Outcome::Replace("[]")));
    let (report, after) = mend(&[clears], b"[0]; [/* why */ 0]; [0]; [0];");
    assert_eq!(dropped(&report), [("clears", Check::Comments, 1)]);
    assert_eq!(after, "[]; [/* why */ 0]; []; [];");
    let marks: Vec<Option<Check>> = report.findings.iter().map(|finding| finding.dropped).collect();
    assert_eq!(marks, [None, Some(Check::Comments), None, None]);
}

#[test]
fn comments_may_go_where_a_rule_is_about_them() {
    let clears: Look = |text| text.contains('0').then_some(Outcome::Replace("[]"));
    let text = b"[0]; // one\n[/* why */ 0]; // two\n// three";
    let about_comments =
        Box::leak(Box::new(TestRule { edits_comments: true, ..TestRule::new("clears", "array", clears) }));
    let (report, after) = mend(&[about_comments], text);
    assert_eq!((dropped(&report), after.as_str()), (vec![], "[]; // one\n[]; // two\n// three"));
    let (report, after) = mend(&[rule("clears", "array", clears)], text);
    assert_eq!(dropped(&report), [("clears", Check::Comments, 1)]);
    assert_eq!(after, "[]; // one\n[/* why */ 0]; // two\n// three");
}

#[test]
fn comments_outside_of_its_edits_are_safe_from_every_rule() {
    // What is left of the code makes the comments behind it a string, or one more comment of the code.
    for text in ["`", "/*"] {
        let look: Look = if text == "`" {
            |text| (text == "1").then_some(Outcome::Replace("`"))
        } else {
            |text| (text == "1").then_some(Outcome::Replace("1 /*"))
        };
        let eats =
            Box::leak(Box::new(TestRule { edits_comments: true, ..TestRule::new("eats", "number", look) }));
        let (report, after) = mend(&[eats], b"a = 1;\n// b `\n/* c */");
        assert!(
            dropped(&report).iter().all(|(_, check, _)| matches!(check, Check::Comments | Check::Parses))
        );
        assert_eq!((report.dropped.len(), after.as_str()), (1, "a = 1;\n// b `\n/* c */"));
    }
}

#[test]
fn a_fix_whose_edits_overlap_is_dropped() {
    let overlaps = rule("overlaps", "identifier", |text| (text == "a").then_some(Outcome::ReplaceTwice("b")));
    let (report, after) = mend(&[overlaps], b"a;");
    assert_eq!(
        (dropped(&report).as_slice(), after.as_str()),
        (&[("overlaps", Check::ClaimedBytes, 1)][..], "a;")
    );
}

#[test]
fn a_fix_that_breaks_the_syntax_is_dropped() {
    let breaks = rule("breaks", "number", |_| Some(Outcome::Replace("(")));
    assert_eq!(dropped(&mend(&[breaks], b"a = 1;").0), [("breaks", Check::Parses, 1)]);
}

#[test]
fn a_fix_that_its_own_rule_still_complains_about_is_dropped() {
    let complains = rule("complains", "identifier", |text| match text {
        "a" => Some(Outcome::Replace("b")),
        "b" => Some(Outcome::Found),
        _ => None,
    });
    let (report, after) = mend(&[complains], b"a; b;");
    assert_eq!(
        (dropped(&report).as_slice(), after.as_str()),
        (&[("complains", Check::Silent, 1)][..], "a; b;")
    );
}

#[test]
fn a_fix_that_makes_another_rule_fire_is_dropped() {
    let fires = rule("fires", "identifier", |text| (text == "b").then_some(Outcome::Found));
    let (report, after) = mend(&[rule("renames", "identifier", a_to_b), fires], b"b; a;");
    assert_eq!(dropped(&report), [("renames", Check::NoNewFindings, 1)]);
    assert_eq!(after, "b; a;");
}

#[test]
fn a_new_finding_that_its_own_fix_mends_is_mended_in_the_series() {
    let mends = rule("mends", "identifier", |text| (text == "b").then_some(Outcome::Replace("c")));
    let (report, after) = mend(&[rule("renames", "identifier", a_to_b), mends], b"a;");
    assert_eq!((dropped(&report).as_slice(), after.as_str()), (&[][..], "c;"));
}

#[test]
fn a_finding_that_a_rule_uncovers_does_not_stop_it() {
    let fires = rule("fires", "identifier", |text| (text == "b").then_some(Outcome::Found));
    let renames = uncovering("renames", "identifier", &["fires"], a_to_b);
    let (report, after) = mend(&[renames, fires], b"a;");
    assert_eq!((dropped(&report).as_slice(), after.as_str()), (&[][..], "b;"));
}

#[test]
fn a_fix_that_brings_other_line_ends_is_dropped() {
    let splits = rule("splits", "number", |text| (text == "1").then_some(Outcome::Replace("2\r")));
    assert_eq!(dropped(&mend(&[splits], b"1;\n").0), [("splits", Check::LineEnds, 1)]);
}

#[test]
fn a_fix_over_bytes_that_are_not_utf8_is_dropped() {
    let empties = rule("empties", "string", |text| (text.len() > 2).then_some(Outcome::Replace("''")));
    let (report, after) = mend(&[empties], b"'\xE9'; 'x';");
    assert_eq!(dropped(&report), [("empties", Check::Encoding, 1)]);
    assert!(after.ends_with("; '';"));
}

#[test]
fn a_fix_that_takes_the_byte_order_mark_is_dropped() {
    let strips = rule("strips", "program", |_| Some(Outcome::Delete(0..3)));
    assert_eq!(dropped(&mend(&[strips], b"\xEF\xBB\xBFa;").0), [("strips", Check::Bom, 1)]);
}

#[test]
fn a_fix_outside_the_text_is_dropped() {
    let strays = rule("strays", "number", |_| Some(Outcome::Delete(0..1_000)));
    assert_eq!(dropped(&mend(&[strays], b"1;").0), [("strays", Check::ClaimedBytes, 1)]);
}

/// Works for so many milliseconds, however busy the machine is.
fn compute_for(millis: u64) {
    let until = cpu_time() + std::time::Duration::from_millis(millis);
    while cpu_time() < until {
        std::hint::spin_loop();
    }
}

#[test]
fn a_rule_that_is_slow_is_named_and_the_others_go_on() {
    let slow = rule("slow", "identifier", |_| {
        compute_for(20);
        Some(Outcome::Found)
    });
    let other = rule("other", "number", |_| Some(Outcome::Found));
    let budget = Budget { rule: std::time::Duration::from_millis(10), ..Budget::default() };
    let report = engine(&[slow, other]).within(budget).mend(b"a; 1; b; 2;", Language::JavaScript, &NO_FACTS);
    let failed: Vec<&str> = report.rule_failures.iter().map(|failure| &*failure.rule).collect();
    assert_eq!(failed, ["slow"]);
    assert!(report.rule_failures[0].message.contains("budget"));
    assert!(report.findings.iter().all(|finding| finding.rule == "other"));
    assert_eq!(report.findings.len(), 2);
}

#[test]
fn a_users_rule_that_fails_on_a_file_is_asked_again_for_the_next() {
    let slow = TestRule::new("slow", "identifier", |text| {
        compute_for(if text == "slow" { 20 } else { 0 });
        Some(Outcome::Found)
    });
    let budget = Budget { rule: std::time::Duration::from_millis(10), ..Budget::default() };
    let engine = engine(&[Box::leak(Box::new(slow))]).within(budget);
    let found = |text: &[u8]| {
        let report = engine.mend(text, Language::JavaScript, &NO_FACTS);
        (report.findings.len(), report.rule_failures.len())
    };
    assert_eq!([found(b"a;"), found(b"slow;"), found(b"a;")], [(1, 0), (0, 1), (1, 0)]);
}

#[test]
fn a_file_that_takes_too_long_is_left_alone_and_says_so() {
    let fixes = rule("fixes", "identifier", a_to_b);
    let budget = Budget { file: std::time::Duration::ZERO, ..Budget::default() };
    let report = engine(&[fixes]).within(budget).mend(b"a; a;", Language::JavaScript, &NO_FACTS);
    assert!(report.out_of_time && report.findings.is_empty() && report.series.is_empty());
    assert_eq!(report.final_digest, report.digest);
}

#[test]
fn a_rule_that_is_too_slow_for_the_mended_text_is_left_out_from_the_start() {
    let slow = rule("slow", "identifier", |text| {
        compute_for(if text == "b" { 20 } else { 0 });
        None
    });
    let fixes = rule("fixes", "identifier", a_to_b);
    let budget = Budget { rule: std::time::Duration::from_millis(10), ..Budget::default() };
    let report = engine(&[fixes, slow]).within(budget).mend(b"a;", Language::JavaScript, &NO_FACTS);
    let failed: Vec<&str> = report.rule_failures.iter().map(|failure| &*failure.rule).collect();
    assert_eq!(failed, ["slow"]);
    let proof = &report.series[0].certificate;
    let ran: Vec<&str> = proof.rules.iter().map(|spec| spec.id.as_str()).collect();
    assert_eq!((&*proof.rule, ran.as_slice()), ("fixes", &["fixes"][..]));
}

#[test]
fn a_finding_in_text_that_is_written_anew_is_not_new_if_it_stood_there() {
    let other = rule("other", "number", |_| Some(Outcome::Found));
    let flips =
        rule("flips", "binary_expression", |text| (text == "1 < a").then_some(Outcome::Replace("a > 1")));
    let (report, after) = mend(&[flips, other], b"1 < a;");
    assert_eq!((dropped(&report).as_slice(), after.as_str()), (&[][..], "a > 1;"));
    let doubles =
        rule("doubles", "binary_expression", |text| (text == "1 < a").then_some(Outcome::Replace("1 > 1")));
    assert_eq!(dropped(&mend(&[doubles, other], b"1 < a;").0), [("doubles", Check::NoNewFindings, 1)]);
}
