//! Decides for a file what is to be done with it: nothing, if its result is known; some rules or the model alone, if
//! what the others say is known; everything.

use std::collections::BTreeMap;

use schemas::plan::Origin;
use schemas::reuse::{file_key, recipe_digest, runs_on};
use schemas::sources::{RulesWork, Work};
use schemas::{Digest, Language};
use settings::RuleSpec;

use super::Request;
use crate::earlier::Similar;
use crate::ledger::ScannedBlob;

/// What is to be done with a file.
pub(super) enum Decision {
    /// Nothing: the row is there.
    Reuse {
        /// What it was made with.
        key: Digest,
        /// Where it is.
        origin: Origin,
    },
    /// Something.
    Do {
        work: Work,
        /// The row that the rest is taken from, or that is audited: what it was made with, and where it is.
        earlier: Option<(Digest, Origin)>,
        /// Whether it is done to compare.
        audit: bool,
    },
}

/// Decides for the files of one repo.
pub(super) struct Judge<'a> {
    request: &'a Request<'a>,
    rules: &'a [RuleSpec],
    recipes: BTreeMap<Language, Digest>,
}

/// The rule that says which comments for other rules are of no use: it depends on what the others say.
const JUDGES_OTHERS: &str = "RUF100";

impl<'a> Judge<'a> {
    /// For a repo in which these rules apply.
    pub(super) fn new(request: &'a Request<'a>, rules: &'a [RuleSpec]) -> Self {
        let recipe = |language| (language, recipe_digest(request.pipeline, rules, language));
        Self { request, rules, recipes: Language::ALL.into_iter().map(recipe).collect() }
    }

    /// What decides the result of a file.
    pub(super) fn key(&self, inputs: Digest, language: Language) -> Digest {
        file_key(inputs, self.recipes[&language])
    }

    pub(super) fn decide(&self, inputs: Digest, key: Digest, blob: &ScannedBlob<'_>) -> Decision {
        let from_the_start = || Decision::Do { work: Work::default(), earlier: None, audit: false };
        if !self.request.reuse.enabled {
            return from_the_start();
        }
        if let Some(origin) = self.request.earlier.row(key) {
            return match self.is_audited(key) {
                true => Decision::Do { work: Work::default(), earlier: Some((key, origin)), audit: true },
                false => Decision::Reuse { key, origin },
            };
        }
        let Some(similar) = self.request.earlier.similar(inputs) else { return from_the_start() };
        let rules = self.rules_to_run(&similar, blob);
        let tokens = self.request.pipeline.model.is_some() && !similar.has_tokens;
        let earlier = (similar.key, similar.origin);
        match (&rules, tokens) {
            (RulesWork::Only(new), false) if new.is_empty() => {
                Decision::Reuse { key: earlier.0, origin: earlier.1 }
            }
            // Nothing of the earlier row is left to be taken.
            (RulesWork::All, _) if !similar.has_tokens => from_the_start(),
            _ => Decision::Do { work: Work { rules, tokens }, earlier: Some(earlier), audit: false },
        }
    }

    /// What other rules found stays, as long as nothing is certified with all of them.
    fn rules_to_run(&self, similar: &Similar, blob: &ScannedBlob<'_>) -> RulesWork {
        let of_language =
            |rules: &'a [RuleSpec]| rules.iter().filter(|rule| runs_on(rule, blob.language)).collect();
        let wanted: Vec<&RuleSpec> = of_language(self.rules);
        let had: Vec<&RuleSpec> =
            self.request.earlier.similar_rules().iter().filter(|rule| runs_on(rule, blob.language)).collect();
        let new: Vec<String> =
            wanted.iter().filter(|rule| !had.contains(rule)).map(|rule| rule.id.clone()).collect();
        let is_gone = |rule: &&RuleSpec| !wanted.contains(rule);
        if new.is_empty() && !had.iter().any(is_gone) {
            return RulesWork::Only(Vec::new());
        }
        let is_judged = wanted.iter().any(|rule| rule.id == JUDGES_OTHERS) && mentions_noqa(blob.bytes);
        if similar.only_findings && !is_judged { RulesWork::Only(new) } else { RulesWork::All }
    }

    /// A share of the files, chosen by the job: another one each night.
    fn is_audited(&self, key: Digest) -> bool {
        let chosen = Digest::of(format!("{} {key}", self.request.salt).as_bytes());
        let [a, b, c, d, ..] = *chosen.as_bytes();
        u64::from(u32::from_le_bytes([a, b, c, d])) * 1_000_000
            < u64::from(self.request.reuse.audit_ppm) << 32
    }
}

fn mentions_noqa(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window.eq_ignore_ascii_case(b"noqa"))
}
