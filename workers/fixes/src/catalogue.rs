//! All rules as data, for whoever lists and explains them without linking the engine.

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::rule::{Applicability, Category, Level, Rule};
use crate::rules;

/// One rule, without its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The origin linter's own name: `no-var`, `E711`.
    pub id: String,
    /// `ESLint` or `ruff`.
    pub origin: String,
    /// What it is about.
    pub category: Category,
    /// The languages it runs on.
    pub languages: Vec<Language>,
    /// The severity of its findings.
    pub level: Level,
    /// One line.
    pub summary: String,
    /// The manual, in Markdown.
    pub docs: String,
    /// The best that its fixes reach.
    pub applicability: Applicability,
}

/// Every rule of this build, sorted by id.
#[must_use]
pub fn catalogue() -> Vec<Entry> {
    let mut entries: Vec<Entry> = rules::ALL
        .iter()
        .map(|rule| {
            let meta = rule.meta();
            Entry {
                id: meta.id.to_owned(),
                origin: meta.origin.to_owned(),
                category: meta.category,
                languages: meta.languages.to_vec(),
                level: meta.level,
                summary: meta.summary.to_owned(),
                docs: meta.docs.to_owned(),
                applicability: rule.best_applicability(),
            }
        })
        .collect();
    entries.sort_by(|one, other| one.id.cmp(&other.id));
    entries
}

/// The rule that `name` means: its id, or the name that the origin linter's users write, such as
/// `@typescript-eslint/prefer-as-const`, `clippy::needless_return` or `eslint/eqeqeq`; case does not matter.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Rule> {
    let named =
        |wanted: &str| rules::ALL.iter().copied().find(|rule| rule.meta().id.eq_ignore_ascii_case(wanted));
    let bare = name.rsplit(['/', ':']).next().unwrap_or(name);
    named(name)
        .or_else(|| named(&name.replace('/', "-")))
        .or_else(|| named(bare))
        // gopls and `go fix` call the analyzers of modernize by their bare names.
        .or_else(|| named(&format!("modernize-{bare}")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::language::Grammar as _;

    #[test]
    fn the_published_catalogue_is_the_catalogue() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/rules.json");
        let mut wanted = serde_json::to_string_pretty(&catalogue()).unwrap();
        wanted.push('\n');
        if std::env::var("NM_UPDATE").is_ok_and(|value| value == "1") {
            std::fs::write(&path, &wanted).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap();
        assert!(published == wanted, "schemas/rules.json is old: NM_UPDATE=1 cargo test -p fixes catalogue");
    }

    #[test]
    fn a_rule_of_modernize_has_three_names() {
        for name in ["any", "modernize/any", "modernize-any"] {
            assert_eq!(find(name).map(|rule| rule.meta().id), Some("modernize-any"), "{name}");
        }
    }

    #[test]
    fn every_rule_is_explained_and_unique() {
        let entries = catalogue();
        assert!(entries.windows(2).all(|pair| pair[0].id < pair[1].id));
        for entry in entries {
            assert!(entry.summary.ends_with('.') && !entry.summary.contains('\n'), "{}", entry.id);
            for heading in ["## What it does", "## Why is this bad?", "## Example", "## Fix safety"] {
                assert!(entry.docs.contains(heading), "{}: no {heading:?}", entry.id);
            }
        }
    }

    #[test]
    fn every_kind_that_a_rule_asks_for_exists() {
        for rule in rules::ALL {
            for kind in rule.kinds() {
                let known = rule.meta().languages.iter().any(|language| {
                    let grammar = language.grammar();
                    grammar.id_for_node_kind(kind, true) != 0 || grammar.id_for_node_kind(kind, false) != 0
                });
                assert!(known, "{}: no grammar knows `{kind}`", rule.meta().id);
            }
        }
    }
}
