//! Repositories made object by object, and the git command line to compare with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use git2::{Oid, Repository, Signature, Time};
use orchestrator::clone::url::RemoteUrl;
use orchestrator::clone::{CloneError, Mirror, MirrorRequest, mirror};
use orchestrator::credentials::Credentials;
use orchestrator::earlier::NothingEarlier;
use orchestrator::plan::{PlanError, Request, StoreError, plan_repo};
use orchestrator::repo_settings::Allowed;
use orchestrator::tokens::TokenCounter;
use schemas::job::{ConfigUse, Limits, RepoSettings, ReusePolicy};
use schemas::plan::RepoPlan;
use schemas::sources::SourcePack;
use schemas::{Digest, FixLevel, Pipeline};
use settings::RuleSpec;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A bare source repository and the folder for its mirrors.
pub(super) struct Fixture {
    dir: TempDir,
    pub(super) source: Repository,
}

/// One entry of a tree: name, mode, object.
pub(super) type Entry<'a> = (&'a [u8], i32, Oid);

impl Fixture {
    pub(super) fn empty() -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main").external_template(false);
        let source = Repository::init_opts(dir.path().join("source.git"), &options).unwrap();
        Self { dir, source }
    }

    /// A repository with one commit that holds `files` at its root.
    pub(super) fn with_files(files: &[(&str, &str)]) -> Self {
        let fixture = Self::empty();
        fixture.commit_files("refs/heads/main", files);
        fixture
    }

    pub(super) fn commit_files(&self, reference: &str, files: &[(&str, &str)]) -> Oid {
        let blobs: Vec<Oid> = files.iter().map(|(_, text)| self.blob(text.as_bytes())).collect();
        let entries: Vec<Entry<'_>> =
            files.iter().zip(blobs).map(|((name, _), oid)| (name.as_bytes(), 0o100_644, oid)).collect();
        self.commit(reference, self.tree(&entries))
    }

    pub(super) fn blob(&self, bytes: &[u8]) -> Oid {
        self.source.blob(bytes).unwrap()
    }

    /// Written as raw bytes in the given order: no check of libgit2 stands between a test and a hostile tree.
    pub(super) fn tree(&self, entries: &[Entry<'_>]) -> Oid {
        let mut raw = Vec::new();
        for (name, mode, oid) in entries {
            raw.extend_from_slice(format!("{mode:o} ").as_bytes());
            raw.extend_from_slice(name);
            raw.push(0);
            raw.extend_from_slice(oid.as_bytes());
        }
        self.source.odb().unwrap().write(git2::ObjectType::Tree, &raw).unwrap()
    }

    pub(super) fn commit(&self, reference: &str, tree: Oid) -> Oid {
        let who = Signature::new("a", "a@example.org", &Time::new(1_700_000_000, 0)).unwrap();
        let tree = self.source.find_tree(tree).unwrap();
        let parent = self.source.find_reference(reference).ok().map(|found| found.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        self.source.commit(Some(reference), &who, &who, "change", &tree, &parents).unwrap()
    }

    pub(super) fn source_path(&self) -> &Path {
        self.source.path()
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn mirrors_dir(&self) -> PathBuf {
        self.dir.path().join("mirrors")
    }

    pub(super) fn request(&self, url: &str, rev: Option<&str>) -> MirrorRequest {
        MirrorRequest {
            url: RemoteUrl::parse(url).unwrap(),
            rev: rev.map(str::to_owned),
            mirrors_dir: self.mirrors_dir(),
            timeout: Duration::from_secs(600),
        }
    }

    pub(super) fn mirror_of(&self, url: &str, rev: Option<&str>) -> Result<Mirror, CloneError> {
        mirror(&self.request(url, rev), &Credentials::default(), &CancellationToken::new())
    }

    pub(super) fn mirror(&self, rev: Option<&str>) -> Result<Mirror, CloneError> {
        self.mirror_of(self.source_path().to_str().unwrap(), rev)
    }
}

/// Runs git and returns what it prints.
pub(super) fn git(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("git").arg("-C").arg(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What a plan is made by.
pub(super) struct PlanBy<'a> {
    pub(super) allowed: Allowed,
    pub(super) limits: Limits,
    pub(super) counter: Option<&'a TokenCounter>,
    pub(super) reuse: ReusePolicy,
}

impl PlanBy<'_> {
    /// These rules, which repositories may change as they like.
    pub(super) fn rules(rules: &[&str]) -> Self {
        let settings = RepoSettings { config: ConfigUse::Full, rules: true };
        let reuse = ReusePolicy { enabled: false, audit_ppm: 0 };
        let rules = rules.iter().map(|&rule| RuleSpec::new(rule)).collect();
        Self { allowed: Allowed { rules, settings }, limits: Limits::default(), counter: None, reuse }
    }

    /// Plans a first night; nothing is taken from anywhere.
    pub(super) fn plan(
        &self,
        mirror: &Mirror,
        store: &mut dyn FnMut(SourcePack) -> Result<Digest, StoreError>,
    ) -> Result<RepoPlan, PlanError> {
        let pipeline = Pipeline {
            engine: Pipeline::ENGINE.to_owned(),
            grammars: String::new(),
            rules: self.allowed.rules.clone(),
            fix: FixLevel::Safe,
            model: None,
        };
        let request = Request {
            mirror,
            pipeline: &pipeline,
            allowed: &self.allowed,
            limits: &self.limits,
            counter: self.counter,
            earlier: &NothingEarlier,
            reuse: self.reuse,
            salt: "",
        };
        plan_repo(&request, store)
    }
}
