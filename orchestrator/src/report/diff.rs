//! The unified diff of one file, as `git diff` writes it: bytes in, bytes out.

use std::fmt::Write as _;

use git2::{DiffLineType, DiffOptions, ObjectType, Oid, Patch};
use schemas::path::RepoPath;

/// Lines around a change, as git has them.
const CONTEXT_LINES: u32 = 3;

/// One changed file.
#[derive(Clone, Debug)]
pub(super) struct FileDiff {
    pub(super) path: RepoPath,
    /// As `git ls-tree` prints it; the same before and after.
    pub(super) mode: u32,
    /// The blob after.
    pub(super) new_oid: Oid,
    /// Headers and hunks.
    pub(super) text: Vec<u8>,
    pub(super) n_added: usize,
    pub(super) n_removed: usize,
}

/// Diffs two texts of a file. `None` if they are the same.
///
/// # Errors
/// What libgit2 says; texts in memory give it no reason to.
pub(super) fn of_texts(
    path: &RepoPath,
    mode: u32,
    old: &[u8],
    new: &[u8],
) -> Result<Option<FileDiff>, git2::Error> {
    if old == new {
        return Ok(None);
    }
    let mut options = DiffOptions::new();
    options.context_lines(CONTEXT_LINES).force_text(true).indent_heuristic(true);
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options))?;
    let old_oid = Oid::hash_object(ObjectType::Blob, old)?;
    let new_oid = Oid::hash_object(ObjectType::Blob, new)?;
    let mut text = header(path, mode, old_oid, new_oid).into_bytes();
    for hunk in 0..patch.num_hunks() {
        write_hunk(&patch, hunk, &mut text)?;
    }
    let (_, n_added, n_removed) = patch.line_stats()?;
    Ok(Some(FileDiff { path: path.clone(), mode, new_oid, text, n_added, n_removed }))
}

fn header(path: &RepoPath, mode: u32, old_oid: Oid, new_oid: Oid) -> String {
    let (old, new) = (name(path, "a/"), name(path, "b/"));
    // A tab ends a name that holds spaces, or else readers would cut it at the first.
    let end = if old.contains(char::is_whitespace) && !old.starts_with('"') { "\t" } else { "" };
    let mut text = format!("diff --git {old} {new}\n");
    writeln!(text, "index {old_oid}..{new_oid} {mode:06o}\n--- {old}{end}\n+++ {new}{end}")
        .expect("a string takes all text");
    text
}

/// The name of a side, quoted also where it ends in a blank, which libgit2 would trim.
fn name(path: &RepoPath, side: &str) -> String {
    let name = path.with_prefix(side);
    if name.ends_with(char::is_whitespace) { format!("\"{name}\"") } else { name }
}

fn write_hunk(patch: &Patch<'_>, index: usize, text: &mut Vec<u8>) -> Result<(), git2::Error> {
    let (hunk, n_lines) = patch.hunk(index)?;
    text.extend_from_slice(
        format!(
            "@@ -{} +{} @@\n",
            range(hunk.old_start(), hunk.old_lines()),
            range(hunk.new_start(), hunk.new_lines())
        )
        .as_bytes(),
    );
    for line in 0..n_lines {
        let line = patch.line_in_hunk(index, line)?;
        match line.origin_value() {
            DiffLineType::Context => text.push(b' '),
            DiffLineType::Addition => text.push(b'+'),
            DiffLineType::Deletion => text.push(b'-'),
            // Their content is the note on the missing end of line, with the end of the line before it.
            _ => {}
        }
        text.extend_from_slice(line.content());
    }
    Ok(())
}

/// A range of lines; the count is left out where it is one, as git does.
fn range(start: u32, n_lines: u32) -> String {
    if n_lines == 1 { start.to_string() } else { format!("{start},{n_lines}") }
}

/// Longest bar of `+` and `-` in a [`stat`].
const BAR_WIDTH: usize = 40;

/// The table of changed files that stands in front of a patch's diffs.
pub(super) fn stat(files: &[&FileDiff]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.path.to_string()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let most = files.iter().map(|file| file.n_added + file.n_removed).max().unwrap_or_default();
    let digits = most.to_string().len();
    let mut text = String::new();
    for (file, name) in files.iter().zip(&names) {
        let bar = format!("{}{}", "+".repeat(bar(file.n_added, most)), "-".repeat(bar(file.n_removed, most)));
        let n_changed = file.n_added + file.n_removed;
        writeln!(text, " {name:width$} | {n_changed:>digits$} {bar}").expect("a string takes all text");
    }
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let n_added: usize = files.iter().map(|file| file.n_added).sum();
    let n_removed: usize = files.iter().map(|file| file.n_removed).sum();
    text.push(' ');
    text.push_str(&count(files.len(), "file changed", "files changed"));
    if n_added > 0 {
        text.push_str(&format!(", {}", count(n_added, "insertion(+)", "insertions(+)")));
    }
    if n_removed > 0 {
        text.push_str(&format!(", {}", count(n_removed, "deletion(-)", "deletions(-)")));
    }
    text.push('\n');
    text
}

/// The share of a bar: in full while all fit, scaled and never empty for a change otherwise.
fn bar(n: usize, most: usize) -> usize {
    if most <= BAR_WIDTH { n } else { (n * BAR_WIDTH).div_ceil(most) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::{Diff, Repository};
    use proptest::prelude::*;

    fn diff_text(path: &str, old: &[u8], new: &[u8]) -> String {
        let diff = of_texts(&RepoPath::from(path), 0o100_644, old, new).unwrap().unwrap();
        String::from_utf8_lossy(&diff.text).into_owned()
    }

    #[test]
    fn a_missing_end_of_line_is_noted_on_the_side_that_lacks_it() {
        assert_eq!(
            diff_text("a b.js", b"var x\nlast", b"let x\nlast\n"),
            "diff --git a/a b.js b/a b.js\n\
             index 38cdb1c8a81a5b6c03dee35fb9ab60a5bb4dadf4..bb9c2a7be0d0ad3ae2a80cd2a40b5e9a8e5c3d5c 100644\n\
             --- a/a b.js\t\n+++ b/a b.js\t\n@@ -1,2 +1,2 @@\n-var x\n-last\n\\ No newline at end of file\n+let x\n+last\n"
                .replace("38cdb1c8a81a5b6c03dee35fb9ab60a5bb4dadf4", &blob(b"var x\nlast"))
                .replace("bb9c2a7be0d0ad3ae2a80cd2a40b5e9a8e5c3d5c", &blob(b"let x\nlast\n"))
        );
    }

    fn blob(text: &[u8]) -> String {
        Oid::hash_object(ObjectType::Blob, text).unwrap().to_string()
    }

    #[test]
    fn equal_texts_have_no_diff() {
        assert!(of_texts(&RepoPath::from("a"), 0o100_644, b"x", b"x").unwrap().is_none());
    }

    #[test]
    fn the_table_of_files_counts_lines() {
        let diff = |path: &str, old: &[u8], new: &[u8]| {
            of_texts(&RepoPath::from(path), 0o100_644, old, new).unwrap().unwrap()
        };
        let files = [diff("a.js", b"1\n2\n", b"1\n3\n"), diff("\"b\n.js", b"", b"1\n")];
        assert_eq!(
            stat(&files.each_ref()),
            " a.js       | 2 +-\n \"\\\"b\\n.js\" | 1 +\n 2 files changed, 2 insertions(+), 1 deletion(-)\n"
        );
    }

    /// Lines of a text that come from few words, so that two texts have lines in common.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop::sample::select(vec![
            &b"a\n"[..],
            b"b\r\n",
            b"\xff\xfe\n",
            b"\n",
            b"-- \n",
            b"From me\n",
            b"--- a\n",
            b"@@ x\n",
            b"end",
        ]);
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_diff_read_back_makes_the_new_text_of_the_old(old in text(), new in text()) {
            let folder = tempfile::tempdir().unwrap();
            let repo = Repository::init_bare(folder.path()).unwrap();
            // An empty blob would read as a created file.
            prop_assume!(!old.is_empty() && !new.is_empty() && old != new);
            let mut builder = repo.treebuilder(None).unwrap();
            builder.insert("f", repo.blob(&old).unwrap(), 0o100_644).unwrap();
            let tree = repo.find_tree(builder.write().unwrap()).unwrap();
            let made = of_texts(&RepoPath::from("f"), 0o100_644, &old, &new).unwrap().unwrap();
            let diff = Diff::from_buffer(&made.text).unwrap();
            let index = repo.apply_to_tree(&tree, &diff, None).unwrap();
            let entry = index.get_path(std::path::Path::new("f"), 0).unwrap();
            let applied = repo.find_blob(entry.id).unwrap();
            prop_assert_eq!(applied.content(), &new[..]);
            prop_assert_eq!(entry.id, made.new_oid);
        }
    }
}
