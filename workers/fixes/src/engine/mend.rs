//! A set of rules as an engine that many threads share.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::analysis::Setup;
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
    level: FixLevel,
    dispatch: [(Language, Dispatch); Language::ALL.len()],
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
            wanted.insert(known.ok_or_else(|| Error::unknown(id.as_ref()))?.meta().id);
        }
        let rules = rules::ALL.iter().filter(|rule| wanted.contains(rule.meta().id));
        Ok(Self::of(rules.map(|rule| RuleRef::Default(*rule)).collect(), level))
    }

    /// An engine that runs every rule.
    #[must_use]
    pub fn with_all_rules(level: FixLevel) -> Self {
        Self::of(rules::ALL.iter().map(|rule| RuleRef::Default(*rule)).collect(), level)
    }

    /// An engine of these rules, which run in this order.
    #[must_use]
    pub fn of(rules: Vec<RuleRef>, level: FixLevel) -> Self {
        let dispatch = Language::ALL.map(|language| (language, Dispatch::new(&rules, language)));
        Self { rules, level, dispatch }
    }

    pub(super) fn rules(&self) -> &[RuleRef] {
        &self.rules
    }

    pub(super) fn level(&self) -> FixLevel {
        self.level
    }

    /// The ids of the rules, in the order in which they run.
    pub fn rule_ids(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.rules.iter().map(|rule| rule.meta().id)
    }

    /// Runs the rules over one text. Same bytes in, same report out.
    #[must_use]
    pub fn mend(&self, bytes: &[u8], language: Language, facts: &Facts) -> FileReport {
        let setup = self.setup(language, facts);
        Run::new(self, setup, bytes).report()
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
        let setup = self.setup(language, facts);
        let rule = setup.rule(rule).ok_or_else(|| Error::unknown(rule))?;
        if !are_well_formed(edits, base.len()) {
            return Err(CheckFailed::Check(Check::ClaimedBytes));
        }
        let rule: &dyn Rule = &**rule;
        let base = setup.analyse(base.to_vec());
        let after = setup.analyse(apply(&base.bytes, edits));
        check_whole(&setup, rule, &base, &after, edits).map_err(CheckFailed::Check)?;
        if !is_settled(&setup, rule, &after) {
            return Err(CheckFailed::Check(Check::Idempotent));
        }
        Ok(after.bytes)
    }

    fn setup<'e>(&'e self, language: Language, facts: &'e Facts) -> Setup<'e> {
        let dispatch = self.dispatch.iter().find(|(known, _)| *known == language);
        let (_, dispatch) = dispatch.expect("there is a table for every language");
        let max = match self.level {
            FixLevel::None => None,
            FixLevel::Safe => Some(Applicability::Safe),
            FixLevel::Unsafe => Some(Applicability::Unsafe),
        };
        Setup { rules: &self.rules, dispatch, language, facts, max }
    }
}

#[cfg(test)]
mod tests;
