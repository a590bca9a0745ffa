//! A set of rules as an engine that many threads share.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::analysis::Setup;
use super::clock::{Budget, Clock};
use super::dispatch::Dispatch;
use super::edits::{apply, are_well_formed};
use super::error::Error;
use super::run::Run;
use super::settle::{check_whole, is_settled};
use crate::certificate::{Check, CheckFailed};
use crate::facts::Facts;
use crate::language::Language;
use crate::report::{FileReport, Step};
use crate::rule::{Applicability, Edit, Rule, RuleRef};
use crate::rules;
use crate::spec::{RuleSpec, rule_of};

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

/// A set of rules, ready to run on any number of texts. Cheap to share between threads.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<RuleRef>,
    /// The rules as data, in the same order.
    specs: Arc<[RuleSpec]>,
    level: FixLevel,
    budget: Budget,
    dispatch: [(Language, Dispatch); Language::ALL.len()],
}

impl Engine {
    /// An engine that runs the rules of these ids with their default options, in the order of [`rules::ALL`].
    ///
    /// # Errors
    /// [`Error::UnknownRule`] for the first id that no rule has.
    pub fn new<I: AsRef<str>>(ids: impl IntoIterator<Item = I>, level: FixLevel) -> Result<Self, Error> {
        let specs: Vec<RuleSpec> = ids.into_iter().map(|id| RuleSpec::new(id.as_ref())).collect();
        Self::with_specs(&specs, level)
    }

    /// An engine that runs these rules: those of this build in the order of [`rules::ALL`], then the users'.
    ///
    /// # Errors
    /// For the first rule that does not exist or whose options are wrong.
    pub fn with_specs(specs: &[RuleSpec], level: FixLevel) -> Result<Self, Error> {
        let mut wanted: Vec<(usize, RuleRef, RuleSpec)> = Vec::with_capacity(specs.len());
        for spec in specs {
            let rule = rule_of(spec)?;
            let id = rule.meta().id;
            let at = rules::ALL.iter().position(|known| known.meta().id == id).unwrap_or(rules::ALL.len());
            wanted.retain(|(_, known, _)| known.meta().id != id);
            wanted.push((at, rule, RuleSpec { id: id.to_owned(), ..spec.clone() }));
        }
        wanted.sort_by_key(|(at, ..)| *at);
        let specs = wanted.iter().map(|(_, _, spec)| spec.clone()).collect();
        Ok(Self { specs, ..Self::of(wanted.into_iter().map(|(_, rule, _)| rule).collect(), level) })
    }

    /// An engine that runs every rule of this build.
    #[must_use]
    pub fn with_all_rules(level: FixLevel) -> Self {
        Self::of(rules::ALL.iter().map(|rule| RuleRef::Default(*rule)).collect(), level)
    }

    /// The engine with other time budgets.
    #[must_use]
    pub fn within(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The rules and their options, in the order in which they run.
    #[must_use]
    pub fn specs(&self) -> &Arc<[RuleSpec]> {
        &self.specs
    }

    /// An engine of these rules, which run in this order.
    #[must_use]
    pub fn of(rules: Vec<RuleRef>, level: FixLevel) -> Self {
        let dispatch = Language::ALL.map(|language| (language, Dispatch::new(&rules, language)));
        let specs = rules.iter().map(|rule| RuleSpec::new(rule.meta().id)).collect();
        Self { rules, specs, level, budget: Budget::default(), dispatch }
    }

    pub(super) fn rules(&self) -> &[RuleRef] {
        &self.rules
    }

    /// Which fixes are applied.
    #[must_use]
    pub fn level(&self) -> FixLevel {
        self.level
    }

    /// The ids of the rules, in the order in which they run.
    pub fn rule_ids(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.rules.iter().map(|rule| rule.meta().id)
    }

    /// Runs the rules over one text. Same bytes in, same report out.
    #[must_use]
    pub fn mend(&self, bytes: &[u8], language: Language, facts: &Facts) -> FileReport {
        let clock = Clock::start(self.budget, self.rules.len());
        loop {
            let report = Run::new(self, self.setup(language, facts, &clock), bytes).report();
            if report.out_of_time || !clock.leave_out_slow_rules() {
                return report;
            }
        }
    }

    /// The first language that a rule of the engine runs on.
    #[must_use]
    pub fn language_of(&self, rule: &str) -> Option<Language> {
        let rule = self.rules.iter().find(|known| known.meta().id == rule)?;
        rule.meta().languages.first().copied()
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
        facts: &Facts,
        edits: &[Edit],
    ) -> Result<Vec<u8>, CheckFailed> {
        let clock = Clock::start(self.budget, self.rules.len());
        let setup = self.setup(language, facts, &clock);
        let rule = setup.rule(rule).ok_or_else(|| Error::unknown(rule))?;
        if !are_well_formed(edits, base.len()) {
            return Err(CheckFailed::Check(Check::ClaimedBytes));
        }
        let rule: &dyn Rule = &**rule;
        let base = setup.analyse(base.to_vec());
        let after = setup.analyse(apply(&base.bytes, edits));
        let checked = check_whole(&setup, rule, &base, &after, edits);
        let is_settled = is_settled(&setup, rule, &after);
        if clock.is_in_vain() {
            return Err(CheckFailed::OutOfTime);
        }
        checked.map_err(CheckFailed::Check)?;
        if is_settled { Ok(after.bytes) } else { Err(CheckFailed::Check(Check::Idempotent)) }
    }

    fn setup<'e>(&'e self, language: Language, facts: &'e Facts, clock: &'e Clock) -> Setup<'e> {
        let dispatch = self.dispatch.iter().find(|(known, _)| *known == language);
        let (_, dispatch) = dispatch.expect("there is a table for every language");
        let max = match self.level {
            FixLevel::None => None,
            FixLevel::Safe => Some(Applicability::Safe),
            FixLevel::Unsafe => Some(Applicability::Unsafe),
        };
        Setup { rules: &self.rules, dispatch, language, facts, clock, max }
    }
}

#[cfg(test)]
mod tests;
