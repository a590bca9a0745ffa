//! What the manifests of a repository say of the versions that its code has to run on.
//!
//! The oldest version that a manifest allows is the target; where it allows any, nothing is known. The manifest
//! nearest to a file counts, one kind of target at a time.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::facts::{Facts, SourceKind, Target};

/// The manifests of one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifests {
    /// By folder, with `/` at its end; the root is the empty path.
    folders: BTreeMap<String, Folder>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Folder {
    target: Target,
    /// What `type` in `package.json` makes of `.js`: `None` where there is no `package.json`.
    script: Option<SourceKind>,
}

/// The names of files that say something.
pub const NAMES: &[&str] =
    &["package.json", "tsconfig.json", "pyproject.toml", "setup.cfg", "setup.py", "go.mod", "Cargo.toml"];

impl Manifests {
    /// Whether the file at `path` is one that [`Manifests::add`] reads.
    #[must_use]
    pub fn wants(path: &str) -> bool {
        NAMES.contains(&path.rsplit('/').next().unwrap_or(path))
    }

    /// Reads one manifest. What cannot be read says nothing.
    pub fn add(&mut self, path: &str, text: &str) {
        let (folder, name) = match path.rfind('/') {
            Some(at) => path.split_at(at + 1),
            None => ("", path),
        };
        let known = self.folders.entry(folder.to_owned()).or_default();
        match name {
            "package.json" => read_package(text, known),
            "tsconfig.json" => known.target.ecmascript = typescript_target(text).or(known.target.ecmascript),
            "pyproject.toml" => known.target.python = pyproject_target(text).or(known.target.python),
            "setup.cfg" | "setup.py" if known.target.python.is_none() => {
                known.target.python = setup_target(text);
            }
            "go.mod" => known.target.go = go_target(text),
            "Cargo.toml" => known.target.rust = cargo_target(text),
            _ => {}
        }
    }

    /// What is known of the file at `path`.
    #[must_use]
    pub fn facts(&self, path: &str) -> Facts {
        let mut facts = Facts { path: path.to_owned(), ..Facts::default() };
        let mut script = None;
        // From the root inwards: what lies nearer overrides.
        let ends = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
        for folder in ends.filter_map(|end| self.folders.get(&path[..end])) {
            let (known, new) = (&mut facts.target, folder.target);
            known.ecmascript = new.ecmascript.or(known.ecmascript);
            known.node = new.node.or(known.node);
            known.python = new.python.or(known.python);
            known.go = new.go.or(known.go);
            known.rust = new.rust.or(known.rust);
            script = folder.script.or(script);
        }
        facts.kind = match path.rsplit('.').next() {
            Some("mjs" | "mts") => SourceKind::Module,
            Some("cjs" | "cts") => SourceKind::CommonJs,
            Some("js" | "jsx") => script.unwrap_or_default(),
            _ => SourceKind::Unknown,
        };
        facts
    }
}

fn read_package(text: &str, folder: &mut Folder) {
    let Ok(package) = serde_json::from_str::<Value>(text) else { return };
    folder.script = Some(match package["type"].as_str() {
        Some("module") => SourceKind::Module,
        _ => SourceKind::Unknown,
    });
    let oldest = package["engines"]["node"].as_str().and_then(oldest_version);
    if let Some((major, minor)) = oldest {
        folder.target.node = Some(major);
        folder.target.ecmascript = folder.target.ecmascript.or(Some(ecmascript_of_node(major, minor)));
    }
}

/// The newest edition of ECMAScript whose syntax and library a version of Node.js has whole
/// (<https://node.green>).
fn ecmascript_of_node(major: u16, minor: u16) -> u16 {
    match (major, minor) {
        (..6, _) => 2009,
        (6, _) => 2015,
        (7, _) => 2016,
        (8 | 9, _) => 2017,
        (10 | 11, _) => 2018,
        (12 | 13, _) => 2019,
        (14, _) => 2020,
        (15, _) | (16, ..9) => 2021,
        (16..=19, _) => 2022,
        (20 | 21, _) => 2023,
        _ => 2024,
    }
}

fn typescript_target(text: &str) -> Option<u16> {
    let config: Value =
        jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default()).ok()?;
    let target = config["compilerOptions"]["target"].as_str()?.to_ascii_lowercase();
    match target.as_str() {
        "esnext" => Some(u16::MAX),
        "es3" => Some(1999),
        "es5" => Some(2009),
        "es6" => Some(2015),
        year => year.strip_prefix("es")?.parse().ok(),
    }
}

fn pyproject_target(text: &str) -> Option<(u16, u16)> {
    let project: toml::Table = text.parse().ok()?;
    let at = |path: &[&str]| {
        let (last, tables) = path.split_last()?;
        let table = tables.iter().try_fold(&project, |table, name| table.get(*name)?.as_table())?;
        table.get(*last)?.as_str()
    };
    let ruff =
        || at(&["tool", "ruff", "target-version"])?.strip_prefix("py3")?.parse().ok().map(|minor| (3, minor));
    at(&["project", "requires-python"])
        .or_else(|| at(&["tool", "poetry", "dependencies", "python"]))
        .and_then(oldest_version)
        .or_else(ruff)
}

fn setup_target(text: &str) -> Option<(u16, u16)> {
    let (_, rest) = text.split_once("python_requires")?;
    let line = rest.lines().next()?.trim_start_matches([' ', '=', '"', '\'']);
    oldest_version(line.split(['"', '\'']).next()?)
}

fn go_target(text: &str) -> Option<(u16, u16)> {
    text.lines().find_map(|line| leading_version(line.trim().strip_prefix("go ")?.trim()))
}

fn cargo_target(text: &str) -> Option<(u16, u16)> {
    let manifest: toml::Table = text.parse().ok()?;
    let of = |table: &toml::Table| {
        leading_version(table.get("package")?.as_table()?.get("rust-version")?.as_str()?)
    };
    of(&manifest).or_else(|| of(manifest.get("workspace")?.as_table()?))
}

/// The oldest version that a range such as `>=3.9,<4`, `^18.2 || >=20` or `>= 14` allows; `None` if it has no
/// lower end.
fn oldest_version(range: &str) -> Option<(u16, u16)> {
    let lower_end = |alternative: &str| {
        let mut words: Vec<String> = Vec::new();
        for word in alternative.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
            match words.last_mut() {
                // `>= 14` is one bound, written with a space.
                Some(last) if is_operator(last) => *last = format!("{last}{word}"),
                _ => words.push(word.to_owned()),
            }
        }
        let bound = |word: &String| {
            let version = word.trim_start_matches(['>', '=', '^', '~', 'v']);
            let is_lower =
                !word.starts_with(['<', '!']) && (!word.starts_with('>') || word.starts_with(">="));
            // `>3.8` allows 3.8.1, so its version is the oldest all the same.
            let is_after = word.starts_with('>') && !word.starts_with(">=");
            (is_lower || is_after).then(|| leading_version(version)).flatten()
        };
        words.iter().filter_map(bound).max()
    };
    let alternatives: Vec<Option<(u16, u16)>> = range.split("||").map(lower_end).collect();
    alternatives.into_iter().collect::<Option<Vec<_>>>()?.into_iter().min()
}

fn is_operator(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|next| matches!(next, '>' | '<' | '=' | '^' | '~' | '!'))
}

fn leading_version(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.split('.');
    let number = |part: &str| {
        let digits = part.len() - part.trim_start_matches(|next: char| next.is_ascii_digit()).len();
        part[..digits].parse::<u16>().ok()
    };
    let major = number(parts.next()?)?;
    Some((major, parts.next().and_then(number).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_an_oldest_version() {
        for (range, oldest) in [
            (">=3.9", Some((3, 9))),
            (">=3.8,<4", Some((3, 8))),
            (">= 14", Some((14, 0))),
            ("^18.2 || >=20", Some((18, 2))),
            ("~=3.7", Some((3, 7))),
            ("3.11.*", Some((3, 11))),
            ("<4", None),
            ("*", None),
            (">3.8", Some((3, 8))),
            ("16 || <2", None),
        ] {
            assert_eq!(oldest_version(range), oldest, "{range}");
        }
    }

    #[test]
    fn the_nearest_manifest_counts() {
        let mut manifests = Manifests::default();
        manifests.add("package.json", r#"{"engines": {"node": ">=16.9"}}"#);
        manifests.add("web/package.json", r#"{"type": "module"}"#);
        manifests.add("web/tsconfig.json", "{ // later\n \"compilerOptions\": {\"target\": \"ES2018\",}}");
        manifests.add("py/pyproject.toml", "[project]\nrequires-python = '>=3.9'\n");
        manifests.add("go.mod", "module a\n\ngo 1.21.3\n");
        manifests.add("Cargo.toml", "[workspace.package]\nrust-version = '1.80'\n[workspace]\n");
        let root = manifests.facts("a.js");
        assert_eq!((root.kind, root.target.node), (SourceKind::Unknown, Some(16)));
        assert_eq!(root.target.ecmascript, Some(2022));
        let web = manifests.facts("web/src/a.js");
        assert_eq!(
            (web.kind, web.target.ecmascript, web.target.node),
            (SourceKind::Module, Some(2018), Some(16))
        );
        assert_eq!(manifests.facts("py/a.py").target.python, Some((3, 9)));
        assert_eq!(manifests.facts("b/a.go").target.go, Some((1, 21)));
        assert_eq!(manifests.facts("a.rs").target.rust, Some((1, 80)));
        assert_eq!(manifests.facts("web/a.cjs").kind, SourceKind::CommonJs);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let mut manifests = Manifests::default();
        for name in NAMES {
            manifests.add(name, "{[ \u{0} = ");
        }
        assert_eq!(manifests.facts("a.py").target, Target::UNKNOWN);
    }

    #[test]
    fn setup_files_are_read_too() {
        assert_eq!(setup_target("setup(\n    python_requires='>=3.6',\n)"), Some((3, 6)));
        assert_eq!(setup_target("[options]\npython_requires = >=3.7\n"), Some((3, 7)));
        assert_eq!(pyproject_target("[tool.ruff]\ntarget-version = 'py310'"), Some((3, 10)));
    }
}
