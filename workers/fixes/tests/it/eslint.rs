//! JavaScript rules against ESLint's own cases: silence, count, places and the text after one pass of fixes.
//!
//! A rule's floor is the number of cases it is known to miss in each respect: it may fall, never rise.

use std::collections::BTreeMap;

use fixes::{Applicability, Language, SourceKind, engine};
use serde::Deserialize;

use crate::origin_cases::{Place, Tally, place, read_cases, rule};

#[derive(Deserialize)]
struct Cases {
    meta: CaseMeta,
    valid: Vec<Case>,
    invalid: Vec<Case>,
}

#[derive(Deserialize)]
struct CaseMeta {
    messages: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Case {
    code: String,
    filename: Option<String>,
    options: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    lang: Lang,
    #[serde(default)]
    errors: Vec<Problem>,
    output: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lang {
    source_type: Option<String>,
    parser: Option<String>,
    #[serde(default)]
    ecma_features: Features,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Features {
    global_return: bool,
    jsx: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    message_id: Option<String>,
    message: String,
    line: usize,
    column: usize,
    end_line: Option<usize>,
    end_column: Option<usize>,
}

/// What a rule is known to do otherwise than ESLint, as numbers of cases.
#[derive(Default)]
struct Misses {
    valid: usize,
    count: usize,
    places: usize,
    messages: usize,
    output: usize,
}

impl Case {
    fn language(&self) -> Language {
        let by_name = self.filename.as_ref().and_then(|name| Language::of_path(name.as_bytes()));
        match self.lang.parser.as_deref() {
            Some(_) if self.lang.ecma_features.jsx => Language::Tsx,
            Some(_) => by_name.filter(|&language| language == Language::Tsx).unwrap_or(Language::TypeScript),
            None => by_name.unwrap_or(Language::JavaScript),
        }
    }

    fn kind(&self) -> SourceKind {
        match self.lang.source_type.as_deref() {
            Some("script") if self.lang.ecma_features.global_return => SourceKind::CommonJs,
            Some("script") => SourceKind::Script,
            Some("commonjs") => SourceKind::CommonJs,
            _ => SourceKind::Module,
        }
    }

    /// Cases with options other than the default, or with a canned syntax tree, are not ours to run.
    fn is_ours(&self) -> bool {
        self.options.as_ref().is_none_or(Vec::is_empty) && self.lang.parser.as_deref() != Some("fixture")
    }
}

fn utf16(text: &str) -> usize {
    1 + text.encode_utf16().count()
}

#[derive(Default)]
struct Tallies {
    valid: Tally,
    count: Tally,
    places: Tally,
    messages: Tally,
    output: Tally,
}

fn eslint_cases(id: &str, known: &Misses) {
    let Some(mut cases) = read_cases::<Cases>("eslint", id) else { return };
    for case in &mut cases.invalid {
        // Some cases switch other rules on by a comment.
        let is_own = |own: &String| cases.meta.messages.contains_key(own);
        case.errors.retain(|problem| problem.message_id.as_ref().is_none_or(is_own));
    }
    let rules = [rule(id)];
    let mut tallies = Tallies::default();
    let mut n_skipped = 0;
    for case in cases.valid.iter().chain(&cases.invalid) {
        if !case.is_ours() {
            n_skipped += 1;
            continue;
        }
        let findings = engine::check_as(case.code.as_bytes(), case.language(), case.kind(), &rules);
        if case.errors.is_empty() {
            if !tallies.valid.add(findings.is_empty()) {
                eprintln!("{id}: not silent on {:?}: {findings:?}", case.code);
            }
        } else {
            compare(id, case, &findings, &mut tallies);
        }
    }
    let Tallies { valid, count, places, messages, output } = &tallies;
    eprintln!(
        "{id}: valid {valid}, count {count}, places {places}, messages {messages}, output {output}, \
         skipped {n_skipped}"
    );
    for (name, tally, misses) in [
        ("valid", valid, known.valid),
        ("count", count, known.count),
        ("places", places, known.places),
        ("messages", messages, known.messages),
        ("output", output, known.output),
    ] {
        assert!(
            tally.n_right + misses >= tally.n_cases,
            "{id}: {name} {tally}, of which {misses} are known misses"
        );
    }
}

fn compare(id: &str, case: &Case, findings: &[fixes::Finding], tallies: &mut Tallies) {
    let mut wanted: Vec<(Place, Option<Place>, &str)> = case
        .errors
        .iter()
        .map(|problem| {
            let end = problem.end_line.zip(problem.end_column);
            let start = Place { line: problem.line, column: problem.column };
            (start, end.map(|(line, column)| Place { line, column }), problem.message.as_str())
        })
        .collect();
    wanted.sort();
    let mut got: Vec<(Place, Option<Place>, &str)> = findings
        .iter()
        .map(|finding| {
            let start = place(&case.code, finding.range.start, utf16);
            (start, Some(place(&case.code, finding.range.end, utf16)), finding.message.as_str())
        })
        .collect();
    got.sort();
    let places_match = got.len() == wanted.len()
        && got
            .iter()
            .zip(&wanted)
            .all(|(got, wanted)| got.0 == wanted.0 && (wanted.1.is_none() || got.1 == wanted.1));
    let messages_match =
        got.len() == wanted.len() && got.iter().zip(&wanted).all(|(got, wanted)| got.2 == wanted.2);
    let output = engine::apply_once(case.code.as_bytes(), findings, Applicability::Unsafe);
    let wanted_output = case.output.as_ref().unwrap_or(&case.code);
    let all_right = [
        tallies.count.add(got.len() == wanted.len()),
        tallies.places.add(places_match),
        tallies.messages.add(messages_match),
        tallies.output.add(output == wanted_output.as_bytes()),
    ];
    if all_right.contains(&false) {
        let output = String::from_utf8_lossy(&output);
        eprintln!("{id}: {:?} ({:?})\n  want {wanted:?}\n   got {got:?}", case.code, case.lang.source_type);
        eprintln!("  want {wanted_output:?}\n   got {output:?}");
    }
}

#[test]
fn eqeqeq_does_as_eslint() {
    eslint_cases("eqeqeq", &Misses::default());
}

#[test]
fn no_extra_boolean_cast_does_as_eslint() {
    // The case switches the global `Boolean` off in ESLint's own configuration.
    eslint_cases("no-extra-boolean-cast", &Misses { valid: 1, ..Misses::default() });
}

#[test]
fn no_useless_rename_does_as_eslint() {
    // The grammar has no parentheses around the targets of a destructuring assignment.
    let known = Misses { count: 5, places: 5, messages: 5, ..Misses::default() };
    eslint_cases("no-useless-rename", &known);
}

#[test]
fn no_var_does_as_eslint() {
    eslint_cases("no-var", &Misses::default());
}

#[test]
fn object_shorthand_does_as_eslint() {
    eslint_cases("object-shorthand", &Misses::default());
}

#[test]
fn prefer_const_does_as_eslint() {
    eslint_cases("prefer-const", &Misses::default());
}
