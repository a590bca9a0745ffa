//! The engine: parse, one walk for all rules, fixes in passes, certificates.
//!
//! Reading order: [`parse`] → [`dispatch`] → [`edits`] → [`change`] → `analysis` → `checks` → `settle` → `run` → [`Engine`].

mod analysis;
pub mod change;
mod checks;
pub mod dispatch;
pub mod edits;
mod error;
mod mend;
mod parse;
mod position;
mod run;
mod settle;

pub use edits::apply_once;
pub use error::Error;
pub use mend::{Engine, FixLevel};
pub use parse::{count_errors, error_ranges, parse, walk};

use crate::language::Language;
use crate::rule::{Finding, Rule};
use crate::source::{ParsedFile, SourceKind};

/// Runs `rules` over one text. Findings are sorted by (start, end, rule).
#[must_use]
pub fn check(bytes: &[u8], language: Language, rules: &[&'static dyn Rule]) -> Vec<Finding> {
    check_as(bytes, language, SourceKind::Unknown, rules)
}

/// [`check`] for a caller who knows how the file is loaded.
#[must_use]
pub fn check_as(
    bytes: &[u8],
    language: Language,
    kind: SourceKind,
    rules: &[&'static dyn Rule],
) -> Vec<Finding> {
    let tree = parse(bytes, language);
    let file = ParsedFile::new(bytes, language, &tree).loaded_as(kind);
    dispatch::Dispatch::new(rules, language).run(&file, rules).findings
}
