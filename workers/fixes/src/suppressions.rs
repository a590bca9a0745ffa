//! Comments that keep rules quiet: our own, and those of the linters that the rules come from.
//!
//! | comment | languages | covers |
//! |---|---|---|
//! | `nightmend-ignore[: rule, …] reason` | all | its line if code stands before it, else the next line of code |
//! | `nightmend-ignore-file[: rule, …] reason` | all | the file |
//! | `eslint-disable-line`, `eslint-disable-next-line`, `eslint-disable` … `eslint-enable` | ECMAScript | as in ESLint |
//! | `noqa[: CODE, …]`, `ruff: noqa`, `flake8: noqa` | Python | the line (of a multi-line string: all its lines), the file: see `noqa.rs` |
//! | `#[allow(clippy::…)]`, `#[expect(…)]`, `#![allow(…)]` | Rust | the item, statement or block |
//! | `//nolint[:rule, …]`, `//lint:ignore RULE reason`, `//lint:file-ignore` | Go | the line, or what follows the comment; the file |

pub(crate) mod noqa;

use std::cell::Cell;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::engine::position::Lines;
use crate::engine::walk;
use crate::language::Language;
use crate::report::Position;
use crate::rules::python::ruff_codes::current;
use crate::source::ParsedFile;

use noqa::Directives;

/// A suppressing comment that suppresses nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnusedSuppression {
    /// Where the comment starts.
    pub start: Position,
    /// The comment's text.
    pub text: String,
    /// The name in it that suppresses nothing; empty where it names none.
    pub rule: String,
}

/// All suppressing comments of a file.
#[derive(Debug)]
pub(crate) struct Suppressions<'t> {
    all: Vec<Suppression>,
    /// ruff's, in Python.
    noqa: Option<Directives<'t>>,
    n_suppressed: Cell<usize>,
}

#[derive(Debug)]
struct Suppression {
    /// Byte ranges in which findings must start.
    covers: Range<usize>,
    /// As the comment names it; `None` for every rule.
    rule: Option<String>,
    /// Whose comment it is: only rules of that origin listen; `None` for all.
    origin: Option<&'static str>,
    start: Position,
    text: String,
    is_used: Cell<bool>,
}

impl<'t> Suppressions<'t> {
    /// Reads the comments (and in Rust the attributes) of a file.
    pub(crate) fn of(file: &ParsedFile<'t>) -> Self {
        let mut reader = Reader { file, lines: None, all: Vec::new(), open: Vec::new() };
        for comment in file.comments() {
            reader.read_comment(comment.clone());
        }
        if file.language == Language::Rust {
            reader.read_attributes();
        }
        let all = reader.all;
        let noqa = (file.language == Language::Python).then(|| Directives::of(file)).flatten();
        Self { all, noqa, n_suppressed: Cell::new(0) }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.noqa.is_none()
    }

    /// Whether what `rule` has to say of the byte `at` is suppressed. Whoever asks must not report it then:
    /// the engine asks for each finding, and rules that group what they find ask before they do.
    pub(crate) fn suppress(&self, at: usize, rule: &'static str, origin: &str) -> bool {
        let listens = |one: &&Suppression| {
            one.covers.contains(&at)
                && one.origin.is_none_or(|whose| whose == family(origin))
                && one.names(rule)
        };
        let mut is_suppressed = false;
        for one in self.all.iter().filter(listens) {
            one.is_used.set(true);
            is_suppressed = true;
        }
        // The rule about ruff's comments reads itself whether they mean it.
        let noqa = self.noqa.as_ref().filter(|_| family(origin) == "ruff" && rule != "RUF100");
        is_suppressed |= noqa.is_some_and(|noqa| noqa.suppress(at, rule));
        self.n_suppressed.set(self.n_suppressed.get() + usize::from(is_suppressed));
        is_suppressed
    }

    /// How many times something was suppressed.
    pub(crate) fn n_suppressed(&self) -> usize {
        self.n_suppressed.get()
    }

    /// ruff's comments in a Python file, if there are any.
    pub(crate) fn noqa(&self) -> Option<&Directives<'t>> {
        self.noqa.as_ref()
    }

    /// The suppressions that were of no use, of rules that `ran`.
    pub(crate) fn unused(&self, file: &ParsedFile<'_>, ran: impl Fn(&str) -> bool) -> Vec<UnusedSuppression> {
        let has_run = |name: &str| known_id(name).is_some_and(&ran);
        let is_unused =
            |one: &&Suppression| !one.is_used.get() && one.rule.as_ref().is_some_and(|name| has_run(name));
        let mut unused: Vec<UnusedSuppression> = self
            .all
            .iter()
            .filter(is_unused)
            .map(|one| UnusedSuppression {
                start: one.start,
                text: one.text.clone(),
                rule: one.rule.clone().unwrap_or_default(),
            })
            .collect();
        let codes = self.noqa.iter().flat_map(Directives::unused);
        let mut codes = codes.filter(|(_, code)| has_run(current(code))).peekable();
        if codes.peek().is_some() {
            let lines = Lines::new(file.bytes);
            unused.extend(codes.map(|(comment, code)| UnusedSuppression {
                start: lines.position(comment.start),
                text: String::from_utf8_lossy(file.bytes_of(comment.clone())).into_owned(),
                rule: code.to_owned(),
            }));
        }
        unused.sort();
        unused
    }
}

/// Linters that share one way of suppressing.
fn family(origin: &str) -> &'static str {
    match origin {
        "ESLint" | "typescript-eslint" | "unicorn" | "react" => "eslint",
        "ruff" => "ruff",
        "clippy" => "clippy",
        "staticcheck" | "gofmt" | "modernize" => "go",
        _ => "",
    }
}

fn known_id(name: &str) -> Option<&'static str> {
    crate::catalogue::find(name).map(|rule| rule.meta().id)
}

impl Suppression {
    /// `dot-notation` is ESLint's own; typescript-eslint has a rule of that name too, spelled with its prefix.
    fn means(&self, name: &str, rule: &str) -> bool {
        let known = known_id(name) == Some(rule);
        let is_of_plugin =
            || crate::catalogue::find(rule).is_some_and(|known| known.meta().origin != "ESLint");
        known && (self.origin != Some("eslint") || !name.contains('/') || is_of_plugin())
    }

    fn names(&self, rule: &str) -> bool {
        let Some(name) = &self.rule else { return true };
        name == rule
            || self.means(name, rule)
            // `clippy::all` means more than one rule.
            || self.origin == Some("clippy") && CLIPPY_GROUPS.contains(&name.as_str())
            || self.origin == Some("go") && matches!(name.as_str(), "all" | "staticcheck" | "gosimple" | "stylecheck")
    }
}

const CLIPPY_GROUPS: &[&str] = &["all", "style", "complexity"];

struct Reader<'f, 't> {
    file: &'f ParsedFile<'t>,
    lines: Option<Lines<'t>>,
    all: Vec<Suppression>,
    /// `eslint-disable` without its `eslint-enable` yet: indices into `all`.
    open: Vec<usize>,
}

/// What a comment says, and to which places.
struct Said<'a> {
    comment: Range<usize>,
    covers: Range<usize>,
    /// Names, separated by commas; empty for every rule.
    names: &'a str,
    origin: Option<&'static str>,
}

impl<'t> Reader<'_, 't> {
    fn lines(&mut self) -> &Lines<'t> {
        self.lines.get_or_insert_with(|| Lines::new(self.file.bytes))
    }

    fn read_comment(&mut self, comment: Range<usize>) {
        let Ok(text) = std::str::from_utf8(self.file.bytes_of(comment.clone())) else { return };
        let body = text.trim_start_matches(['/', '*', '#', '!', ' ', '\t', '\n', '\r']);
        let body = body.trim_end_matches("*/").trim_end();
        if let Some(rest) = body.strip_prefix("nightmend-ignore") {
            self.read_own(comment, rest);
            return;
        }
        match self.file.language {
            Language::JavaScript | Language::TypeScript | Language::Tsx => {
                self.read_eslint(comment, text, body)
            }
            Language::Go => self.read_go(comment, text),
            // Of Python `noqa` reads them, of Rust `read_attributes`.
            Language::Python | Language::Rust => {}
        }
    }

    /// What follows `nightmend-ignore`.
    fn read_own(&mut self, comment: Range<usize>, rest: &str) {
        let (is_file, rest) = match rest.strip_prefix("-file") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let names = match rest.strip_prefix(':') {
            Some(list) => leading_list(list.trim_start()),
            None if rest.is_empty() || rest.starts_with(char::is_whitespace) => "",
            None => return,
        };
        let covers = if is_file { 0..usize::MAX } else { self.line_or_next(&comment) };
        self.add(&Said { comment, covers, names, origin: None });
    }

    fn read_eslint(&mut self, comment: Range<usize>, text: &str, body: &str) {
        let Some(rest) = body.strip_prefix("eslint-") else { return };
        let (command, list) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        // What follows two dashes is the reason.
        let names = list.split(" --").next().unwrap_or_default().trim();
        let origin = Some("eslint");
        let is_block = text.starts_with("/*");
        match command {
            "disable-line" => {
                let covers = self.line_of(comment.start);
                self.add(&Said { comment, covers, names, origin });
            }
            "disable-next-line" => {
                let covers = self.line_after(comment.end);
                self.add(&Said { comment, covers, names, origin });
            }
            "disable" if is_block => {
                let n_before = self.all.len();
                self.add(&Said { covers: comment.start..usize::MAX, comment, names, origin });
                self.open.extend(n_before..self.all.len());
            }
            "enable" if is_block => self.enable(comment.start, names),
            _ => {}
        }
    }

    /// Ends the reach of what is disabled.
    fn enable(&mut self, at: usize, names: &str) {
        let names: Vec<&str> = split_names(names).collect();
        let mut still_open = Vec::new();
        for index in std::mem::take(&mut self.open) {
            let one = &mut self.all[index];
            let is_named = one.rule.as_deref().is_some_and(|rule| names.contains(&rule));
            if names.is_empty() || is_named {
                one.covers.end = at;
            } else {
                still_open.push(index);
            }
        }
        self.open = still_open;
    }

    fn read_go(&mut self, comment: Range<usize>, text: &str) {
        let origin = Some("go");
        if let Some(rest) = text.strip_prefix("//lint:") {
            let mut words = rest.split_whitespace();
            let covers = match words.next() {
                Some("ignore") => self.line_or_next(&comment),
                Some("file-ignore") => 0..usize::MAX,
                _ => return,
            };
            let names = words.next().unwrap_or_default();
            self.add(&Said { comment, covers, names, origin });
            return;
        }
        let rest = text.strip_prefix("//").map(str::trim_start).and_then(|text| text.strip_prefix("nolint"));
        let names = match rest {
            None => return,
            Some(rest) => match rest.strip_prefix(':') {
                Some(list) => leading_list(list.trim_start()),
                None if rest.trim().is_empty() || rest.trim_start().starts_with("//") => "",
                None => return,
            },
        };
        let covers = if self.stands_alone(&comment) {
            self.node_after(comment.end)
        } else {
            self.line_of(comment.start)
        };
        self.add(&Said { comment, covers, names, origin });
    }

    /// The largest node that starts behind `at`.
    fn node_after(&mut self, at: usize) -> Range<usize> {
        let Some(token) = self.file.token_after(at) else { return at..at };
        let (start, root) = (token.start_byte(), self.file.tree.root_node());
        let widest = std::iter::once(token).chain(self.file.ancestors(token));
        let widest = widest.take_while(|node| node.start_byte() == start).filter(|node| *node != root);
        widest.last().map_or(at..at, |node| node.byte_range())
    }

    fn read_attributes(&mut self) {
        let mut found: Vec<(Range<usize>, Range<usize>, String)> = Vec::new();
        let mut pending: Vec<Node<'_>> = Vec::new();
        walk(self.file.tree, |node, _| {
            match node.kind() {
                "attribute_item" => pending.push(node),
                "inner_attribute_item" => {
                    let covers = self.file.parent(node).map_or(0..usize::MAX, |around| around.byte_range());
                    let covers = if covers.start == 0 { 0..usize::MAX } else { covers };
                    found.extend(
                        allowed(self.file, node).map(|name| (node.byte_range(), covers.clone(), name)),
                    );
                }
                _ => {
                    let is_next = |attribute: &Node<'_>| attribute.end_byte() <= node.start_byte();
                    if node.is_named() && !node.kind().ends_with("comment") && pending.iter().any(is_next) {
                        for attribute in pending.drain(..) {
                            let names = allowed(self.file, attribute);
                            found.extend(names.map(|name| (attribute.byte_range(), node.byte_range(), name)));
                        }
                    }
                }
            }
            !node.kind().ends_with("attribute_item")
        });
        for (comment, covers, names) in found {
            self.add(&Said { comment, covers, names: &names, origin: Some("clippy") });
        }
    }

    fn add(&mut self, said: &Said<'_>) {
        let start = said.comment.start;
        let position = self.lines().position(start);
        let text = String::from_utf8_lossy(self.file.bytes_of(said.comment.clone())).into_owned();
        let names: Vec<Option<String>> = match said.names {
            "" => vec![None],
            list => split_names(list).map(|name| Some(name.to_owned())).collect(),
        };
        self.all.extend(names.into_iter().map(|rule| Suppression {
            covers: said.covers.clone(),
            rule,
            origin: said.origin,
            start: position,
            text: text.clone(),
            is_used: Cell::new(false),
        }));
    }

    fn line_of(&mut self, at: usize) -> Range<usize> {
        self.lines().line_around(at)
    }

    fn line_after(&mut self, at: usize) -> Range<usize> {
        let end = self.line_of(at).end;
        if end >= self.file.bytes.len() { end..end } else { self.line_of(end + 1) }
    }

    /// Whether nothing but white space stands before the comment in its line.
    fn stands_alone(&mut self, comment: &Range<usize>) -> bool {
        let line = self.line_of(comment.start);
        self.file.bytes_of(line.start..comment.start).iter().all(u8::is_ascii_whitespace)
    }

    /// The comment's line, or the next line of code where it stands alone.
    fn line_or_next(&mut self, comment: &Range<usize>) -> Range<usize> {
        if !self.stands_alone(comment) {
            return self.line_of(comment.start);
        }
        match self.file.token_after(comment.end) {
            Some(token) => self.line_of(token.start_byte()),
            None => comment.end..comment.end,
        }
    }
}

/// The lints that `allow(…)` or `expect(…)` names, clippy's own without their prefix.
fn allowed(file: &ParsedFile<'_>, attribute: Node<'_>) -> std::vec::IntoIter<String> {
    let text = file.text(attribute);
    let text = text.trim_start_matches(['#', '!', '[', ' ']);
    let list =
        ["allow", "expect"].iter().find_map(|word| text.strip_prefix(word)?.trim_start().strip_prefix('('));
    let names = list.and_then(|list| list.split(')').next()).unwrap_or_default();
    let clippy = names.split(',').filter_map(|name| name.trim().strip_prefix("clippy::")).map(str::to_owned);
    clippy.collect::<Vec<_>>().into_iter()
}

fn split_names(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ', '\t', '\n']).map(str::trim).filter(|name| !name.is_empty())
}

/// The names at the start of `text`, separated by commas: what follows the first space that no comma precedes is
/// the reason.
fn leading_list(text: &str) -> &str {
    let mut end = 0;
    for part in text.split_inclusive(',') {
        let word = part.trim_start();
        let stop = word.find(|next: char| next.is_whitespace() || next == '/');
        match stop {
            Some(at) => return text[..end + (part.len() - word.len()) + at].trim_end_matches(','),
            None => end += part.len(),
        }
    }
    text[..end].trim_end_matches(',')
}

#[cfg(test)]
mod tests {
    use crate::facts::NO_FACTS;
    use crate::language::Language;
    use crate::{Engine, FixLevel, RuleSpec};

    fn lines(rule: &str, language: Language, text: &str) -> Vec<u32> {
        let engine = Engine::new([rule], FixLevel::None).unwrap();
        engine
            .mend(text.as_bytes(), language, &NO_FACTS)
            .findings
            .iter()
            .map(|found| found.start.line)
            .collect()
    }

    #[test]
    fn our_own_comment_covers_its_line_or_the_next_line_of_code() {
        let text = "a == 1; // nightmend-ignore: eqeqeq because it is old\n\
                    // nightmend-ignore\n\n\
                    b == 1;\n\
                    c == 1; // nightmend-ignore: no-var this is another rule\n\
                    d == 1; // nightmend-ignored\n";
        assert_eq!(lines("eqeqeq", Language::JavaScript, text), [5, 6]);
        let whole = format!("// nightmend-ignore-file: no-var, eqeqeq generated\n{text}");
        assert_eq!(lines("eqeqeq", Language::JavaScript, &whole), Vec::<u32>::new());
    }

    #[test]
    fn eslint_comments_reach_as_far_as_in_eslint() {
        let text = "a == 1; // eslint-disable-line eqeqeq -- old\n\
                    // eslint-disable-next-line\n\
                    b == 1;\n\
                    /* eslint-disable no-var, eqeqeq */\n\
                    c == 1;\n\
                    /* eslint-enable eqeqeq */\n\
                    d == 1; // eslint-disable no-comment-of-a-line-does-this\n";
        assert_eq!(lines("eqeqeq", Language::JavaScript, text), [7]);
    }

    #[test]
    fn noqa_covers_the_line_and_the_string_that_ends_on_it() {
        let text = "a == None  # noqa: E711\n\
                    b == None  # NOQA\n\
                    c == None  # noqa: F401, E501 for a reason\n\
                    d == None  # noqa:E501,E711\n\
                    e(\"\"\"\n\"\"\") == None  # noqa: E711\n\
                    f == None  # noqable\n";
        assert_eq!(lines("E711", Language::Python, text), [3, 7]);
        assert_eq!(
            lines("E711", Language::Python, &format!("# ruff: noqa: E711\n{text}")),
            Vec::<u32>::new()
        );
    }

    #[test]
    fn noqa_is_used_by_rules_that_group_their_findings() {
        let text = "import os  # noqa: F401\n\
                    import sys  # noqa: F401\n\
                    sys\n\
                    from a import (  # noqa: F401\n    b,\n    c,\n)\n";
        let engine = Engine::new(["F401", "RUF100"], FixLevel::Safe).unwrap();
        let report = engine.mend(text.as_bytes(), Language::Python, &NO_FACTS);
        let found: Vec<(u32, &str)> =
            report.findings.iter().map(|found| (found.start.line, &*found.rule)).collect();
        assert_eq!((found, report.n_suppressed), (vec![(2, "RUF100")], 3));
        let unused: Vec<(u32, &str)> =
            report.unused_suppressions.iter().map(|unused| (unused.start.line, &*unused.rule)).collect();
        assert_eq!(unused, [(2, "F401")]);
        assert!(report.dropped.is_empty());
    }

    #[test]
    fn what_suppresses_nothing_is_listed() {
        let text = "a === 1; // eslint-disable-line eqeqeq\nb; // nightmend-ignore: no-var\nc == 1; // eslint-disable-line eqeqeq\n";
        let specs = [RuleSpec::new("eqeqeq")];
        let report = Engine::with_specs(&specs, FixLevel::None).unwrap().mend(
            text.as_bytes(),
            Language::JavaScript,
            &NO_FACTS,
        );
        assert_eq!(report.n_suppressed, 1);
        let unused: Vec<(u32, &str)> =
            report.unused_suppressions.iter().map(|unused| (unused.start.line, &*unused.rule)).collect();
        assert_eq!(unused, [(1, "eqeqeq")]);
    }
}
