//! What the engine says of one file: owned types that travel between processes.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, Check};
use crate::language::Language;
use crate::rule::{Applicability, Level};
use crate::suppressions::UnusedSuppression;

/// A rule's id: borrowed from the rule where the engine made it, owned where it was read.
pub type RuleId = Cow<'static, str>;

/// Everything that one run of the engine found in, and would do to, one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// What the file was parsed as.
    pub language: Language,
    /// BLAKE3 of the text, as hex.
    pub digest: String,
    /// Whether the text has syntax errors; rules keep away from them.
    pub syntax_errors: bool,
    /// The file took more time than it may: nothing is said of it.
    pub out_of_time: bool,
    /// What all rules found, sorted by (start, end, rule).
    pub findings: Vec<FileFinding>,
    /// How many findings comments in the file suppress.
    pub n_suppressed: usize,
    /// Suppressing comments that suppress nothing; sorted.
    pub unused_suppressions: Vec<UnusedSuppression>,
    /// What each rule does if it runs alone, in the order of the rules; rules that change nothing are left out.
    /// Edits are edits of the text as it is.
    pub alone: Vec<Certificate>,
    /// What the rules do one after the other. Edits of a step are edits of the text that the steps before it
    /// leave behind.
    pub series: Vec<Step>,
    /// BLAKE3 of the text after the series, as hex; equals `digest` if nothing changes.
    pub final_digest: String,
    /// Fixes that failed a check, by rule and check; sorted.
    pub dropped: Vec<Dropped>,
    /// Rules whose fixes undo each other or do not settle; none of their fixes is emitted. Sorted.
    pub cycles: Vec<RuleId>,
    /// Rules that panicked on this file or took too long; sorted.
    pub rule_failures: Vec<RuleFailure>,
}

/// One step of a series: one rule, run until it settles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// 1 for the first round through all rules.
    pub round: u32,
    /// The rule, its edits, and the proof.
    pub certificate: Certificate,
}

/// A place where a rule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFinding {
    /// The rule.
    pub rule: RuleId,
    /// How much it matters.
    pub level: Level,
    /// What is wrong, in the origin linter's words.
    pub message: String,
    /// The place in bytes.
    pub range: Range<usize>,
    /// Where the place starts.
    pub start: Position,
    /// Where it ends: the first position behind it.
    pub end: Position,
    /// The line where it starts, without white space at its ends; at most 200 characters.
    pub snippet: String,
    /// How far the fix can be trusted; `None` if there is no fix, or it failed a check.
    pub fixable: Option<Applicability>,
    /// The check that its fix failed.
    pub dropped: Option<Check>,
    /// Stays when lines above move: BLAKE3 of the rule, the path, the text that surrounds the place with white
    /// space collapsed, and the ordinal among equal ones in the file; the first 16 bytes as hex.
    pub fingerprint: String,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// 1-based; lines end with `\n`.
    pub line: u32,
    /// 1-based, in UTF-16 units; a byte that is not UTF-8 counts as one.
    pub column: u32,
}

/// How many fixes of a rule failed a check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dropped {
    /// The rule.
    pub rule: RuleId,
    /// The check.
    pub check: Check,
    /// How many.
    pub n_fixes: u32,
}

/// A rule that panicked or took too long. Its findings in the file are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleFailure {
    /// The rule.
    pub rule: RuleId,
    /// What the panic said, or which budget was not enough.
    pub message: String,
}
