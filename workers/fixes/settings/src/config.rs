//! `nightmend.toml`: what a repository wants of the rules; and the selection that a job makes.
//!
//! ```toml
//! profile = "modern"              # default, modern, all
//! select = ["yoda", "security"]   # rules and categories beside the profile
//! ignore = ["no-var"]             # rules and categories to leave out
//! exclude = ["vendor/**"]         # paths that no rule reads
//!
//! [rules.eqeqeq]
//! options = ["smart"]
//! exclude = ["legacy/**"]
//!
//! [limits]                        # what one patch may touch at most; a patch over it is reported, not written
//! files = 50
//! edits = 500
//! ```

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spec::{Category, RuleSpec};

/// The file's name, at the root of a repository.
pub const FILE: &str = "nightmend.toml";

/// A set of rules by their purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Bugs, security and redundancy.
    #[default]
    Default,
    /// What newer forms of the language say better too.
    Modern,
    /// Every rule.
    All,
}

impl Profile {
    /// Whether rules of that category are part of it.
    #[must_use]
    pub fn holds(self, category: Category) -> bool {
        match category {
            Category::Bug | Category::Security | Category::Redundancy => true,
            Category::Modernise => self != Self::Default,
            Category::Style => self == Self::All,
        }
    }
}

/// What a selection has to know of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is about.
    pub category: Category,
}

/// Which rules are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Where to start.
    pub profile: Profile,
    /// Rules and categories to add.
    pub select: Vec<String>,
    /// Rules and categories to take away.
    pub ignore: Vec<String>,
}

/// The content of `nightmend.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to start; the job's own where it is left out.
    pub profile: Option<Profile>,
    /// Rules and categories to add.
    pub select: Vec<String>,
    /// Rules and categories to take away.
    pub ignore: Vec<String>,
    /// Globs of paths that no rule reads.
    pub exclude: Vec<String>,
    /// Options by rule.
    pub rules: BTreeMap<String, RuleConfig>,
    /// What one patch may touch.
    pub limits: Limits,
}

/// What is said of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    /// The origin linter's options: a list, or the only one.
    pub options: Value,
    /// Globs of paths that the rule does not read.
    pub exclude: Vec<String>,
}

/// Ceilings: a patch that touches more is reported and not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Files of one patch.
    pub files: Option<u32>,
    /// Edits of one patch.
    pub edits: Option<u32>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, or has keys that do not exist.
    #[error("{FILE}:{line}: {reason}")]
    Syntax {
        /// 1-based.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A pattern of paths is none.
    #[error("{FILE}: `{glob}` is no pattern of paths: {reason}")]
    Glob {
        /// The pattern.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule or category that does not exist.
    #[error("unknown rule or category `{name}`")]
    UnknownRule {
        /// What was asked for.
        name: String,
    },
}

impl Config {
    /// Reads the text of `nightmend.toml`.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] with the line, [`ConfigError::Glob`] for a bad pattern.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            line: 1 + text[..error.span().map_or(0, |span| span.start.min(text.len()))].matches('\n').count(),
            reason: error.message().to_owned(),
        })?;
        let globs = config.exclude.iter().chain(config.rules.values().flat_map(|rule| &rule.exclude));
        globs.map(|glob| glob_of(glob)).collect::<Result<Vec<_>, _>>()?;
        Ok(config)
    }

    /// The rules that `job` and this repository want together, sorted by id: what the repository selects or
    /// ignores counts beside what the job does, and a rule that the job ignores stays off.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRule`].
    pub fn rules(&self, job: &Selection, known: &[Known<'_>]) -> Result<Vec<RuleSpec>, ConfigError> {
        let own = Selection {
            profile: self.profile.unwrap_or(job.profile),
            select: job.select.iter().chain(&self.select).cloned().collect(),
            ignore: job.ignore.iter().chain(&self.ignore).cloned().collect(),
        };
        let mut specs = own.rules(known)?;
        for id in self.rules.keys() {
            is_known(id, known)?;
        }
        for spec in &mut specs {
            if let Some(rule) = self.rules.get(&spec.id) {
                spec.options = match &rule.options {
                    Value::Null => Vec::new(),
                    Value::Array(options) => options.clone(),
                    other => vec![other.clone()],
                }
                .into();
            }
        }
        Ok(specs)
    }

    /// The rules of a job as this repository wants them: without those that it ignores, with its options. Rules
    /// that the job does not have stay off.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRule`].
    pub fn narrow(&self, job: &[RuleSpec], known: &[Known<'_>]) -> Result<Vec<RuleSpec>, ConfigError> {
        let own = self.rules(&Selection { profile: Profile::All, ..Selection::default() }, known)?;
        let ignored = Selection { select: self.ignore.clone(), ..Selection::default() }.only_named(known)?;
        let is_ignored = |id: &str| ignored.iter().any(|spec| spec.id == id);
        let with_options = |spec: &RuleSpec| {
            let own = own.iter().find(|own| own.id == spec.id && !own.options.is_empty());
            own.unwrap_or(spec).clone()
        };
        Ok(job.iter().filter(|spec| !is_ignored(&spec.id)).map(with_options).collect())
    }

    /// Which paths, and which rules on which paths, are left out.
    ///
    /// # Errors
    /// [`ConfigError::Glob`].
    pub fn exclusions(&self) -> Result<Exclusions, ConfigError> {
        let mut rules = BTreeMap::new();
        for (id, rule) in self.rules.iter().filter(|(_, rule)| !rule.exclude.is_empty()) {
            rules.insert(id.clone(), glob_set(&rule.exclude)?);
        }
        Ok(Exclusions { all: glob_set(&self.exclude)?, rules })
    }
}

/// Paths that rules do not read.
#[derive(Clone, Debug)]
pub struct Exclusions {
    all: GlobSet,
    rules: BTreeMap<String, GlobSet>,
}

impl Exclusions {
    /// Whether no rule reads the file at `path`.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        self.all.is_match(path)
    }

    /// The rules that do not read the file at `path`, sorted.
    #[must_use]
    pub fn rules_off(&self, path: &str) -> Vec<String> {
        self.rules.iter().filter(|(_, globs)| globs.is_match(path)).map(|(id, _)| id.clone()).collect()
    }
}

impl Selection {
    /// The rules that are wanted, sorted by id, with default options.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRule`] for the first name that is neither a rule nor a category.
    pub fn rules(&self, known: &[Known<'_>]) -> Result<Vec<RuleSpec>, ConfigError> {
        let of_profile = known.iter().filter(|rule| self.profile.holds(rule.category));
        self.changed(of_profile.map(|rule| rule.id).collect(), known)
    }

    /// The rules that are named, sorted by id: those of no profile.
    ///
    /// # Errors
    /// As [`Selection::rules`].
    pub fn only_named(&self, known: &[Known<'_>]) -> Result<Vec<RuleSpec>, ConfigError> {
        self.changed(BTreeSet::new(), known)
    }

    /// `wanted` with what is selected and without what is ignored.
    fn changed<'a>(
        &self,
        mut wanted: BTreeSet<&'a str>,
        known: &[Known<'a>],
    ) -> Result<Vec<RuleSpec>, ConfigError> {
        for name in &self.select {
            wanted.extend(named(name, known)?);
        }
        for name in &self.ignore {
            for id in named(name, known)? {
                wanted.remove(id);
            }
        }
        Ok(wanted.into_iter().map(RuleSpec::new).collect())
    }
}

/// The rules that a name means: one, or those of a category.
fn named<'a>(name: &str, known: &[Known<'a>]) -> Result<Vec<&'a str>, ConfigError> {
    if let Ok(category) =
        Category::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name))
    {
        return Ok(known.iter().filter(|rule| rule.category == category).map(|rule| rule.id).collect());
    }
    is_known(name, known).map(|id| vec![id])
}

fn is_known<'a>(name: &str, known: &[Known<'a>]) -> Result<&'a str, ConfigError> {
    let found = known.iter().find(|rule| rule.id == name);
    found.map(|rule| rule.id).ok_or_else(|| ConfigError::UnknownRule { name: name.to_owned() })
}

fn glob_of(glob: &str) -> Result<Glob, ConfigError> {
    Glob::new(glob)
        .map_err(|error| ConfigError::Glob { glob: glob.to_owned(), reason: error.kind().to_string() })
}

fn glob_set(globs: &[String]) -> Result<GlobSet, ConfigError> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(glob_of(glob)?);
    }
    builder.build().map_err(|error| ConfigError::Glob { glob: globs.join(", "), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Known<'_>] = &[
        Known { id: "eqeqeq", category: Category::Bug },
        Known { id: "no-var", category: Category::Modernise },
        Known { id: "yoda", category: Category::Style },
    ];

    fn ids(specs: &[RuleSpec]) -> Vec<&str> {
        specs.iter().map(|spec| &*spec.id).collect()
    }

    #[test]
    fn a_selection_starts_with_a_profile() {
        let select = |profile, select: &[&str], ignore: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let selection = Selection { profile, select: own(select), ignore: own(ignore) };
            ids(&selection.rules(KNOWN).unwrap()).join(" ")
        };
        assert_eq!(select(Profile::Default, &[], &[]), "eqeqeq");
        assert_eq!(select(Profile::Modern, &["style"], &["eqeqeq"]), "no-var yoda");
        assert_eq!(select(Profile::All, &[], &["modernise"]), "eqeqeq yoda");
        let unknown = Selection { select: vec!["no-vars".to_owned()], ..Selection::default() };
        assert_eq!(unknown.rules(KNOWN).unwrap_err().to_string(), "unknown rule or category `no-vars`");
    }

    #[test]
    fn a_repository_adds_to_the_jobs_selection_and_cannot_switch_on_what_the_job_ignores() {
        let text = "profile = 'all'\nignore = ['yoda']\nexclude = ['vendor/**']\n\
                    [rules.eqeqeq]\noptions = ['smart']\nexclude = ['old/*.js']\n[limits]\nfiles = 3\n";
        let config = Config::parse(text).unwrap();
        let job = Selection { ignore: vec!["no-var".to_owned()], ..Selection::default() };
        let specs = config.rules(&job, KNOWN).unwrap();
        assert_eq!(ids(&specs), ["eqeqeq"]);
        assert_eq!(specs[0].options.values(), [Value::from("smart")]);
        assert_eq!(config.limits.files, Some(3));
        let exclusions = config.exclusions().unwrap();
        assert!(exclusions.excludes("vendor/a/b.js") && !exclusions.excludes("src/a.js"));
        assert_eq!(exclusions.rules_off("old/a.js"), ["eqeqeq"]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let wrong = |text: &str| Config::parse(text).unwrap_err().to_string();
        assert!(
            wrong("profile = 'all'\nselects = []\n").starts_with("nightmend.toml:2: unknown field `selects`")
        );
        assert!(wrong("exclude = ['a[']").contains("`a[` is no pattern"));
    }
}
