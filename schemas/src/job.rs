//! What a user submits, and what of it decides the result of a batch.

use serde::{Deserialize, Serialize};
use settings::RuleSpec;

use crate::digest::Digest;
use crate::ids::RepoSlug;

/// One repository of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepoSpec {
    /// `https://…`, `ssh://…`, `user@host:path`, `file:///…` or an absolute path. Never holds a password.
    pub url: String,
    /// A branch, tag or commit; the remote's HEAD if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
}

impl RepoSpec {
    /// Whether the repo is a folder of this machine (its path is then no business of a report).
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.url.starts_with('/') || self.url.starts_with("file://")
    }
}

/// Which fixes are made into patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FixLevel {
    /// Findings only.
    None,
    /// Fixes that keep behaviour and comments.
    Safe,
    /// Also fixes that could change behaviour in rare code.
    Unsafe,
}

/// Which consumers take a job's batches. Interactive work goes first; nightly work is never starved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A person waits.
    Interactive,
    /// Nobody waits.
    Nightly,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Nightly];

    /// The lane as a subject token and a consumer name.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Nightly => "nightly",
        }
    }
}

/// A model directory in the object store, under `models/<digest>/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// What people call it: the name on its card.
    pub name: String,
    /// The digest over its files.
    pub digest: Digest,
    /// Whether it was trained. An untrained model gives no scores.
    pub trained: bool,
    /// How it computes.
    #[serde(default)]
    pub dtype: ModelDtype,
}

/// The type of the model's matrix products. Part of what decides a tensor.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ModelDtype {
    /// As published.
    #[default]
    F32,
    /// Faster; changes the third digit of vectors.
    Bf16,
}

impl ModelDtype {
    /// The name that the model's process knows it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// Bounds that keep a hostile or odd repository small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Files above this many bytes are skipped as too large.
    pub max_file_bytes: u64,
    /// A tree with more entries fails its repo.
    pub max_tree_entries: u64,
    /// A tree deeper than this fails its repo.
    pub max_tree_depth: u32,
    /// A clone that takes longer fails its repo. Seconds.
    pub clone_timeout_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 1 << 20,
            max_tree_entries: 2_000_000,
            max_tree_depth: 128,
            clone_timeout_s: 1800,
        }
    }
}

/// What a repository may say of how it is scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepoSettings {
    /// What its `nightmend.toml` may do.
    pub config: ConfigUse,
    /// Whether the rules in its `.nightmend/rules` run.
    pub rules: bool,
}

/// What a repository's `nightmend.toml` may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigUse {
    /// Nothing: it is not read.
    Off,
    /// Take rules and paths away, give the job's rules options, set ceilings.
    #[default]
    Narrow,
    /// Also switch on rules that the job did not ask for.
    Full,
}

/// A job as submitted: stored once under `jobs/<job>/spec`. Same id and same spec is the same job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The version of this struct; [`JobSpec::VERSION`].
    pub version: u32,
    /// In the order of the command line; the report keeps it.
    pub repos: Vec<RepoSpec>,
    /// Resolved rules, sorted by id; users' own are among them.
    pub rules: Vec<RuleSpec>,
    /// What a repository may say of how it is scanned.
    #[serde(default)]
    pub repo_settings: RepoSettings,
    /// Which fixes become patches.
    pub fix: FixLevel,
    /// The model, if any.
    pub model: Option<ModelRef>,
    /// Which consumers take the batches.
    pub lane: Lane,
    /// Ledger and plan only.
    #[serde(default)]
    pub dry_run: bool,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// What is taken from earlier results.
    #[serde(default)]
    pub reuse: ReusePolicy,
}

/// What a job takes from earlier results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReusePolicy {
    /// Whether anything is.
    pub enabled: bool,
    /// Of a million files that could be reused, so many are done again and compared.
    pub audit_ppm: u32,
}

impl Default for ReusePolicy {
    fn default() -> Self {
        Self { enabled: true, audit_ppm: 0 }
    }
}

impl JobSpec {
    /// The newest version of the struct.
    pub const VERSION: u32 = 3;

    /// The canonical bytes: what is stored and compared.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a spec has string keys only")
    }

    /// What of the spec decides the result of a batch, in a build with these grammars.
    #[must_use]
    pub fn pipeline(&self, grammars: &str) -> Pipeline {
        Pipeline {
            engine: Pipeline::ENGINE.to_owned(),
            grammars: grammars.to_owned(),
            rules: self.rules.clone(),
            fix: self.fix,
            model: self.model.clone(),
        }
    }
}

/// What decides the result of a batch beside its files. Stored under `pipelines/<digest>`; part of every batch id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The version of the code that makes results; a worker of another version refuses the batch.
    pub engine: String,
    /// The grammars that files are parsed with; a worker with others refuses the batch.
    pub grammars: String,
    /// The rules, sorted by id.
    pub rules: Vec<RuleSpec>,
    /// Which fixes are made.
    pub fix: FixLevel,
    /// The model, if any.
    pub model: Option<ModelRef>,
}

impl Pipeline {
    /// The version of the engine in this build. Raise it with every change of what a result holds.
    pub const ENGINE: &'static str = concat!("nightmend/", env!("CARGO_PKG_VERSION"));

    /// The canonical bytes: what is stored.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a pipeline has string keys only")
    }

    /// The digest of the canonical bytes: the key.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_json())
    }
}

/// The names of a job's repos, in order and all different: the last component of the URL (without `.git`), with
/// the owner in front where two share it, with a number behind where that is not enough.
#[must_use]
pub fn repo_slugs(repos: &[RepoSpec]) -> Vec<RepoSlug> {
    let names: Vec<(String, String)> = repos.iter().map(|repo| owner_and_name(&repo.url)).collect();
    let mut slugs: Vec<RepoSlug> = Vec::with_capacity(names.len());
    for (owner, name) in &names {
        let shared = names.iter().filter(|(_, other)| other.eq_ignore_ascii_case(name)).count() > 1;
        let wanted = if shared && !owner.is_empty() { format!("{owner}-{name}") } else { name.clone() };
        slugs.push(first_free(&wanted, &slugs));
    }
    slugs
}

fn owner_and_name(url: &str) -> (String, String) {
    let path = url.trim_end_matches('/');
    let path = path.strip_suffix("/.git").or_else(|| path.strip_suffix(".git")).unwrap_or(path);
    let mut parts = path.rsplit(['/', ':']).filter(|part| !part.is_empty());
    let name = parts.next().unwrap_or("repo").to_owned();
    let owner = parts.next().unwrap_or_default().to_owned();
    (owner, name)
}

fn first_free(wanted: &str, taken: &[RepoSlug]) -> RepoSlug {
    let is_free =
        |slug: &RepoSlug| !taken.iter().any(|other| other.as_str().eq_ignore_ascii_case(slug.as_str()));
    let plain = RepoSlug::from_text(wanted);
    if is_free(&plain) {
        return plain;
    }
    (2_usize..)
        .map(|n| RepoSlug::from_text(&format!("{}-{n}", wanted.chars().take(80).collect::<String>())))
        .find(is_free)
        .expect("there are more numbers than repos")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slugs(urls: &[&str]) -> Vec<String> {
        let repos: Vec<RepoSpec> =
            urls.iter().map(|url| RepoSpec { url: (*url).to_owned(), rev: None }).collect();
        repo_slugs(&repos).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn repos_are_named_by_their_last_component() {
        assert_eq!(
            slugs(&["https://example.org/expressjs/express.git", "git@example.org:a/flask", "/tmp/x/.git"]),
            ["express", "flask", "x"]
        );
    }

    #[test]
    fn repos_of_one_name_get_their_owner_and_then_a_number() {
        assert_eq!(slugs(&["https://h/a/x", "https://h/b/x", "https://h/a/x"]), ["a-x", "b-x", "a-x-2"]);
        assert_eq!(slugs(&["/x", "/X"]), ["x", "X-2"]);
    }

    proptest! {
        #[test]
        fn slugs_are_unique_also_where_case_does_not_count(urls in prop::collection::vec("[aA/b.]{1,6}", 1..8)) {
            let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
            let mut slugs: Vec<String> = slugs(&urls).iter().map(|slug| slug.to_lowercase()).collect();
            slugs.sort();
            slugs.dedup();
            prop_assert_eq!(slugs.len(), urls.len());
        }
    }

    #[test]
    fn the_pipeline_digest_changes_with_every_part() {
        let base = Pipeline {
            engine: "e".into(),
            grammars: "g".into(),
            rules: vec!["a".into()],
            fix: FixLevel::Safe,
            model: None,
        };
        let other_rules = Pipeline { rules: vec![], ..base.clone() };
        let other_fix = Pipeline { fix: FixLevel::None, ..base.clone() };
        assert_ne!(base.digest(), other_rules.digest());
        assert_ne!(base.digest(), other_fix.digest());
    }
}
