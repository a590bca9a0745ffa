//! The fix engine: text in, findings and fixes out. Sync and pure: no files, no clock, no network.
//!
//! Reading order: [`language`] → [`facts`] → [`source`] → [`scopes`] → [`rule`] → [`rules`] → [`engine`] → [`report`] → [`certificate`].

pub mod catalogue;
pub mod certificate;
pub mod engine;
pub mod language;
mod outline;
pub mod report;
pub mod rule;
pub mod rules;
pub mod rules_md;
pub mod scopes;
pub mod source;
pub mod spec;
pub mod suppressions;
pub mod user_rule;

pub use catalogue::catalogue;
pub use certificate::{Certificate, Check, CheckFailed};
pub use engine::{Budget, Engine, FixLevel};
pub use language::{Language, grammars};
pub use report::FileReport;
pub use rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, RuleRef};
pub use settings::facts;
pub use settings::{Facts, SourceKind, Target};
pub use source::ParsedFile;
pub use spec::RuleSpec;
pub use suppressions::UnusedSuppression;
