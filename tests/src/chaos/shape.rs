//! The repositories that scenarios scan. There are few shapes, so that the report of a run without faults is computed
//! once for each and every seed is compared with it.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::repos;

/// What a job scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// One per repository.
    repos: &'static [Contents],
}

/// The files of one repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Contents {
    /// How many.
    n_files: usize,
    /// Definitions with findings in each of them.
    n_blocks: usize,
    /// Taken in turn.
    languages: &'static [Language],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Language {
    JavaScript,
    TypeScript,
    Python,
    Rust,
    Go,
}

use Language::{Go, JavaScript, Python, Rust, TypeScript};

/// The shapes that a seed chooses from. Many small files make many batches: a fault then hits some and not others.
pub const SHAPES: [Shape; 3] = [
    Shape {
        name: "web",
        repos: &[Contents { n_files: 1400, n_blocks: 1, languages: &[JavaScript, TypeScript] }],
    },
    Shape {
        name: "services",
        repos: &[
            Contents { n_files: 700, n_blocks: 1, languages: &[Python] },
            Contents { n_files: 300, n_blocks: 3, languages: &[Go, Rust] },
        ],
    },
    Shape {
        name: "mix",
        repos: &[
            Contents { n_files: 500, n_blocks: 1, languages: &[JavaScript, Python, Rust] },
            Contents { n_files: 120, n_blocks: 4, languages: &[TypeScript, Go] },
            Contents { n_files: 300, n_blocks: 2, languages: &[Python, JavaScript] },
        ],
    },
];

/// 6,000 files: a job that takes a while, for the table of kills.
pub const LARGE: Shape = Shape {
    name: "large",
    repos: &[Contents { n_files: 6000, n_blocks: 1, languages: &[JavaScript, Python] }],
};

/// 10,500 files, for a queue that loses everything.
pub const LARGER: Shape = Shape {
    name: "larger",
    repos: &[Contents { n_files: 10_500, n_blocks: 1, languages: &[JavaScript, Python] }],
};

impl Shape {
    /// Its repositories under `folder`, made if they are not there.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn repos(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for (n, contents) in self.repos.iter().enumerate() {
            let path = folder.join(format!("{}-{n}", self.name));
            if !path.is_dir() {
                // Renamed when it is whole: a run that was killed while making it leaves nothing that looks like it.
                let unfinished = tempfile::tempdir_in(folder)?;
                contents.make(unfinished.path(), &format!("{}{n}", self.name));
                std::fs::rename(unfinished.keep(), &path)?;
            }
            paths.push(path);
        }
        Ok(paths)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Contents {
    /// No file is like one of another repository, whose `name` is another: results are shared between jobs.
    fn make(&self, folder: &Path, name: &str) {
        let files: Vec<(String, String)> = (0..self.n_files).map(|n| self.file(name, n)).collect();
        repos::make(folder, files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())));
    }

    fn file(&self, name: &str, n: usize) -> (String, String) {
        let language = self.languages[n % self.languages.len()];
        let mut text = language.head().to_owned();
        for block in 0..self.n_blocks {
            language.block(&mut text, &format!("{name}x{n}x{block}"));
        }
        (format!("part{:02}/f{n:05}.{}", n / 100, language.extension()), text)
    }
}

impl Language {
    fn extension(self) -> &'static str {
        match self {
            JavaScript => "js",
            TypeScript => "ts",
            Python => "py",
            Rust => "rs",
            Go => "go",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Go => "package p\n\n",
            JavaScript | TypeScript | Python | Rust => "",
        }
    }

    /// Adds a definition that some rules find something in. `id` makes it like no other.
    fn block(self, text: &mut String, id: &str) {
        let written = match self {
            JavaScript => writeln!(
                text,
                "function f{id}(a) {{\n  var x = a;\n  if (!!x) {{ return {{ x: x }}; }}\n  return \"{id}\" + x;\n}}\nf{id}();"
            ),
            TypeScript => writeln!(
                text,
                "export function t{id}(a: number): number {{\n  let kind: \"k{id}\" = \"k{id}\";\n  var n: number = 1;\n  n = n + a;\n  return kind.length + n;\n}}"
            ),
            Python => writeln!(
                text,
                "class C{id}(object):\n    def g(self, v):\n        if v == None:\n            return \"%s-{id}\" % (v,)\n        return \"{{}}\".format(v)\n"
            ),
            Rust => writeln!(
                text,
                "pub fn r{id}(flag: bool, n: u32) -> bool {{\n    if flag == true {{\n        return n > 3;\n    }}\n    let x{id} = n < 7;\n    return x{id};\n}}\n"
            ),
            Go => writeln!(
                text,
                "func g{id}(ok bool, m []int) bool {{\n\tfor i, _ := range m {{\n\t\tif ok == true && i > 3 {{\n\t\t\treturn true\n\t\t}}\n\t}}\n\treturn false\n}}\n"
            ),
        };
        written.expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_the_same_commits_wherever_it_is_made() {
        let head = |folder: &Path| {
            let repos = SHAPES[2].repos(folder).unwrap();
            let head = |path: &PathBuf| git2::Repository::open(path).unwrap().head().unwrap().target();
            repos.iter().map(head).collect::<Vec<_>>()
        };
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(head(one.path()), head(other.path()));
        assert_eq!(head(one.path()).len(), 3);
    }
}
