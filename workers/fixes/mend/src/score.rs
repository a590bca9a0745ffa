//! The rules against the test suites of the linters that they come from.
//!
//! The cases are data from elsewhere, read from a folder and never kept here: `eslint/<rule>.json`,
//! `ruff/<code>.json`, `clippy/<lint>.json`, `go/<name>.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cases::{Case, Place};

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Did as the origin does.
    pub n_right: usize,
    /// All.
    pub n_cases: usize,
}

impl Tally {
    fn add(&mut self, is_right: bool) -> bool {
        self.n_cases += 1;
        self.n_right += usize::from(is_right);
        is_right
    }

    fn merge(&mut self, other: Self) {
        self.n_cases += other.n_cases;
        self.n_right += other.n_right;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.n_cases {
            0 => formatter.write_str("-"),
            n_cases => write!(
                formatter,
                "{}/{} ({}.{} %)",
                self.n_right,
                n_cases,
                100 * self.n_right / n_cases,
                1000 * self.n_right / n_cases % 10
            ),
        }
    }
}

/// What a rule got right of its origin's cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// The rule.
    pub rule: String,
    /// Cases in which the origin is silent and so is the rule.
    pub valid: Tally,
    /// Cases with as many findings as the origin has.
    pub count: Tally,
    /// Cases whose findings all lie where the origin's lie.
    pub places: Tally,
    /// Cases whose findings all say what the origin's say.
    pub messages: Tally,
    /// Cases, or files, whose fixed text is the origin's.
    pub output: Tally,
    /// What went otherwise, in words; for whoever mends the rule.
    pub misses: Vec<String>,
}

impl Score {
    fn merge(&mut self, other: &Self) {
        self.valid.merge(other.valid);
        self.count.merge(other.count);
        self.places.merge(other.places);
        self.messages.merge(other.messages);
        self.output.merge(other.output);
    }
}

/// The scores of one origin's rules, by rule, and the sum of all.
///
/// # Errors
/// If the folder or a file of cases cannot be read.
pub fn score(cases: &Path, origin: &str, only: &[String]) -> anyhow::Result<Vec<Score>> {
    let folder = cases.join(origin);
    let listed = std::fs::read_dir(&folder).with_context(|| format!("no cases in {}", folder.display()))?;
    let mut paths = listed.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let score = match origin {
            "eslint" => eslint(&read(path)?, name),
            "ruff" => ruff(&read(path)?, name),
            _ => pairs(&read(path)?, origin),
        };
        let wanted = only.is_empty() || only.iter().any(|id| id.eq_ignore_ascii_case(&score.rule));
        if wanted && fixes::catalogue::find(&score.rule).is_some() {
            let sum = scores.entry(score.rule.clone()).or_default();
            sum.merge(&score);
            sum.rule.clone_from(&score.rule);
            sum.misses.extend(score.misses);
        }
    }
    Ok(scores.into_values().collect())
}

/// Every origin whose cases there are.
pub const ORIGINS: [&str; 4] = ["eslint", "ruff", "clippy", "go"];

/// The scores of all rules as a document, and what went otherwise than in the origins.
///
/// # Errors
/// As [`score`].
pub fn report(cases: &Path) -> anyhow::Result<(String, Vec<String>)> {
    let mut text = String::from(
        "# Rules on the cases of their origins\n\n\
         Made by `NM_UPDATE=1 cargo test -p mend origin`, and checked by the same test: how many of the cases that \
         the origin linters' own test suites hold come out as they do there.\n\n\
         - valid clean: cases in which the origin finds nothing, and neither do we;\n\
         - right count, exact places, exact messages: cases whose findings are as many, stand where (start and end) \
         and say what the origin's do; of ruff, files;\n\
         - exact output: the text after one pass of all fixes (ESLint; where a rule only suggests, it stays), after \
         all safe fixes (ruff, per file), and the fixed files of clippy and of the Go linters.\n",
    );
    let mut misses = Vec::new();
    for origin in ORIGINS {
        let scores = score(cases, origin, &[])?;
        write!(text, "\n## {origin}\n\n{}", table(&scores)).expect("a string takes all text");
        misses.extend(scores.into_iter().flat_map(|score| score.misses));
    }
    Ok((text, misses))
}

/// The scores as a table in Markdown, with the sum as its last line.
#[must_use]
pub fn table(scores: &[Score]) -> String {
    let mut text = String::from(
        "| rule | valid clean | right count | exact places | exact messages | exact output |\n|---|---|---|---|---|---|\n",
    );
    let mut all = Score { rule: "**all**".to_owned(), ..Score::default() };
    scores.iter().for_each(|score| all.merge(score));
    for Score { rule, valid, count, places, messages, output, .. } in scores.iter().chain([&all]) {
        writeln!(text, "| {rule} | {valid} | {count} | {places} | {messages} | {output} |")
            .expect("a string takes all text");
    }
    text
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no file of cases", path.display()))
}

#[derive(Deserialize)]
struct EslintCases {
    meta: EslintMeta,
    valid: Vec<EslintCase>,
    invalid: Vec<EslintCase>,
}

#[derive(Deserialize)]
struct EslintMeta {
    messages: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct EslintCase {
    code: String,
    filename: Option<String>,
    #[serde(default)]
    options: Value,
    #[serde(default)]
    lang: Lang,
    #[serde(default)]
    errors: Vec<Problem>,
    output: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lang {
    ecma_version: Option<Value>,
    source_type: Option<String>,
    parser: Option<String>,
    ecma_features: Features,
    globals: BTreeMap<String, Value>,
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
    line: u32,
    column: u32,
    end_line: Option<u32>,
    end_column: Option<u32>,
}

impl EslintCase {
    fn case(&self, rule: &str) -> Case {
        let by_name = || self.filename.as_deref().and_then(|name| name.rsplit('.').next());
        let language = match self.lang.parser {
            Some(_) if self.lang.ecma_features.jsx || by_name() == Some("tsx") => "tsx",
            Some(_) => "typescript",
            None => "javascript",
        };
        let is_common_js = self.lang.ecma_features.global_return;
        Case {
            language: Some(language.to_owned()),
            filename: self.filename.clone(),
            rule: rule.to_owned(),
            options: self.options.clone(),
            code: self.code.clone(),
            source_type: if is_common_js {
                Some("commonjs".to_owned())
            } else {
                self.lang.source_type.clone()
            },
            ecma_version: self.lang.ecma_version.clone(),
            globals: self.lang.globals.clone(),
            ..Case::default()
        }
    }
}

fn eslint(cases: &EslintCases, rule: &str) -> Score {
    let mut score = Score { rule: rule.to_owned(), ..Score::default() };
    // Canned syntax trees are not ours to run.
    let ours = |case: &&EslintCase| case.lang.parser.as_deref() != Some("fixture");
    for origin in cases.valid.iter().chain(&cases.invalid).filter(ours) {
        let answer = origin.case(rule).run();
        // Some cases switch other rules on by a comment.
        let is_own = |id: &String| cases.meta.messages.contains_key(id);
        let own = origin.errors.iter().filter(|problem| problem.message_id.as_ref().is_none_or(is_own));
        let mut wanted: Vec<&Problem> = own.collect();
        wanted.sort_by_key(|problem| (problem.line, problem.column, problem.end_line, problem.end_column));
        let context = || format!("{:?} {} {:?}", origin.code, origin.options, origin.lang.source_type);
        if let Some(error) = &answer.error {
            score.misses.push(format!("ERROR {error}: {}", context()));
        }
        if wanted.is_empty() {
            if !score.valid.add(answer.findings.is_empty() && answer.error.is_none()) {
                score.misses.push(format!("VALID {}\n   got {:?}", context(), answer.findings));
            }
            continue;
        }
        let same_count = wanted.len() == answer.findings.len();
        let pairs = || wanted.iter().zip(&answer.findings);
        let results = [
            ("count", score.count.add(same_count)),
            ("places", score.places.add(same_count && pairs().all(|(wanted, got)| wanted.is_at(got)))),
            (
                "messages",
                score.messages.add(same_count && pairs().all(|(wanted, got)| wanted.message == got.message)),
            ),
            ("output", score.output.add(answer.output == origin.output)),
        ];
        let wrong: Vec<&str> = results.iter().filter(|(_, right)| !right).map(|(name, _)| *name).collect();
        if !wrong.is_empty() {
            let wanted: Vec<String> = wanted.iter().map(|problem| problem.to_string()).collect();
            let got: Vec<String> = answer.findings.iter().map(said).collect();
            score.misses.push(format!(
                "{} {}\n  want {wanted:?}\n   got {got:?}\n  want {:?}\n   got {:?}",
                wrong.join("+").to_uppercase(),
                context(),
                origin.output,
                answer.output
            ));
        }
    }
    score
}

impl Problem {
    fn is_at(&self, place: &Place) -> bool {
        (self.line, self.column) == (place.line, place.column)
            && self.end_line.is_none_or(|line| line == place.end_line)
            && self.end_column.is_none_or(|column| column == place.end_column)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, column, message, end_line, end_column, .. } = self;
        write!(
            formatter,
            "{line}:{column}-{}:{} {message}",
            end_line.unwrap_or_default(),
            end_column.unwrap_or_default()
        )
    }
}

fn said(place: &Place) -> String {
    let Place { line, column, end_line, end_column, message } = place;
    format!("{line}:{column}-{end_line}:{end_column} {message}")
}

#[derive(Deserialize)]
struct RuffFixtures {
    files: Vec<RuffFixture>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuffFixture {
    file: String,
    source: String,
    diagnostics: Vec<Problem>,
    safe_output: Option<String>,
}

/// ruff's columns count characters and ours UTF-16 units, so both are compared by what lies before them.
fn ruff(fixtures: &RuffFixtures, code: &str) -> Score {
    let mut score = Score { rule: code.to_owned(), ..Score::default() };
    for fixture in &fixtures.files {
        let case = Case {
            language: Some("python".to_owned()),
            filename: Some(fixture.file.clone()),
            rule: code.to_owned(),
            code: fixture.source.clone(),
            ..Case::default()
        };
        let answer = case.run();
        if let Some(error) = &answer.error {
            score.misses.push(format!("ERROR {}: {error}", fixture.file));
        }
        let lines: Vec<&str> = fixture.source.split('\n').collect();
        let wanted: Vec<Place> = fixture.diagnostics.iter().map(|problem| problem.in_utf16(&lines)).collect();
        let same_count = wanted.len() == answer.findings.len();
        score.count.add(same_count);
        score.places.add(
            same_count && wanted.iter().all(|wanted| answer.findings.iter().any(|got| got.is_at(wanted))),
        );
        score.messages.add(same_count && wanted.iter().all(|wanted| answer.findings.contains(wanted)));
        for missing in wanted.iter().filter(|wanted| !answer.findings.contains(wanted)) {
            score.misses.push(format!("MISSING {}: {}", fixture.file, said(missing)));
        }
        for extra in answer.findings.iter().filter(|got| !wanted.contains(got)) {
            score.misses.push(format!("EXTRA {}: {}", fixture.file, said(extra)));
        }
        let output = answer.output.as_ref().unwrap_or(&fixture.source);
        let wanted = fixture.safe_output.as_ref().unwrap_or(&fixture.source);
        compare_text(&mut score, &fixture.file, wanted, output);
    }
    score
}

impl Problem {
    fn in_utf16(&self, lines: &[&str]) -> Place {
        let column = |line: u32, column: u32| {
            let line = lines.get(line.saturating_sub(1) as usize).copied().unwrap_or_default();
            let before = line.chars().take(column.saturating_sub(1) as usize);
            let extra = before.filter(|character| character.len_utf16() > 1).count();
            column + u32::try_from(extra).unwrap_or_default()
        };
        let (end_line, end_column) = (self.end_line.unwrap_or_default(), self.end_column.unwrap_or_default());
        Place {
            line: self.line,
            column: column(self.line, self.column),
            end_line,
            end_column: column(end_line, end_column),
            message: self.message.clone(),
        }
    }
}

impl Place {
    fn is_at(&self, other: &Self) -> bool {
        (self.line, self.column, self.end_line, self.end_column)
            == (other.line, other.column, other.end_line, other.end_column)
    }
}

#[derive(Deserialize)]
struct Pairs {
    rule: String,
    files: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    file: String,
    source: String,
    #[serde(alias = "golden")]
    fixed: Option<String>,
}

fn pairs(pairs: &Pairs, origin: &str) -> Score {
    let rule = known_name(&pairs.rule);
    let mut score = Score { rule: rule.to_owned(), ..Score::default() };
    for pair in &pairs.files {
        let case = Case {
            language: Some(if origin == "go" { "go" } else { "rust" }.to_owned()),
            filename: Some(pair.file.clone()),
            rule: rule.to_owned(),
            code: pair.source.clone(),
            ..Case::default()
        };
        let answer = case.run();
        if let Some(error) = &answer.error {
            score.misses.push(format!("ERROR {}: {error}", pair.file));
        }
        let output = answer.output.as_ref().unwrap_or(&pair.source);
        compare_text(&mut score, &pair.file, pair.fixed.as_ref().unwrap_or(&pair.source), output);
    }
    score
}

/// The name of a rule behind which the name of a folder of tests may stand: `simplifyrange-generatedcode`.
fn known_name(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((rule, _)) if fixes::catalogue::find(name).is_none() => rule,
        _ => name,
    }
}

fn compare_text(score: &mut Score, file: &str, wanted: &str, got: &str) {
    if score.output.add(wanted == got) {
        return;
    }
    let diff = similar::TextDiff::from_lines(wanted, got);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    let differing: String = changes.map(|change| format!("    {}{change}", change.tag())).collect();
    score.misses.push(format!("OUTPUT {file} (- wanted, + got)\n{differing}"));
}
