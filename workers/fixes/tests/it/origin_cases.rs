//! Where the origin linters' cases lie, places in their units, and the tally that a rule must reach.

use std::path::PathBuf;

use fixes::Rule;
use serde::de::DeserializeOwned;

/// Reads one file of cases from beside the checkout. Where they are absent, it says so and there is nothing to
/// test, unless `NM_REQUIRE_RULE_CASES=1`.
pub(crate) fn read_cases<T: DeserializeOwned>(folder: &str, name: &str) -> Option<T> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/rule-cases")
        .join(folder)
        .join(format!("{name}.json"));
    let Ok(text) = std::fs::read(&path) else {
        let required = std::env::var("NM_REQUIRE_RULE_CASES").is_ok_and(|value| value == "1");
        assert!(!required, "rule cases are required and {} is not there", path.display());
        eprintln!("NOT TESTED: no rule cases at {}", path.display());
        return None;
    };
    Some(serde_json::from_slice(&text).expect("a file of cases is readable"))
}

pub(crate) fn rule(id: &str) -> &'static dyn Rule {
    let found = fixes::rules::ALL.iter().find(|rule| rule.meta().id == id);
    *found.unwrap_or_else(|| panic!("no rule `{id}` is registered"))
}

/// A place as linters give it: 1-based line, and column in the linter's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The place of byte `at`, the column as `width` counts the text before it in its line.
pub(crate) fn place(text: &str, at: usize, width: impl Fn(&str) -> usize) -> Place {
    let is_line_end = |character: char| matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let before = &text[..at];
    let crlf = before.matches("\r\n").count();
    let line = 1 + before.chars().filter(|&character| is_line_end(character)).count() - crlf;
    let start = before
        .rfind(is_line_end)
        .map_or(0, |end| end + before[end..].chars().next().map_or(0, char::len_utf8));
    Place { line, column: width(&before[start..]) }
}

/// How many cases did as the origin does.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) n_cases: usize,
    pub(crate) n_right: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, right: bool) -> bool {
        self.n_cases += 1;
        self.n_right += usize::from(right);
        right
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.n_right, self.n_cases)
    }
}
