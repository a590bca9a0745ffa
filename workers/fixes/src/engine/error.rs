//! Why there is no engine for what was asked.

use crate::rules;

/// Why there is no engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule was asked for that does not exist.
    #[error("unknown rule `{id}`{}", near_ones(.near))]
    UnknownRule {
        /// What was asked for.
        id: String,
        /// Ids that are spelled much like it.
        near: Vec<&'static str>,
    },
    /// A rule's options are not as they should be.
    #[error("rule `{id}`: {reason}")]
    Options {
        /// The rule.
        id: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The text of a user's rule is not as it should be.
    #[error("{reason}")]
    UserRule {
        /// What is wrong with it.
        reason: String,
    },
}

fn near_ones(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}

impl Error {
    pub(crate) fn unknown(id: &str) -> Self {
        let is_near =
            |known: &str| strsim::levenshtein(&known.to_lowercase(), &id.to_lowercase()) <= 1 + id.len() / 4;
        let near = rules::ALL.iter().map(|rule| rule.meta().id).filter(|known| is_near(known)).collect();
        Self::UnknownRule { id: id.to_owned(), near }
    }
}
