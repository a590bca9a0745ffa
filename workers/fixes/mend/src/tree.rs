//! The files of a working tree and what its settings say of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fixes::{Engine, FixLevel, Language};
use ignore::WalkBuilder;
use settings::{Config, Facts, Manifests, RuleSpec};

use crate::arguments::Scope;
use crate::catalogue;
use crate::user_rules;

/// A larger file is not source code that anyone wrote.
const MAX_FILE: u64 = 32 << 20;

/// A file to read.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it lies.
    pub path: PathBuf,
    /// As messages name it: relative to the working tree's root, with `/`.
    pub name: String,
    /// What it is parsed as.
    pub language: Language,
    /// What is known of it beside its text.
    pub facts: Facts,
}

/// The files and the rules of a run.
#[derive(Debug)]
pub struct Tree {
    /// The working tree's root: where `.git` or `nightmend.toml` lies, else the current folder.
    pub root: PathBuf,
    /// Sorted by name.
    pub files: Vec<File>,
    /// The rules.
    pub rules: Vec<RuleSpec>,
}

impl Tree {
    /// Lists the files and reads the settings.
    ///
    /// # Errors
    /// A path that does not exist, a configuration or a rule that is wrong.
    pub fn open(scope: &Scope) -> anyhow::Result<Self> {
        let root = root_of(&scope.paths)?;
        let config = read_config(&root, scope)?;
        let exclusions = config.exclusions()?;
        let paths = list(&scope.paths)?;
        let manifests = read_manifests(&root, &paths);
        let mut files = Vec::with_capacity(paths.len());
        for (path, language) in paths {
            let name = name_of(&root, &path);
            if exclusions.excludes(&name) {
                continue;
            }
            let facts = Facts { rules_off: exclusions.rules_off(&name), ..manifests.facts(&name) };
            files.push(File { path, name, language, facts });
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let rules = rules(&root, &config, scope)?;
        Ok(Self { root, files, rules })
    }

    /// The engine of the run.
    ///
    /// # Errors
    /// A rule that is wrong.
    pub fn engine(&self, level: FixLevel) -> anyhow::Result<Engine> {
        Ok(Engine::with_specs(&self.rules, level)?)
    }
}

fn rules(root: &Path, config: &Config, scope: &Scope) -> anyhow::Result<Vec<RuleSpec>> {
    let known = catalogue::known();
    let selection = match scope.only.as_slice() {
        [] => scope.selection(),
        _ => settings::Selection { profile: settings::Profile::All, ..settings::Selection::default() },
    };
    let mut rules = config.rules(&selection, &known)?;
    for folder in &scope.rule_dir {
        rules.extend(user_rules::read_folder(folder)?);
    }
    let own = root.join(".nightmend/rules");
    if scope.repo_rules && own.is_dir() {
        rules.extend(user_rules::read_folder(&own)?);
    }
    if !scope.only.is_empty() {
        let id_of = |name: &String| match rules.iter().find(|spec| spec.id == *name) {
            Some(spec) => Ok(spec.id.clone()),
            None => catalogue::find(name).map(str::to_owned),
        };
        let only = scope.only.iter().map(id_of).collect::<anyhow::Result<BTreeSet<String>>>()?;
        rules.retain(|spec| only.contains(&spec.id));
    }
    Ok(rules)
}

fn read_config(root: &Path, scope: &Scope) -> anyhow::Result<Config> {
    let path = root.join(settings::config::FILE);
    if scope.no_config || !path.is_file() {
        return Ok(Config::default());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Config::parse(&text)?)
}

/// The folder around the first path that is a repository or has a configuration.
fn root_of(paths: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("there is no current folder")?;
    let first = paths.first().map_or(here.as_path(), PathBuf::as_path);
    let first = first.canonicalize().with_context(|| format!("cannot find {}", first.display()))?;
    let is_root =
        |folder: &&Path| folder.join(".git").exists() || folder.join(settings::config::FILE).exists();
    let found = first.ancestors().find(is_root).map(Path::to_owned);
    let folder = || if first.is_dir() { first.clone() } else { here };
    Ok(found.unwrap_or_else(folder))
}

/// The files below `paths` that are in a known language; a file that is named is read whatever git ignores.
fn list(paths: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, Language)>> {
    let mut found = Vec::new();
    for path in paths {
        let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
        if path.is_file() {
            let language = Language::of_path(path.as_os_str().as_encoded_bytes());
            let language =
                language.with_context(|| format!("{} is in no language that is known", path.display()))?;
            found.push((path, language));
            continue;
        }
        for entry in WalkBuilder::new(&path).hidden(false).require_git(false).filter_entry(is_no_git).build()
        {
            let Ok(entry) = entry else { continue };
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let language = Language::of_path(entry.path().as_os_str().as_encoded_bytes());
            if let Some(language) = language.filter(|_| is_file)
                && entry.metadata().is_ok_and(|metadata| metadata.len() <= MAX_FILE)
            {
                found.push((entry.into_path(), language));
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn is_no_git(entry: &ignore::DirEntry) -> bool {
    entry.file_name() != ".git"
}

/// The manifests in the folders of the files and the folders around them, up to the root.
fn read_manifests(root: &Path, files: &[(PathBuf, Language)]) -> Manifests {
    let mut folders = BTreeSet::new();
    for (path, _) in files {
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
            if !folders.insert(folder) {
                break;
            }
        }
    }
    let mut manifests = Manifests::default();
    for folder in folders {
        for name in settings::manifests::NAMES {
            let path = folder.join(name);
            if let Ok(text) = std::fs::read_to_string(&path) {
                manifests.add(&name_of(root, &path), &text);
            }
        }
    }
    manifests
}

fn name_of(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
