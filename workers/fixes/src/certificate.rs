//! The proof that goes with a fix: what was checked, and how anyone can check it again from the base text.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::{self, Engine, FixLevel};
use crate::facts::Facts;
use crate::language::Language;
use crate::report::RuleId;
use crate::rule::Edit;
use crate::spec::RuleSpec;

/// The version of the engine that stands in certificates.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every emitted fix has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The mended text has no more `ERROR` and `MISSING` nodes than the text before.
    Parses,
    /// The rule finds nothing at the mended places that it did not find there before.
    Silent,
    /// Running the rule on the mended text changes nothing.
    Idempotent,
    /// No other rule of the run fires where it did not fire before. Two exceptions: the new finding has a fix of
    /// its own that, applied to the mended text, mends it without a further finding (the series then does so);
    /// or the rule declares that it uncovers what the other rule says ([`crate::Rule::hands_over_to`]).
    NoNewFindings,
    /// The edits are in order, do not overlap, and account for every byte that changed.
    ClaimedBytes,
    /// Every comment is still there, word for word and in order.
    Comments,
    /// No kind of line end occurs that did not occur before.
    LineEnds,
    /// A byte order mark stays.
    Bom,
    /// No byte that is not UTF-8 was touched, and the edits are UTF-8.
    Encoding,
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 9] = [
        Self::Parses,
        Self::Silent,
        Self::Idempotent,
        Self::NoNewFindings,
        Self::ClaimedBytes,
        Self::Comments,
        Self::LineEnds,
        Self::Bom,
        Self::Encoding,
    ];

    /// The name as in reports: `no_new_findings`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parses => "parses",
            Self::Silent => "silent",
            Self::Idempotent => "idempotent",
            Self::NoNewFindings => "no_new_findings",
            Self::ClaimedBytes => "claimed_bytes",
            Self::Comments => "comments",
            Self::LineEnds => "line_ends",
            Self::Bom => "bom",
            Self::Encoding => "encoding",
        }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The change that one rule makes to one text, and the proof of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The rule.
    pub rule: RuleId,
    /// [`ENGINE_VERSION`] of the engine that made it.
    pub engine: String,
    /// Fixes of at most this level were applied.
    pub level: FixLevel,
    /// What was known of the file beside its text, which decides what rules say.
    pub facts: Facts,
    /// The rules of the run, which `no_new_findings` is about; in the order in which they run.
    pub rules: Arc<[RuleSpec]>,
    /// BLAKE3 of the text before, as hex.
    pub before: String,
    /// BLAKE3 of the text after, as hex.
    pub after: String,
    /// From the text before to the text after: sorted, not touching, minimal.
    pub edits: Vec<Edit>,
    /// The checks that the change has passed.
    pub checks: Vec<Check>,
}

/// Why a certificate does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFailed {
    /// It is about another text.
    #[error("the text has digest {found}, the certificate is about {expected}")]
    OtherText {
        /// What the certificate says.
        expected: String,
        /// The digest of the text at hand.
        found: String,
    },
    /// Its edits lead to another text than it says.
    #[error("the edits lead to digest {found}, the certificate says {expected}")]
    OtherResult {
        /// What the certificate says.
        expected: String,
        /// The digest that comes out.
        found: String,
    },
    /// It names a rule that this engine does not have.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// It took longer than a file may, which says nothing of the edits.
    #[error("no time to replay it")]
    OutOfTime,
    /// A check does not hold.
    #[error("check `{0}` does not hold")]
    Check(Check),
}

impl Certificate {
    /// Replays the certificate on the text before.
    ///
    /// # Errors
    /// [`CheckFailed`] names the first thing that does not hold.
    pub fn verify(&self, base: &[u8], language: Language) -> Result<(), CheckFailed> {
        let found = blake3::hash(base).to_hex().to_string();
        if found != self.before {
            return Err(CheckFailed::OtherText { expected: self.before.clone(), found });
        }
        let engine = Engine::with_specs(&self.rules, self.level)?;
        let after = engine.replay(&self.rule, base, language, &self.facts, &self.edits)?;
        let found = blake3::hash(&after).to_hex().to_string();
        if found != self.after {
            return Err(CheckFailed::OtherResult { expected: self.after.clone(), found });
        }
        Ok(())
    }
}
