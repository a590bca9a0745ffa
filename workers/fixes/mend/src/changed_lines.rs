//! Which lines changed since a commit, as git says.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Changed lines by file name; of a new file, all.
#[derive(Debug, Default)]
pub(crate) struct ChangedLines {
    by_name: HashMap<String, Vec<RangeInclusive<u32>>>,
}

impl ChangedLines {
    /// Asks git what changed in the working tree at `root` since `base`, files that it does not know included.
    pub(crate) fn since(base: &str, root: &Path) -> anyhow::Result<Self> {
        // A base that looks like an option must not become one.
        ensure!(!base.starts_with('-'), "`{base}` is no commit");
        let diff =
            git(root, &["diff", "--unified=0", "--no-color", "--no-ext-diff", "--relative", base, "--"])?;
        let mut changed = Self::read(&diff);
        let new = git(root, &["ls-files", "--others", "--exclude-standard", "-z"])?;
        for name in new.split('\0').filter(|name| !name.is_empty()) {
            changed.by_name.insert(name.to_owned(), std::iter::once(1..=u32::MAX).collect());
        }
        Ok(changed)
    }

    fn read(diff: &str) -> Self {
        let mut changed = Self::default();
        let mut name = String::new();
        for line in diff.lines() {
            if let Some(path) = line.strip_prefix("+++ ") {
                name = path.strip_prefix("b/").unwrap_or(path).trim_end_matches('\t').to_owned();
            } else if let Some(lines) = line.strip_prefix("@@ ").and_then(new_lines) {
                changed.by_name.entry(name.clone()).or_default().push(lines);
            }
        }
        changed
    }

    /// Whether one of the lines `from..=to` of a file changed.
    pub(crate) fn touch(&self, name: &str, from: u32, to: u32) -> bool {
        let ranges = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        ranges.iter().any(|lines| *lines.start() <= to && from <= *lines.end())
    }
}

/// `-1,2 +3,4 @@ …`: lines 3 to 6; of a deletion, none.
fn new_lines(header: &str) -> Option<RangeInclusive<u32>> {
    let new = header.split(' ').find_map(|part| part.strip_prefix('+'))?;
    let (start, len) = new.split_once(',').unwrap_or((new, "1"));
    let (start, len): (u32, u32) = (start.parse().ok()?, len.parse().ok()?);
    (len > 0).then(|| start..=start + (len - 1))
}

fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(["-c", "core.quotePath=false"])
        .args(arguments)
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_name_the_new_lines() {
        let diff = "diff --git a/a b.js b/a b.js\n--- a/a b.js\n+++ b/a b.js\t\n@@ -1 +1,2 @@ f\n-x\n+y\n+z\n@@ -9,2 +10,0 @@\n";
        let changed = ChangedLines::read(diff);
        assert!(changed.touch("a b.js", 2, 5) && changed.touch("a b.js", 1, 1));
        assert!(!changed.touch("a b.js", 3, 30) && !changed.touch("c.js", 1, 1));
    }
}
