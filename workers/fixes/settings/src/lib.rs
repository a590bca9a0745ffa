//! What decides how rules run on a file: which rules, with which options, and what the code has to run on.
//!
//! Reading order: [`language`] → [`facts`] → [`manifests`] → [`spec`] → [`config`]. Data and its readers; no rule is here.

pub mod config;
pub mod facts;
pub mod language;
pub mod manifests;
pub mod spec;

pub use config::{Config, ConfigError, Known, Limits, Profile, Selection};
pub use facts::{Facts, Gate, NO_FACTS, SourceKind, Target};
pub use language::Language;
pub use manifests::Manifests;
pub use spec::{Category, Options, RuleSpec};
