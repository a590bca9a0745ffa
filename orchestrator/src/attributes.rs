//! What `.gitattributes` files of the tree say about a file: `linguist-generated` and `linguist-vendored`.
//!
//! As git does it: a file in a folder speaks about what is below it, deeper files win over higher ones, later lines
//! over earlier ones; `attr`, `-attr`, `!attr`, `attr=value`, quoted patterns and macros (of the root's file) work.
//! Attributes of the user or of the machine are not read: the same commit gives the same ledger everywhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gix_attributes::glob::pattern::Case;
use gix_attributes::search::{MetadataCollection, Outcome};
use gix_attributes::{Search, StateRef};

const GENERATED: &str = "linguist-generated";
const VENDORED: &str = "linguist-vendored";
/// What every line that matters here holds, if no macro is in play.
const OURS: &[u8] = b"linguist-";
const MACRO: &[u8] = b"[attr]";

/// The name of the files.
pub const FILE_NAME: &[u8] = b".gitattributes";
/// Larger ones are not read: they would make the walk slow, and nobody writes one by hand.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// Lines that matter, of all files on the way to one: every one is tried on every file. The file that exceeds it, and
/// those below, say nothing. The largest of well-known repositories have about a hundred.
pub const MAX_LINES: usize = 1000;

/// What is said about one file; `None` where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// `linguist-generated`
    pub generated: Option<bool>,
    /// `linguist-vendored`
    pub vendored: Option<bool>,
}

/// The attribute files from the root down to the folder that the walk is in.
#[derive(Default)]
pub struct Attributes {
    search: Search,
    names: MetadataCollection,
    outcome: Outcome,
    /// For each folder on the way, how many lines of its file are part of `search`.
    folders: Vec<usize>,
    has_macros: bool,
}

impl Attributes {
    /// Goes down into a folder: `path` is empty for the root and ends with `/` otherwise, `file` is the content of
    /// its `.gitattributes`.
    pub fn enter(&mut self, path: &[u8], file: Option<&[u8]>) {
        let is_root = self.folders.is_empty();
        let lines = file.and_then(|file| self.lines_that_matter(file, is_root));
        let n_lines =
            lines.as_deref().map_or(0, |lines| 1 + lines.iter().filter(|&&byte| byte == b'\n').count());
        let fits = self.folders.iter().sum::<usize>() + n_lines <= MAX_LINES;
        let is_added = fits && lines.is_some_and(|lines| self.add(path, &lines, is_root));
        self.folders.push(if is_added { n_lines } else { 0 });
    }

    /// Goes up again.
    pub fn leave(&mut self) {
        if self.folders.pop().is_some_and(|n_lines| n_lines > 0) {
            self.search.pop_pattern_list();
            self.select();
        }
    }

    /// What the files on the way say about the file at `path`.
    pub fn of(&mut self, path: &[u8]) -> Marks {
        if self.search.num_pattern_lists() == 0 {
            return Marks::default();
        }
        self.outcome.reset();
        self.search.pattern_matching_relative_path(
            path.into(),
            Case::Sensitive,
            Some(false),
            &mut self.outcome,
        );
        let mut states = self.outcome.iter_selected().map(|found| is_set(found.assignment.state));
        Marks { generated: states.next().flatten(), vendored: states.next().flatten() }
    }

    /// A big file about line ends and diffs costs nothing; with macros any line could be about us.
    fn lines_that_matter(&mut self, file: &[u8], is_root: bool) -> Option<Vec<u8>> {
        let holds = |hay: &[u8], needle: &[u8]| hay.windows(needle.len()).any(|window| window == needle);
        self.has_macros |= is_root && holds(file, MACRO) && holds(file, OURS);
        if self.has_macros {
            return Some(file.to_vec());
        }
        let lines: Vec<&[u8]> = file.split(|&byte| byte == b'\n').filter(|line| holds(line, OURS)).collect();
        (!lines.is_empty()).then(|| lines.join(&b'\n'))
    }

    fn add(&mut self, path: &[u8], lines: &[u8], is_root: bool) -> bool {
        let source = PathBuf::from(OsStr::from_bytes(&[path, FILE_NAME].concat()));
        let added =
            self.search.add_patterns_buffer(lines, source, Some(Path::new("")), &mut self.names, is_root);
        self.select();
        added.is_ok()
    }

    fn select(&mut self) {
        self.outcome.initialize_with_selection(&self.names, [GENERATED, VENDORED]);
    }
}

/// `linguist-generated=true` is how many write it.
fn is_set(state: StateRef<'_>) -> Option<bool> {
    match state {
        StateRef::Set => Some(true),
        StateRef::Unset => Some(false),
        StateRef::Value(value) => match value.as_bstr().to_ascii_lowercase().as_slice() {
            b"true" | b"1" | b"yes" => Some(true),
            b"false" | b"0" | b"no" => Some(false),
            _ => None,
        },
        StateRef::Unspecified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Marks = Marks { generated: None, vendored: None };

    fn generated(file: &str, path: &str) -> Option<bool> {
        let mut attributes = Attributes::default();
        attributes.enter(b"", Some(file.as_bytes()));
        attributes.of(path.as_bytes()).generated
    }

    #[test]
    fn all_ways_to_write_an_attribute_are_understood() {
        for (text, expected) in [
            ("linguist-generated", Some(true)),
            ("linguist-generated=true", Some(true)),
            ("-linguist-generated", Some(false)),
            ("linguist-generated=false", Some(false)),
            ("!linguist-generated", None),
            ("text eol=lf", None),
        ] {
            assert_eq!(generated(&format!("*.js {text}\r\n"), "a/b.js"), expected, "{text}");
        }
    }

    #[test]
    fn the_last_line_that_matches_wins() {
        let file = "*.js linguist-generated\n/own/** -linguist-generated\n";
        assert_eq!(generated(file, "x/own/a.js"), Some(true));
        assert_eq!(generated(file, "own/x/a.js"), Some(false));
        assert_eq!(generated(file, "a.py"), None);
    }

    #[test]
    fn a_deeper_file_wins_and_is_forgotten_when_the_walk_leaves() {
        let mut attributes = Attributes::default();
        attributes.enter(b"", Some(b"*.js linguist-vendored\n"));
        attributes.enter(b"lib/", Some(b"own.js -linguist-vendored\n"));
        assert_eq!(attributes.of(b"lib/own.js").vendored, Some(false));
        assert_eq!(attributes.of(b"lib/other.js").vendored, Some(true));
        attributes.leave();
        assert_eq!(attributes.of(b"own.js").vendored, Some(true));
        attributes.leave();
        assert_eq!(attributes.of(b"own.js"), NOTHING);
    }

    #[test]
    fn a_file_without_a_word_about_us_costs_no_search() {
        let mut attributes = Attributes::default();
        attributes.enter(b"", Some(b"* text=auto\n*.png binary\n"));
        assert_eq!(attributes.search.num_pattern_lists(), 0);
    }

    #[test]
    fn macros_of_the_root_are_resolved() {
        let mut attributes = Attributes::default();
        attributes.enter(b"", Some(b"[attr]made linguist-generated -diff\n"));
        attributes.enter(b"a/", Some(b"*.py made\n"));
        assert_eq!(attributes.of(b"a/x.py").generated, Some(true));
        assert_eq!(attributes.of(b"x.py"), NOTHING);
    }

    #[test]
    fn patterns_with_spaces_and_folders_that_are_not_utf8_work() {
        assert_eq!(generated("\"a b.js\" linguist-generated", "a b.js"), Some(true));
        let mut attributes = Attributes::default();
        attributes.enter(b"", None);
        attributes.enter(b"\xff/", Some(b"x.js linguist-generated"));
        assert_eq!(attributes.of(b"\xff/x.js").generated, Some(true));
    }

    #[test]
    fn a_pattern_that_backtracks_ends() {
        let pattern = "*a".repeat(60);
        let path = "a".repeat(4000);
        assert_eq!(generated(&format!("{pattern}b linguist-generated"), &path), None);
    }
}
