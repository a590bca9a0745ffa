//! Users' own rules: read from folders, tested by their fixtures.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use fixes::{Engine, FixLevel, Language, RuleSpec, facts::NO_FACTS};
use serde::Deserialize;

use crate::Outcome;

/// Fixtures end with this, as in ast-grep.
const TEST_SUFFIX: &str = "-test";

/// The rules in the YAML files of a folder, in the order of the files' names.
///
/// # Errors
/// The first file that is wrong, with the reason and, where the parser knows it, the line.
pub fn read_folder(folder: &Path) -> anyhow::Result<Vec<RuleSpec>> {
    let mut rules: Vec<RuleSpec> = Vec::new();
    for path in yaml_files(folder)?.iter().filter(|path| !is_test(path)) {
        let text = read(path)?;
        for spec in fixes::user_rule::specs(&text).with_context(|| path.display().to_string())? {
            let is_new = rules.iter().all(|known| known.id != spec.id);
            ensure!(is_new, "{}: there is another rule `{}`", path.display(), spec.id);
            rules.push(spec);
        }
    }
    Ok(rules)
}

fn yaml_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let listed = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in listed {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        if is_yaml && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with(TEST_SUFFIX))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The fixtures of one rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixtures {
    id: String,
    /// Texts in which the rule finds nothing.
    #[serde(default)]
    valid: Vec<String>,
    /// Texts in which it finds something.
    #[serde(default)]
    invalid: Vec<Invalid>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Invalid {
    Text(String),
    /// With the text that all its fixes, unsafe ones too, leave.
    Fixed {
        code: String,
        fixed: String,
    },
}

/// `mend test`
pub(crate) fn test(folder: &Path) -> anyhow::Result<Outcome> {
    let rules = read_folder(folder)?;
    let mut output = anstream::stdout().lock();
    let mut n_run: BTreeMap<&str, usize> = rules.iter().map(|rule| (&*rule.id, 0)).collect();
    let mut n_failed = 0;
    for path in yaml_files(folder)?.iter().filter(|path| is_test(path)) {
        let text = read(path)?;
        let all: Vec<Fixtures> =
            fixes::user_rule::from_yaml(&text).with_context(|| path.display().to_string())?;
        for fixtures in &all {
            let rule = rules.iter().find(|rule| rule.id == fixtures.id);
            let rule = rule.with_context(|| format!("{}: no rule `{}`", path.display(), fixtures.id))?;
            for failure in failures(rule, fixtures)? {
                n_failed += 1;
                writeln!(output, "FAILED {}: {failure}", rule.id)?;
            }
            *n_run.entry(&*rule.id).or_default() += fixtures.valid.len() + fixtures.invalid.len();
        }
    }
    for (id, _) in n_run.iter().filter(|(_, n_run)| **n_run == 0) {
        writeln!(output, "{id}: no fixtures")?;
    }
    let n_run: usize = n_run.values().sum();
    writeln!(output, "{} rules, {n_run} fixtures, {n_failed} failed", rules.len())?;
    Ok(Outcome::of(n_failed > 0))
}

fn failures(rule: &RuleSpec, fixtures: &Fixtures) -> anyhow::Result<Vec<String>> {
    let engine = Engine::with_specs(std::slice::from_ref(rule), FixLevel::Unsafe)?;
    let language = engine.language_of(&rule.id).context("a rule has a language")?;
    let mut failures = Vec::new();
    for code in &fixtures.valid {
        if !mend(&engine, code, language).findings.is_empty() {
            failures.push(format!("found something in a valid text:\n{code}"));
        }
    }
    for invalid in &fixtures.invalid {
        let (Invalid::Text(code) | Invalid::Fixed { code, .. }) = invalid;
        let report = mend(&engine, code, language);
        if report.findings.is_empty() {
            failures.push(format!("found nothing in an invalid text:\n{code}"));
        }
        let unproved = report
            .dropped
            .iter()
            .map(|dropped| format!("a fix fails the check `{}`:\n{code}", dropped.check));
        failures.extend(unproved);
        if let Invalid::Fixed { fixed, .. } = invalid {
            let after = Engine::after_series(code.as_bytes(), &report.series);
            if after != fixed.as_bytes() {
                let after = String::from_utf8_lossy(&after).into_owned();
                failures.push(format!("mended\n{code}\nto\n{after}\ninstead of\n{fixed}"));
            }
        }
    }
    Ok(failures)
}

fn mend(engine: &Engine, code: &str, language: Language) -> fixes::FileReport {
    engine.mend(code.as_bytes(), language, &NO_FACTS)
}
