//! Repositories with known texts, results that mend them as asked, and the artifacts of a job over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexTime, Oid, Repository, Signature, Time};
use orchestrator::report::{JobInput, RepoInput, ScannedRepo, write_all};
use schemas::Digest;
use schemas::job::{
    FixLevel, JobSpec, Lane, Limits, ModelDtype, ModelRef, Pipeline, RepoSettings, RepoSpec, ReusePolicy,
    repo_slugs,
};
use schemas::ledger::{LedgerEntry, Outcome, SkipReason};
use schemas::path::RepoPath;
use schemas::plan::{BatchPlan, RepoPlan, batch_id};
use schemas::report::Report;
use schemas::result::{
    Certificate, ChunkRef, DroppedFix, Edit, FileTokens, Finding, Fixability, Mend, Place, ScannedFile,
};
use schemas::rules::{Level, RuleInfo};
use schemas::sources::Work;
use settings::RuleSpec;
use tempfile::TempDir;

/// A file of the base commit and what the rules make of it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) path: RepoPath,
    pub(crate) mode: u32,
    pub(crate) base: Vec<u8>,
    /// Rule and the text that it leaves of the base.
    pub(crate) alone: Vec<(&'static str, Vec<u8>)>,
    /// Round, rule and the text that the step leaves.
    pub(crate) series: Vec<(u32, &'static str, Vec<u8>)>,
}

impl Case {
    /// A file that one rule mends, alone and in the series.
    pub(crate) fn mended(path: &[u8], base: &[u8], rule: &'static str, after: &[u8]) -> Self {
        Self {
            path: RepoPath::new(path.to_vec()),
            mode: 0o100_644,
            base: base.to_vec(),
            alone: vec![(rule, after.to_vec())],
            series: vec![(1, rule, after.to_vec())],
        }
    }

    fn scanned(&self) -> ScannedFile {
        let mut before = self.base.clone();
        let mut series = Vec::new();
        for (round, rule, after) in &self.series {
            series.push(mend(rule, *round, &before, after));
            before.clone_from(after);
        }
        let alone: Vec<Mend> =
            self.alone.iter().map(|(rule, after)| mend(rule, 1, &self.base, after)).collect();
        ScannedFile {
            findings: alone.iter().map(|mend| finding(&mend.rule, mend.edits[0].start)).collect(),
            alone,
            series,
            dropped: vec![DroppedFix { rule: "no-var".to_owned(), check: "stable".to_owned(), n: 1 }],
            tokens: Some(FileTokens {
                n_tokens: 10,
                windows: vec![ChunkRef { chunk: Digest::of(b"chunk"), pack: Digest::of(b"pack") }],
            }),
            ..ScannedFile::default()
        }
    }
}

fn finding(rule: &str, start: u64) -> Finding {
    Finding {
        rule: rule.to_owned(),
        message: format!("A message of {rule}."),
        place: Place { start, end: start + 3, line: 1, column: 1, end_line: 1, end_column: 4 },
        fix: Fixability::Safe,
        fingerprint: Digest::of(rule.as_bytes()),
    }
}

/// A mend with a certificate that holds.
pub(crate) fn mend(rule: &str, round: u32, before: &[u8], after: &[u8]) -> Mend {
    let edits = edits(before, after);
    Mend {
        rule: rule.to_owned(),
        round,
        n_fixes: u32::try_from(edits.len()).unwrap(),
        edits,
        certificate: Certificate {
            engine: Pipeline::ENGINE.to_owned(),
            before: Digest::of(before),
            after: Digest::of(after),
            checks: vec!["parses".to_owned()],
        },
    }
}

/// One edit per changed line where both texts have the same lines, one in all otherwise.
fn edits(before: &[u8], after: &[u8]) -> Vec<Edit> {
    let lines =
        |text: &[u8]| -> Vec<Vec<u8>> { text.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect() };
    let (old, new) = (lines(before), lines(after));
    if old.len() != new.len() {
        return edit(before, after, 0).into_iter().collect();
    }
    let mut at = 0;
    let mut edits = Vec::new();
    for (old, new) in old.iter().zip(&new) {
        edits.extend(edit(old, new, at));
        at += old.len();
    }
    edits
}

fn edit(old: &[u8], new: &[u8], at: usize) -> Option<Edit> {
    if old == new {
        return None;
    }
    let head = old.iter().zip(new).take_while(|(left, right)| left == right).count();
    let tail_of = |text: &[u8]| text[head..].iter().rev().copied().collect::<Vec<u8>>();
    let tail = tail_of(old).iter().zip(&tail_of(new)).take_while(|(left, right)| left == right).count();
    Some(Edit {
        start: (at + head) as u64,
        end: (at + old.len() - tail) as u64,
        text: String::from_utf8(new[head..new.len() - tail].to_vec()).unwrap(),
    })
}

/// A bare repository with the cases as its one commit.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) mirror: PathBuf,
    pub(crate) commit: String,
    pub(crate) cases: Vec<Case>,
}

impl Fixture {
    pub(crate) fn new(cases: Vec<Case>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mirror = folder.path().join("mirror");
        let repo = Repository::init_bare(&mirror).unwrap();
        repo.set_head("refs/heads/main").unwrap();
        let mut index = Index::new().unwrap();
        for case in &cases {
            let oid = repo.blob(&case.base).unwrap();
            index.add(&index_entry(case.path.as_bytes(), case.mode, oid)).unwrap();
        }
        let tree = repo.find_tree(index.write_tree_to(&repo).unwrap()).unwrap();
        let author = Signature::new("A", "a@example.org", &Time::new(1_700_000_000, 120)).unwrap();
        let commit = repo.commit(Some("refs/heads/main"), &author, &author, "base", &tree, &[]).unwrap();
        drop(tree);
        Self { folder, mirror, commit: commit.to_string(), cases }
    }

    /// The plan, in batches of two files, with a link beside the scanned files.
    fn plan(&self, reversed: bool) -> RepoPlan {
        let mut entries: Vec<LedgerEntry> = self
            .cases
            .iter()
            .map(|case| LedgerEntry {
                path: case.path.clone(),
                mode: case.mode,
                oid: Oid::hash_object(git2::ObjectType::Blob, &case.base).unwrap().to_string(),
                n_bytes: case.base.len() as u64,
                outcome: Outcome::Scanned,
            })
            .collect();
        let mut files: Vec<u32> = (0..u32::try_from(entries.len()).unwrap()).collect();
        entries.push(LedgerEntry {
            path: "link.js".into(),
            mode: 0o120_000,
            oid: "0".repeat(40),
            n_bytes: 0,
            outcome: Outcome::Skipped { reason: SkipReason::Symlink },
        });
        if reversed {
            files.reverse();
        }
        let batches = files.chunks(2).map(batch).collect();
        RepoPlan {
            commit: self.commit.clone(),
            entries,
            rules: None,
            ceilings: settings::Limits::default(),
            batches,
            reused: Vec::new(),
            origins: Vec::new(),
            base: None,
        }
    }

    /// The repo with every batch done.
    pub(crate) fn scanned(&self) -> ScannedRepo {
        self.scanned_in(false)
    }

    /// The same, with the files in other batches and in the opposite order.
    pub(crate) fn scanned_in(&self, reversed: bool) -> ScannedRepo {
        let plan = self.plan(reversed);
        let files = (0..).zip(&self.cases).map(|(at, case)| (at, Ok(case.scanned()))).collect();
        ScannedRepo { plan, files, mirror: self.mirror.clone() }
    }
}

fn batch(files: &[u32]) -> BatchPlan {
    let inputs = files.iter().map(|at| Digest::of(&at.to_le_bytes()));
    BatchPlan {
        id: batch_id(Digest::of(b"pipeline"), "", None, &Work::default(), inputs),
        sources: Digest::of(b"sources"),
        files: files.to_vec(),
        n_tokens: 1,
        n_bytes: 1,
        work: Work::default(),
        salt: String::new(),
        audit: false,
    }
}

fn index_entry(path: &[u8], mode: u32, id: Oid) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.to_vec(),
    }
}

/// What is known of the rules of the cases.
pub(crate) fn catalogue() -> Vec<RuleInfo> {
    let rule = |id: &str, origin: &str, summary: &str| RuleInfo {
        id: id.to_owned(),
        origin: origin.to_owned(),
        category: settings::Category::Redundancy,
        languages: vec!["javascript".to_owned()],
        level: Level::Warning,
        summary: summary.to_owned(),
        docs: format!(
            "## What it does\nFinds places for {id}.\n\n## Why is this bad?\n--- it hides bugs.\nFrom the start.\n\n\
             ## Fix safety\nSafe.\n"
        ),
        applicability: "safe".to_owned(),
    };
    vec![
        rule("E711", "ruff", "Comparison to `None` → identity"),
        rule("no-var", "ESLint", "`var` instead of `let` or `const`."),
        rule("prefer-const", "ESLint", "`let` of what never changes"),
    ]
}

/// A job over repos of these addresses.
pub(crate) fn spec(urls: &[&str]) -> JobSpec {
    JobSpec {
        version: JobSpec::VERSION,
        repos: urls.iter().map(|url| RepoSpec { url: (*url).to_owned(), rev: None }).collect(),
        rules: catalogue().into_iter().map(|rule| RuleSpec::new(rule.id)).collect(),
        repo_settings: RepoSettings::default(),
        fix: FixLevel::Safe,
        model: Some(ModelRef {
            name: "tiny".to_owned(),
            digest: Digest::of(b"model"),
            trained: false,
            dtype: ModelDtype::default(),
        }),
        lane: Lane::Nightly,
        dry_run: false,
        limits: Limits::default(),
        reuse: ReusePolicy::default(),
    }
}

/// The artifacts of a job, by path.
pub(crate) struct Artifacts {
    pub(crate) report: Report,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Artifacts {
    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.files[file].clone()).unwrap()
    }

    /// Writes an artifact to a folder, for tools that read files.
    pub(crate) fn save(&self, file: &str, folder: &Path) -> PathBuf {
        let path = folder.join(file.replace('/', "+"));
        std::fs::write(&path, &self.files[file]).unwrap();
        path
    }
}

/// Makes the report of a job over these repos.
pub(crate) fn run(spec: &JobSpec, repos: Vec<RepoInput>) -> Artifacts {
    let (slugs, catalogue) = (repo_slugs(&spec.repos), catalogue());
    let job = JobInput { spec, slugs: &slugs, catalogue: &catalogue };
    let mut files = BTreeMap::new();
    let mut repos = repos.into_iter();
    let report = write_all(&job, &mut |_| Ok(repos.next().unwrap()), &mut |file, bytes| {
        assert!(files.insert(file.to_owned(), bytes).is_none(), "{file} is written twice");
        Ok(())
    })
    .unwrap();
    Artifacts { report, files }
}

/// Makes the report of a job over one repo.
pub(crate) fn run_one(repo: ScannedRepo) -> Artifacts {
    run(&spec(&["https://example.org/o/app.git"]), vec![RepoInput::Scanned(repo)])
}
