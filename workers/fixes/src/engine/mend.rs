//! The whole engine on one text: findings, each rule alone, all rules in series.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::analysis::{Analysis, Setup};
use super::dispatch::Dispatch;
use super::edits::{apply, are_well_formed};
use super::position::Lines;
use super::settle::{Settled, check_whole, is_settled, settle};
use crate::certificate::{Certificate, Check, CheckFailed, ENGINE_VERSION};
use crate::language::Language;
use crate::report::{Dropped, FileFinding, FileReport, RuleFailure, RuleId, Step};
use crate::rule::{Applicability, Edit, Finding, Rule};
use crate::rules;

/// A series that still changes something after this many rounds does not settle.
const MAX_ROUNDS: u32 = 10;

/// Which fixes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FixLevel {
    /// None: findings only.
    None,
    /// The safe ones.
    Safe,
    /// The unsafe ones too.
    Unsafe,
}

/// Why there is no engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule was asked for that does not exist.
    #[error("unknown rule `{id}`{}", near_ones(.near))]
    UnknownRule {
        /// What was asked for.
        id: String,
        /// Ids that are spelled much like it.
        near: Vec<&'static str>,
    },
}

fn near_ones(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}

/// A set of rules, ready to run on any number of texts. Cheap to share between threads.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<&'static dyn Rule>,
    level: FixLevel,
    dispatch: [(Language, Dispatch); 4],
}

impl Engine {
    /// An engine that runs the rules of these ids, in the order of [`rules::ALL`].
    ///
    /// # Errors
    /// [`Error::UnknownRule`] for the first id that no rule has.
    pub fn new<I: AsRef<str>>(ids: impl IntoIterator<Item = I>, level: FixLevel) -> Result<Self, Error> {
        let mut wanted = BTreeSet::new();
        for id in ids {
            let known = rules::ALL.iter().find(|rule| rule.meta().id == id.as_ref());
            wanted.insert(known.ok_or_else(|| unknown(id.as_ref()))?.meta().id);
        }
        let rules = rules::ALL.iter().copied().filter(|rule| wanted.contains(rule.meta().id)).collect();
        Ok(Self::of(rules, level))
    }

    /// An engine that runs every rule.
    #[must_use]
    pub fn with_all_rules(level: FixLevel) -> Self {
        Self::of(rules::ALL.to_vec(), level)
    }

    fn of(rules: Vec<&'static dyn Rule>, level: FixLevel) -> Self {
        let languages = [Language::JavaScript, Language::TypeScript, Language::Tsx, Language::Python];
        let dispatch = languages.map(|language| (language, Dispatch::new(&rules, language)));
        Self { rules, level, dispatch }
    }

    /// The ids of the rules, in the order in which they run.
    pub fn rule_ids(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.rules.iter().map(|rule| rule.meta().id)
    }

    /// Runs the rules over one text. Same bytes in, same report out.
    #[must_use]
    pub fn mend(&self, bytes: &[u8], language: Language) -> FileReport {
        let setup = self.setup(language);
        let base = Rc::new(setup.analyse(bytes.to_vec()));
        let mut run = Run { engine: self, setup, base, settled: HashMap::new() };
        run.report()
    }

    /// The text of `bytes` after a series of steps.
    ///
    /// # Panics
    /// If the steps are not those of a report on `bytes`.
    #[must_use]
    pub fn after_series(bytes: &[u8], series: &[Step]) -> Vec<u8> {
        let mut text = bytes.to_vec();
        for step in series {
            text = apply(&text, &step.certificate.edits);
        }
        text
    }

    /// Applies a certificate's edits and checks everything that the engine checked.
    pub(crate) fn replay(
        &self,
        rule: &str,
        base: &[u8],
        language: Language,
        edits: &[Edit],
    ) -> Result<Vec<u8>, CheckFailed> {
        let setup = self.setup(language);
        let rule = setup.rule(rule).ok_or_else(|| unknown(rule))?;
        if !are_well_formed(edits, base.len()) {
            return Err(CheckFailed::Check(Check::ClaimedBytes));
        }
        let base = setup.analyse(base.to_vec());
        let after = setup.analyse(apply(&base.bytes, edits));
        check_whole(&setup, rule, &base, &after, edits).map_err(CheckFailed::Check)?;
        if !is_settled(&setup, rule, &after) {
            return Err(CheckFailed::Check(Check::Idempotent));
        }
        Ok(after.bytes)
    }

    fn setup(&self, language: Language) -> Setup<'_> {
        let dispatch = self.dispatch.iter().find(|(known, _)| *known == language);
        let (_, dispatch) = dispatch.expect("there is a table for every language");
        let max = match self.level {
            FixLevel::None => None,
            FixLevel::Safe => Some(Applicability::Safe),
            FixLevel::Unsafe => Some(Applicability::Unsafe),
        };
        Setup { rules: &self.rules, dispatch, language, max }
    }
}

fn unknown(id: &str) -> Error {
    let is_near = |known: &str| {
        let (known, id) = (known.to_lowercase(), id.to_lowercase());
        distance(&known, &id) <= 1 + id.len() / 4
    };
    let near = rules::ALL.iter().map(|rule| rule.meta().id).filter(|known| is_near(known)).collect();
    Error::UnknownRule { id: id.to_owned(), near }
}

/// Levenshtein distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// One text on its way through the engine.
struct Run<'e> {
    engine: &'e Engine,
    setup: Setup<'e>,
    base: Rc<Analysis>,
    /// What rules make of texts, by rule and digest: the first step of a series is the rule alone.
    settled: HashMap<(&'static str, blake3::Hash), Rc<Outcome>>,
}

/// [`Settled`], to be shared.
struct Outcome {
    after: Option<Rc<Analysis>>,
    edits: Vec<Edit>,
    dropped: Vec<(Option<usize>, Check)>,
}

/// What a series did.
struct Series {
    steps: Vec<Step>,
    last: Rc<Analysis>,
    dropped: Vec<Dropped>,
}

impl Run<'_> {
    fn report(&mut self) -> FileReport {
        let mut cycles = BTreeSet::new();
        let series = loop {
            match self.series(&cycles) {
                Ok(series) => break series,
                Err(cycle) => cycles.extend(cycle),
            }
        };
        let alone = self.alone(&cycles);
        let base = Rc::clone(&self.base);
        let failures = base
            .failures
            .iter()
            .map(|(rule, message)| RuleFailure { rule: (*rule).into(), message: message.clone() });
        let mut rule_failures: Vec<RuleFailure> = failures.collect();
        rule_failures.sort();
        FileReport {
            language: self.setup.language,
            digest: hex(&base),
            syntax_errors: base.n_errors > 0,
            findings: self.findings(&cycles),
            alone,
            series: series.steps,
            final_digest: hex(&series.last),
            dropped: series.dropped,
            cycles: cycles.into_iter().map(RuleId::from).collect(),
            rule_failures,
        }
    }

    fn alone(&mut self, without: &BTreeSet<&'static str>) -> Vec<Certificate> {
        let base = Rc::clone(&self.base);
        let mut certificates = Vec::new();
        for rule in self.rules_but(without) {
            let outcome = self.settle(rule, &base);
            certificates.extend(self.certificate(rule, &base, &outcome));
        }
        certificates
    }

    /// Runs all rules one after the other until nothing changes.
    ///
    /// # Errors
    /// The rules that undo each other.
    fn series(&mut self, without: &BTreeSet<&'static str>) -> Result<Series, BTreeSet<&'static str>> {
        let rules = self.rules_but(without);
        let mut steps = Vec::new();
        let mut last = Rc::clone(&self.base);
        let mut seen = vec![(last.digest(), 0)];
        for round in 1..=MAX_ROUNDS {
            let n_before = steps.len();
            for &rule in &rules {
                let outcome = self.settle(rule, &last);
                let Some(certificate) = self.certificate(rule, &last, &outcome) else { continue };
                steps.push((rule.meta().id, Step { round, certificate }));
                last = outcome.after.clone().unwrap_or(last);
                let digest = last.digest();
                if let Some((_, since)) = seen.iter().find(|(known, _)| *known == digest) {
                    return Err(steps[*since..].iter().map(|(rule, _)| *rule).collect());
                }
                seen.push((digest, steps.len()));
            }
            if steps.len() == n_before {
                let dropped = self.dropped(&rules, &last);
                return Ok(Series {
                    steps: steps.into_iter().map(|(_, step)| step).collect(),
                    last,
                    dropped,
                });
            }
        }
        let unsettled = steps.iter().filter(|(_, step)| step.round == MAX_ROUNDS);
        Err(unsettled.map(|(rule, _)| *rule).collect())
    }

    /// The fixes that failed a check in the text as it is, and those of findings that the series uncovered.
    fn dropped(&mut self, rules: &[&'static dyn Rule], last: &Rc<Analysis>) -> Vec<Dropped> {
        let mut counts: BTreeMap<(&'static str, Check), u32> = BTreeMap::new();
        for &rule in rules {
            let base = Rc::clone(&self.base);
            let n_in = |outcome: &Outcome| {
                let mut counts: BTreeMap<Check, u32> = BTreeMap::new();
                outcome.dropped.iter().for_each(|(_, check)| *counts.entry(*check).or_default() += 1);
                counts
            };
            for counted in [n_in(&self.settle(rule, &base)), n_in(&self.settle(rule, last))] {
                for (check, n_fixes) in counted {
                    let count = counts.entry((rule.meta().id, check)).or_default();
                    *count = (*count).max(n_fixes);
                }
            }
        }
        counts
            .into_iter()
            .map(|((rule, check), n_fixes)| Dropped { rule: rule.into(), check, n_fixes })
            .collect()
    }

    fn rules_but(&self, without: &BTreeSet<&'static str>) -> Vec<&'static dyn Rule> {
        self.engine.rules.iter().copied().filter(|rule| !without.contains(rule.meta().id)).collect()
    }

    fn settle(&mut self, rule: &'static dyn Rule, text: &Rc<Analysis>) -> Rc<Outcome> {
        let id = rule.meta().id;
        if !text.findings_of(id).any(|finding| self.setup.allows(finding)) {
            return Rc::new(Outcome { after: None, edits: Vec::new(), dropped: Vec::new() });
        }
        let key = (id, text.digest());
        if let Some(known) = self.settled.get(&key) {
            return Rc::clone(known);
        }
        let Settled { after, edits, dropped } = settle(&self.setup, rule, text);
        let outcome = Rc::new(Outcome { after: after.map(Rc::new), edits, dropped });
        self.settled.insert(key, Rc::clone(&outcome));
        outcome
    }

    fn certificate(&self, rule: &dyn Rule, before: &Analysis, outcome: &Outcome) -> Option<Certificate> {
        let after = outcome.after.as_ref()?;
        Some(Certificate {
            rule: rule.meta().id.into(),
            engine: ENGINE_VERSION.to_owned(),
            level: self.engine.level,
            rules: self.engine.rule_ids().map(RuleId::from).collect(),
            before: hex(before),
            after: hex(after),
            edits: outcome.edits.clone(),
            checks: Check::ALL.to_vec(),
        })
    }

    fn findings(&mut self, cycles: &BTreeSet<&'static str>) -> Vec<FileFinding> {
        let base = Rc::clone(&self.base);
        let mut failed: HashMap<(&'static str, usize), Check> = HashMap::new();
        for rule in self.rules_but(cycles) {
            let outcome = self.settle(rule, &base);
            let known = outcome.dropped.iter().filter_map(|(start, check)| Some((start.as_ref()?, check)));
            failed.extend(known.map(|(start, check)| ((rule.meta().id, *start), *check)));
        }
        let lines = Lines::new(&base.bytes);
        let fingerprints = lines.fingerprints(&base.findings);
        let with_fingerprints = base.findings.iter().zip(fingerprints);
        with_fingerprints
            .map(|(finding, fingerprint)| {
                let dropped = failed.get(&(finding.rule, finding.range.start)).copied();
                let is_out = dropped.is_some() || cycles.contains(finding.rule);
                let fix = finding.fix.as_ref().filter(|_| !is_out);
                self.finding(finding, &lines, fingerprint, fix.map(|fix| fix.applicability), dropped)
            })
            .collect()
    }

    fn finding(
        &self,
        finding: &Finding,
        lines: &Lines<'_>,
        fingerprint: String,
        fixable: Option<Applicability>,
        dropped: Option<Check>,
    ) -> FileFinding {
        let rule = self.setup.rule(finding.rule).expect("findings come from the rules of the run");
        FileFinding {
            rule: finding.rule.into(),
            level: rule.meta().level,
            message: finding.message.clone(),
            range: finding.range.clone(),
            start: lines.position(finding.range.start),
            end: lines.position(finding.range.end),
            snippet: lines.snippet(finding.range.start),
            fixable,
            dropped,
            fingerprint,
        }
    }
}

fn hex(text: &Analysis) -> String {
    text.digest().to_hex().to_string()
}
