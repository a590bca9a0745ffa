//! What a repository says of how it is scanned: `nightmend.toml`, `.nightmend/rules/*.yml`, and the manifests that
//! name the versions it runs on. Read from the commit's tree, as far as the job allows.

use git2::{Oid, Repository};
use schemas::job::{ConfigUse, JobSpec, Limits, RepoSettings};
use settings::config::{self, Config, Exclusions};
use settings::{Facts, Manifests, RuleSpec, Selection};

use crate::tree::{self, Event, WalkError};

/// A settings file above this many bytes is none.
const MAX_BYTES: usize = 1 << 20;
/// Where a repository keeps rules of its own.
const RULES: &[u8] = b".nightmend/rules/";

/// What the job says that settings may change.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The rules of the job.
    pub rules: Vec<RuleSpec>,
    /// What the repository may do.
    pub settings: RepoSettings,
}

impl Allowed {
    /// What the job allows.
    #[must_use]
    pub fn of(spec: &JobSpec) -> Self {
        Self { rules: spec.rules.clone(), settings: spec.repo_settings }
    }
}

/// The settings of one commit.
#[derive(Debug)]
pub struct Settings {
    /// The rules, where they are not the job's.
    pub rules: Option<Vec<RuleSpec>>,
    /// Ceilings for patches.
    pub ceilings: settings::Limits,
    exclusions: Exclusions,
    manifests: Manifests,
}

/// Why settings cannot be used. It fails the repo: whoever wrote them meant something.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The tree cannot be read.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// `nightmend.toml` is wrong.
    #[error(transparent)]
    Config(#[from] settings::ConfigError),
    /// A rule of the repository is wrong.
    #[error("{path}: {reason}")]
    Rule {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Settings {
    /// Reads the settings of the tree `root`.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(
        repo: &Repository,
        root: Oid,
        limits: &Limits,
        allowed: &Allowed,
    ) -> Result<Self, SettingsError> {
        let mut found = Found::default();
        tree::walk(repo, root, limits, |event| {
            // A link's blob is where it leads, and nothing is followed.
            if let Event::Leaf(leaf) = event
                && !matches!(leaf.mode, tree::MODE_SYMLINK | tree::MODE_GITLINK)
            {
                found.take(repo, leaf.path, leaf.oid, allowed.settings);
            }
            Ok::<(), WalkError>(())
        })?;
        let config = found.config.as_deref().map(Config::parse).transpose()?.unwrap_or_default();
        let mut rules = match allowed.settings.config {
            ConfigUse::Off => allowed.rules.clone(),
            ConfigUse::Narrow => config.narrow(&allowed.rules, &schemas::rules::known())?,
            ConfigUse::Full => widened(&config, &allowed.rules)?,
        };
        for (path, text) in &found.rules {
            let own = fixes::user_rule::specs(text);
            let wrong = |reason: String| SettingsError::Rule { path: path.clone(), reason };
            for spec in own.map_err(|error| wrong(error.to_string()))? {
                if rules.iter().any(|known| known.id == spec.id) {
                    return Err(wrong(format!("there is another rule `{}`", spec.id)));
                }
                rules.push(spec);
            }
        }
        rules.sort();
        Ok(Self {
            rules: (rules != allowed.rules).then_some(rules),
            ceilings: config.limits,
            exclusions: config.exclusions()?,
            manifests: found.manifests,
        })
    }

    /// Whether the repository keeps the file from being scanned.
    #[must_use]
    pub fn excludes(&self, path: &[u8]) -> bool {
        self.exclusions.excludes(&String::from_utf8_lossy(path))
    }

    /// What is known of a file beside its text.
    #[must_use]
    pub fn facts(&self, path: &[u8]) -> Facts {
        let path = String::from_utf8_lossy(path);
        Facts { rules_off: self.exclusions.rules_off(&path), ..self.manifests.facts(&path) }
    }
}

/// The job's rules and those that the repository asks for beside them.
fn widened(config: &Config, job: &[RuleSpec]) -> Result<Vec<RuleSpec>, settings::ConfigError> {
    let known = schemas::rules::known();
    let mut rules = config.narrow(job, &known)?;
    let own = match config.profile {
        Some(profile) => config.rules(&Selection { profile, ..Selection::default() }, &known)?,
        None => {
            let named = Selection {
                select: config.select.clone(),
                ignore: config.ignore.clone(),
                ..Selection::default()
            };
            config.narrow(&named.only_named(&known)?, &known)?
        }
    };
    rules.extend(own.into_iter().filter(|spec| job.iter().all(|known| known.id != spec.id)));
    Ok(rules)
}

/// The texts of settings files.
#[derive(Default)]
struct Found {
    config: Option<String>,
    /// By path.
    rules: Vec<(String, String)>,
    manifests: Manifests,
}

impl Found {
    fn take(&mut self, repo: &Repository, path: &[u8], oid: Oid, allowed: RepoSettings) {
        let Ok(name) = std::str::from_utf8(path) else { return };
        let is_rule = || path.starts_with(RULES) && (name.ends_with(".yml") || name.ends_with(".yaml"));
        if name == config::FILE && allowed.config != ConfigUse::Off {
            self.config = text(repo, oid);
        } else if allowed.rules && is_rule() && !name.contains("-test.y") {
            self.rules.extend(text(repo, oid).map(|text| (name.to_owned(), text)));
        } else if Manifests::wants(name)
            && let Some(text) = text(repo, oid)
        {
            self.manifests.add(name, &text);
        }
    }
}

/// The text of a blob, if it is text and not large.
fn text(repo: &Repository, oid: Oid) -> Option<String> {
    // By the header first: a few kilobytes can hold gigabytes of zeros.
    let (n_bytes, _) = repo.odb().ok()?.read_header(oid).ok()?;
    if n_bytes > MAX_BYTES {
        return None;
    }
    std::str::from_utf8(repo.find_blob(oid).ok()?.content()).ok().map(str::to_owned)
}
