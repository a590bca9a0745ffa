//! The rule catalogue as data: what the command line checks ids against and what reports and patches explain
//! rules with, without linking the engine. `rules.json` is written from the rules' own documentation; a test of
//! the engine keeps the two equal.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What is known of a rule without running it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RuleInfo {
    /// The origin linter's own name: `no-var`, `E711`.
    pub id: String,
    /// `ESLint` or `ruff`.
    pub origin: String,
    /// Language tags.
    pub languages: Vec<String>,
    /// `note`, `warning` or `error`.
    pub level: Level,
    /// One line.
    pub summary: String,
    /// The manual, in Markdown.
    pub docs: String,
    /// The best applicability that its fixes reach: `safe` or `unsafe`.
    pub applicability: String,
}

/// How much a finding matters, as SARIF says it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Style or redundancy.
    Note,
    /// Likely to confuse or to hide a bug.
    Warning,
    /// A bug.
    Error,
}

static CATALOGUE: LazyLock<Vec<RuleInfo>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../rules.json")).expect("a test keeps rules.json readable")
});

/// Every rule of this build, sorted by id.
#[must_use]
pub fn catalogue() -> &'static [RuleInfo] {
    &CATALOGUE
}

/// The rule of that id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static RuleInfo> {
    catalogue().iter().find(|rule| rule.id == id)
}

/// A rule that does not exist was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown rule `{id}`; known rules: {known}")]
pub struct UnknownRule {
    /// What was asked for.
    pub id: String,
    /// What there is.
    pub known: String,
}

/// Resolves `all`, `none` or a comma-separated list of ids to sorted ids.
///
/// # Errors
/// [`UnknownRule`] names the first id that does not exist.
pub fn select(selection: &str) -> Result<Vec<String>, UnknownRule> {
    let mut ids: Vec<String> = match selection {
        "all" => catalogue().iter().map(|rule| rule.id.clone()).collect(),
        "none" => Vec::new(),
        list => list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect(),
    };
    if let Some(id) = ids.iter().find(|id| rule(id).is_none()) {
        let known: Vec<&str> = catalogue().iter().map(|rule| rule.id.as_str()).collect();
        return Err(UnknownRule { id: id.clone(), known: known.join(", ") });
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_readable_sorted_and_without_doubles() {
        let ids: Vec<&str> = catalogue().iter().map(|rule| rule.id.as_str()).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
    }

    #[test]
    fn an_unknown_rule_is_named() {
        assert_eq!(select("no-such-rule").unwrap_err().id, "no-such-rule");
        assert_eq!(select("none").unwrap(), Vec::<String>::new());
        assert_eq!(select("all").unwrap().len(), catalogue().len());
    }
}
