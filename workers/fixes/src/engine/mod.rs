//! The engine: parse, one walk for all rules, fixes in passes, certificates.
//!
//! Reading order: [`parse`] → [`dispatch`] → [`edits`] → [`change`] → `analysis` → `checks` → `settle` → `run` → [`Engine`].

mod analysis;
pub mod change;
mod checks;
mod clock;
pub mod dispatch;
pub mod edits;
mod error;
mod mend;
mod parse;
pub mod position;
mod run;
mod settle;

pub use clock::Budget;
pub use edits::apply_once;
pub use error::Error;
pub use mend::{Engine, FixLevel};
pub use parse::{count_errors, error_ranges, parse, walk};

use crate::facts::Facts;
use crate::language::Language;
use crate::rule::{Finding, RuleRef};
use crate::source::ParsedFile;

/// Runs `rules` over one text. Findings are sorted by (start, end, rule).
#[must_use]
pub fn check(bytes: &[u8], language: Language, facts: &Facts, rules: &[RuleRef]) -> Vec<Finding> {
    let tree = parse(bytes, language);
    let file = ParsedFile::new(bytes, language, &tree, facts);
    let clock = clock::Clock::start(Budget::default(), rules.len());
    dispatch::Dispatch::new(rules, language).run(&file, rules, &clock).findings
}
