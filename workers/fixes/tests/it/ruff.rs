//! Python rules against ruff's own fixtures: places, messages, and the text once nothing is left to fix.

use fixes::{Applicability, Language, engine};
use serde::Deserialize;

use crate::origin_cases::{Place, Tally, place, read_cases, rule};

/// ruff runs its fixes until nothing changes, at most this often.
const MAX_ROUNDS: usize = 100;

#[derive(Deserialize)]
struct Fixtures {
    files: Vec<Fixture>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fixture {
    file: String,
    source: String,
    diagnostics: Vec<Diagnostic>,
    safe_output: Option<String>,
    unsafe_output: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Diagnostic {
    message: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// What a rule is known to do otherwise than ruff: numbers of diagnostics missed, of findings that ruff does not
/// have, and of lines of output that differ.
#[derive(Default)]
struct Misses {
    missed: usize,
    extra: usize,
    safe_lines: usize,
    unsafe_lines: usize,
}

type Found = (Place, Place, String);

fn ruff_fixtures(code: &str, known: &Misses) {
    let Some(fixtures) = read_cases::<Fixtures>("ruff", code) else { return };
    let mut diagnostics = Tally::default();
    let mut n_extra = 0;
    let mut lines = [0, 0];
    for fixture in &fixtures.files {
        let wanted: Vec<Found> = fixture.diagnostics.iter().map(Diagnostic::found).collect();
        let got = findings(code, &fixture.source);
        for missing in wanted.iter().filter(|wanted| !diagnostics.add(got.contains(wanted))) {
            eprintln!("{code}: {}: not found: {missing:?}", fixture.file);
        }
        for extra in got.iter().filter(|got| !wanted.contains(got)) {
            n_extra += 1;
            eprintln!("{code}: {}: ruff does not find {extra:?}", fixture.file);
        }
        let levels =
            [(Applicability::Safe, &fixture.safe_output), (Applicability::Unsafe, &fixture.unsafe_output)];
        for (n_lines, (max, output)) in lines.iter_mut().zip(levels) {
            // ruff's unsafe run applies the safe fixes too; without unsafe ones the fixture records nothing.
            let Some(output) = output else { continue };
            *n_lines += differing_lines(code, output, &mended(code, &fixture.source, max));
        }
    }
    eprintln!("{code}: diagnostics {diagnostics}, extra {n_extra}, differing lines {lines:?}");
    assert!(diagnostics.n_right + known.missed >= diagnostics.n_cases, "{code}: diagnostics {diagnostics}");
    assert!(n_extra <= known.extra, "{code}: {n_extra} findings that ruff does not have");
    assert!(lines[0] <= known.safe_lines, "{code}: {} lines of the safe output differ", lines[0]);
    assert!(lines[1] <= known.unsafe_lines, "{code}: {} lines of the unsafe output differ", lines[1]);
}

impl Diagnostic {
    fn found(&self) -> Found {
        let start = Place { line: self.line, column: self.column };
        (start, Place { line: self.end_line, column: self.end_column }, self.message.clone())
    }
}

fn findings(code: &str, source: &str) -> Vec<Found> {
    let characters = |before: &str| 1 + before.chars().count();
    engine::check(source.as_bytes(), Language::Python, &[rule(code)])
        .into_iter()
        .map(|finding| {
            let start = place(source, finding.range.start, characters);
            (start, place(source, finding.range.end, characters), finding.message)
        })
        .collect()
}

fn mended(code: &str, source: &str, max: Applicability) -> String {
    let rules = [rule(code)];
    let mut text = source.as_bytes().to_vec();
    for _ in 0..MAX_ROUNDS {
        let next = engine::apply_once(&text, &engine::check(&text, Language::Python, &rules), max);
        if next == text {
            break;
        }
        text = next;
    }
    String::from_utf8(text).expect("fixes keep UTF-8")
}

fn differing_lines(code: &str, wanted: &str, got: &str) -> usize {
    let diff = similar::TextDiff::from_lines(wanted, got);
    let mut n_differing = 0;
    for change in diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal) {
        n_differing += 1;
        eprint!("{code}: output {}{change}", change.tag());
    }
    n_differing
}

#[test]
fn e711_does_as_ruff() {
    ruff_fixtures("E711", &Misses::default());
}

#[test]
fn e712_does_as_ruff() {
    ruff_fixtures("E712", &Misses::default());
}

#[test]
fn f632_does_as_ruff() {
    ruff_fixtures("F632", &Misses::default());
}

#[test]
fn up004_does_as_ruff() {
    ruff_fixtures("UP004", &Misses::default());
}

#[test]
fn up032_does_as_ruff() {
    ruff_fixtures("UP032", &Misses::default());
}
