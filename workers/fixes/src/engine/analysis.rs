//! One text and all that the checks compare: findings, syntax errors, comments.

use std::ops::Range;

use super::clock::Clock;
use super::dispatch::Dispatch;
use tree_sitter::Tree;

use super::{count_errors, parse};
use crate::facts::Facts;
use crate::language::Language;
use crate::rule::{Applicability, Finding, RuleRef};
use crate::source::ParsedFile;
use crate::suppressions::UnusedSuppression;

/// The rules of a run and what they may do.
#[derive(Debug)]
pub(crate) struct Setup<'e> {
    pub(crate) rules: &'e [RuleRef],
    pub(crate) dispatch: &'e Dispatch,
    pub(crate) language: Language,
    pub(crate) facts: &'e Facts,
    pub(crate) clock: &'e Clock,
    /// Fixes of at most this applicability are applied; `None` applies none.
    pub(crate) max: Option<Applicability>,
}

/// A text after one walk of all rules.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tree: Tree,
    pub(crate) findings: Vec<Finding>,
    pub(crate) failures: Vec<(&'static str, String)>,
    pub(crate) n_suppressed: usize,
    pub(crate) unused_suppressions: Vec<UnusedSuppression>,
    /// All comments, in order.
    pub(crate) comments: Vec<Range<usize>>,
    /// `ERROR` and `MISSING` nodes.
    pub(crate) n_errors: usize,
}

impl<'e> Setup<'e> {
    pub(crate) fn analyse(&self, bytes: Vec<u8>) -> Analysis {
        let tree = parse(&bytes, self.language);
        let file = ParsedFile::new(&bytes, self.language, &tree, self.facts);
        let found = self.dispatch.run(&file, self.rules, self.clock);
        let comments = file.comments().to_vec();
        let n_errors = count_errors(&tree);
        Analysis {
            findings: found.findings,
            failures: found.failures,
            n_suppressed: found.n_suppressed,
            unused_suppressions: found.unused_suppressions,
            comments,
            n_errors,
            tree,
            bytes,
        }
    }

    /// Whether the fix of `finding` may be applied in this run.
    pub(crate) fn allows(&self, finding: &Finding) -> bool {
        let wanted = finding.fix.as_ref().map(|fix| fix.applicability);
        wanted.zip(self.max).is_some_and(|(wanted, max)| wanted <= max)
    }

    /// The rule of that id.
    pub(crate) fn rule(&self, id: &str) -> Option<&'e RuleRef> {
        self.rules.iter().find(|rule| rule.meta().id == id)
    }
}

impl Analysis {
    pub(crate) fn digest(&self) -> blake3::Hash {
        blake3::hash(&self.bytes)
    }

    /// The texts of all comments, in order.
    pub(crate) fn comment_texts(&self) -> impl Iterator<Item = &[u8]> {
        self.comments.iter().map(|comment| &self.bytes[comment.clone()])
    }

    /// The findings of one rule.
    pub(crate) fn findings_of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.rule == rule)
    }
}
