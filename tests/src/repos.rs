//! Git repositories for tests, made in a folder with git2, always with the same commit id.

use std::path::{Path, PathBuf};

use git2::{Repository, Signature, Time};

/// Makes a repository with one commit of these files.
pub fn make<'a>(dir: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> PathBuf {
    let repo = Repository::init_bare(dir).unwrap();
    let mut builder = git2::build::TreeUpdateBuilder::new();
    for (path, bytes) in files {
        let blob = repo.blob(bytes).unwrap();
        builder.upsert(path, blob, git2::FileMode::Blob);
    }
    let empty = repo.treebuilder(None).unwrap().write().unwrap();
    let base = repo.find_tree(empty).unwrap();
    let written = builder.create_updated(&repo, &base).unwrap();
    let tree = repo.find_tree(written).unwrap();
    let author = Signature::new("A", "a@example.org", &Time::new(1_700_000_000, 0)).unwrap();
    let commit = repo.commit(None, &author, &author, "base", &tree, &[]).unwrap();
    repo.reference("refs/heads/main", commit, true, "base").unwrap();
    repo.set_head("refs/heads/main").unwrap();
    dir.to_owned()
}

/// Makes a repository of `n` JavaScript and Python files with findings, none like another.
pub fn make_many(dir: &Path, n: usize) -> PathBuf {
    let files: Vec<(String, String)> = (0..n)
        .map(|i| match i % 2 {
            0 => (
                format!("src/f{i:05}.js"),
                format!(
                    "function f{i}(a) {{\n  var x = a;\n  if (!!x) {{ return {{ x: x }}; }}\n  return {i};\n}}\nf{i}({i});\n"
                ),
            ),
            _ => (
                format!("lib/g{i:05}.py"),
                format!("class C{i}(object):\n    def g(self, v):\n        return v is {i} or \"{{}}\".format(v)\n"),
            ),
        })
        .collect();
    make(dir, files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}
