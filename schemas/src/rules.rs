//! The rule catalogue as data: what the command line checks ids against and what reports and patches explain
//! rules with, without linking the engine. `rules.json` is written from the rules' own documentation; a test of
//! the engine keeps the two equal.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use settings::{Category, ConfigError, Known, Profile, RuleSpec, Selection};

/// What is known of a rule without running it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RuleInfo {
    /// The origin linter's own name: `no-var`, `E711`.
    pub id: String,
    /// The linter it comes from.
    pub origin: String,
    /// What it is about.
    pub category: Category,
    /// Language tags.
    pub languages: Vec<String>,
    /// `note`, `warning` or `error`.
    pub level: Level,
    /// One line.
    pub summary: String,
    /// The manual, in Markdown.
    pub docs: String,
    /// The best applicability that its fixes reach: `safe`, `unsafe` or `suggestion`.
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

/// Every rule, as selections know them.
#[must_use]
pub fn known() -> Vec<Known<'static>> {
    catalogue().iter().map(|rule| Known { id: &rule.id, category: rule.category }).collect()
}

/// Resolves a selection as the command line spells it: names separated by commas. `default`, `modern` and `all` are
/// profiles, `none` is nothing; a category or a rule is added, or taken away with a `-` before it. Rules and categories
/// alone are all that is wanted.
///
/// # Errors
/// [`ConfigError::UnknownRule`] names the first that does not exist.
pub fn select(selection: &str) -> Result<Vec<RuleSpec>, ConfigError> {
    let mut wanted = Selection::default();
    let mut profile = None;
    for name in selection.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match (name, name.strip_prefix('-')) {
            ("default", _) => profile = Some(Profile::Default),
            ("modern", _) => profile = Some(Profile::Modern),
            ("all", _) => profile = Some(Profile::All),
            ("none", _) => {}
            (_, Some(name)) => wanted.ignore.push(name.to_owned()),
            (name, None) => wanted.select.push(name.to_owned()),
        }
    }
    let known = known();
    match profile {
        Some(profile) => Selection { profile, ..wanted }.rules(&known),
        None => wanted.only_named(&known),
    }
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
        let unknown = ConfigError::UnknownRule { name: "no-such-rule".to_owned() };
        assert_eq!(select("no-such-rule"), Err(unknown));
    }

    #[test]
    fn a_selection_is_a_profile_and_names_or_names_alone() {
        let ids = |selection| -> Vec<String> {
            select(selection).unwrap().into_iter().map(|spec| spec.id).collect()
        };
        assert!(ids("none").is_empty());
        assert_eq!(ids("all").len(), catalogue().len());
        assert_eq!(ids("no-var, E711"), ["E711", "no-var"]);
        assert!(!ids("all,-no-var").contains(&"no-var".to_owned()));
        assert!(ids("modern").len() > ids("default").len());
    }
}
