//! One text on its way through the engine: findings, each rule alone, all rules in series.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::analysis::{Analysis, Setup};
use super::clock::Clock;
use super::mend::Engine;
use super::position::Lines;
use super::settle::{Settled, settle};
use crate::certificate::{Certificate, Check, ENGINE_VERSION};
use crate::report::{Dropped, FileFinding, FileReport, RuleFailure, RuleId, Step};
use crate::rule::{Applicability, Edit, Finding, Rule};
use crate::spec::RuleSpec;

/// A series that still changes something after this many rounds does not settle.
const MAX_ROUNDS: u32 = 10;

/// One text on its way through the engine.
pub(super) struct Run<'e> {
    engine: &'e Engine,
    setup: Setup<'e>,
    base: Rc<Analysis>,
    /// The rules that run, as data.
    specs: Arc<[RuleSpec]>,
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

impl<'e> Run<'e> {
    pub(super) fn new(engine: &'e Engine, setup: Setup<'e>, bytes: &[u8]) -> Self {
        let base = Rc::new(setup.analyse(bytes.to_vec()));
        let specs = specs_of(engine, setup.clock);
        Self { engine, setup, base, specs, settled: HashMap::new() }
    }

    pub(super) fn report(&mut self) -> FileReport {
        let mut cycles = BTreeSet::new();
        let series = loop {
            match self.series(&cycles) {
                Ok(series) => break series,
                Err(cycle) => cycles.extend(cycle),
            }
        };
        let alone = self.alone(&cycles);
        let out_of_time = self.setup.clock.was_up();
        let base = Rc::clone(&self.base);
        let mut rule_failures: Vec<RuleFailure> = self
            .failures()
            .into_iter()
            .map(|(rule, message)| RuleFailure { rule: rule.into(), message })
            .collect();
        rule_failures.sort();
        let changed = (!out_of_time).then_some(series);
        FileReport {
            language: self.setup.language,
            digest: hex(&base),
            syntax_errors: base.n_errors > 0,
            out_of_time,
            findings: if out_of_time { Vec::new() } else { self.findings(&cycles) },
            n_suppressed: base.n_suppressed,
            unused_suppressions: base.unused_suppressions.clone(),
            alone: if out_of_time { Vec::new() } else { alone },
            final_digest: hex(changed.as_ref().map_or(&base, |series| &series.last)),
            dropped: changed.as_ref().map(|series| series.dropped.clone()).unwrap_or_default(),
            series: changed.map(|series| series.steps).unwrap_or_default(),
            cycles: cycles.into_iter().map(RuleId::from).collect(),
            rule_failures,
        }
    }

    /// Rules that failed on the text or on what became of it.
    fn failures(&self) -> BTreeMap<&'static str, String> {
        let (slow, budget) = self.setup.clock.left_out();
        let slow = slow.into_iter().filter_map(|rule| self.engine.rules().get(rule));
        let slow = slow.map(|rule| (rule.meta().id, format!("over its time budget of {budget:?} a file")));
        let texts = self.settled.values().filter_map(|outcome| outcome.after.as_deref());
        texts
            .chain([&*self.base])
            .flat_map(|text| text.failures.iter().map(|(rule, message)| (*rule, message.clone())))
            .chain(slow)
            .collect()
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
    fn dropped(&mut self, rules: &[&'e dyn Rule], last: &Rc<Analysis>) -> Vec<Dropped> {
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

    fn rules_but(&self, without: &BTreeSet<&'static str>) -> Vec<&'e dyn Rule> {
        self.engine
            .rules()
            .iter()
            .map(|rule| &**rule)
            .filter(|rule| !without.contains(rule.meta().id))
            .collect()
    }

    fn settle(&mut self, rule: &'e dyn Rule, text: &Rc<Analysis>) -> Rc<Outcome> {
        let id = rule.meta().id;
        let has_work = text.findings_of(id).any(|finding| self.setup.allows(finding));
        if !has_work || self.setup.clock.is_in_vain() {
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
            level: self.engine.level(),
            facts: self.setup.facts.clone(),
            rules: Arc::clone(&self.specs),
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
        let fingerprints = lines.fingerprints(&self.setup.facts.path, &base.tree, &base.findings);
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

/// The rules of the engine that run, as data: a certificate must not name one that said nothing.
fn specs_of(engine: &Engine, clock: &Clock) -> Arc<[RuleSpec]> {
    if (0..engine.rules().len()).all(|rule| clock.runs(rule)) {
        return Arc::clone(engine.specs());
    }
    let specs = engine.specs().iter().enumerate();
    specs.filter(|(rule, _)| clock.runs(*rule)).map(|(_, spec)| spec.clone()).collect()
}

fn hex(text: &Analysis) -> String {
    text.digest().to_hex().to_string()
}
