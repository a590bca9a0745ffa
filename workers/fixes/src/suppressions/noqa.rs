//! ruff's comments: `# noqa`, `# noqa: F401`, and for whole files `# ruff: noqa`.
//!
//! They are read as ruff reads them. A finding is suppressed by a comment on the line where it starts; if a
//! string of several lines or a continued line starts there, on the last line of that.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use tree_sitter::Node;

use crate::engine::walk;
use crate::rules::python::code_style::opening_quotes;
use crate::rules::python::lines::{full_lines, has_line_break, indentation, line_end, line_start, next_line};
use crate::rules::python::literal_types::{has_letter, prefix_of};
use crate::rules::python::ruff_codes::current;
use crate::source::ParsedFile;

/// All such comments of a file.
#[derive(Debug)]
pub(crate) struct Directives<'t> {
    /// Those that count for a line, in order.
    pub(crate) lines: Vec<LineDirective<'t>>,
    /// Those that count for the file, in order.
    pub(crate) files: Vec<Directive<'t>>,
    /// A finding that starts in one of these ranges is suppressed where the range ends. In order, apart.
    moved: Vec<Range<usize>>,
    /// What `files` names.
    exempt: HashSet<&'t str>,
    /// Whether one of `files` names everything.
    is_all_exempt: bool,
    /// What `files` has suppressed.
    exempted: RefCell<HashSet<&'static str>>,
}

/// One such comment.
#[derive(Debug)]
pub(crate) struct Directive<'t> {
    /// From the `#` to the last code.
    pub(crate) range: Range<usize>,
    /// The whole comment.
    pub(super) comment: Range<usize>,
    /// The codes in order; `None` suppresses everything.
    pub(crate) codes: Option<Vec<&'t str>>,
}

/// One that counts for its line.
#[derive(Debug)]
pub(crate) struct LineDirective<'t> {
    pub(crate) directive: Directive<'t>,
    /// What it has suppressed.
    suppressed: RefCell<HashSet<&'static str>>,
    /// Its line; the end is a part of it at the end of the file only.
    line: Range<usize>,
    /// The rules that the codes mean today.
    names: HashSet<&'t str>,
}

impl<'t> Directives<'t> {
    /// Reads the comments; `None` if there is nothing to read.
    pub(super) fn of(file: &ParsedFile<'t>) -> Option<Self> {
        const WORD: &[u8] = b"noqa";
        if !file.bytes.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD)) {
            return None;
        }
        let (mut lines, mut files) = (Vec::new(), Vec::new());
        for comment in file.comments() {
            // What is not UTF-8 ends a directive.
            let Some(chunk) = file.bytes_of(comment.clone()).utf8_chunks().next() else { continue };
            if let Some(directive) = Directive::parse(chunk.valid(), comment.start, Some) {
                lines.push(LineDirective::of(file, directive));
            }
            if indentation(file.bytes, comment.start).is_some() {
                files.extend(Directive::parse(chunk.valid(), comment.start, behind_linter_name));
            }
        }
        if lines.is_empty() && files.is_empty() {
            return None;
        }
        let moved = if lines.is_empty() { Vec::new() } else { moved_ranges(file) };
        let exempt = files.iter().flat_map(Directive::rules).collect();
        let is_all_exempt = files.iter().any(|directive| directive.codes.is_none());
        Some(Self { lines, files, moved, exempt, is_all_exempt, exempted: RefCell::default() })
    }

    /// Whether the file is exempt from the rule.
    #[must_use]
    pub(crate) fn exempt_file_from(&self, rule: &str) -> bool {
        self.is_all_exempt || self.exempt.contains(rule)
    }

    /// Whether a comment suppresses what `rule` finds at the byte `at`; remembers that it does.
    pub(super) fn suppress(&self, at: usize, rule: &'static str) -> bool {
        if self.exempt_file_from(rule) {
            self.exempted.borrow_mut().insert(rule);
            return true;
        }
        let at = self.moved(at);
        let index = self.lines.partition_point(|directive| directive.line.end <= at);
        let Some(line) = self.lines.get(index).filter(|directive| directive.line.start <= at) else {
            return false;
        };
        let is_named = line.directive.codes.is_none() || line.names.contains(rule);
        if is_named {
            line.suppressed.borrow_mut().insert(rule);
        }
        is_named
    }

    /// Whether the comments for the file have suppressed a finding of `rule`.
    #[must_use]
    pub(crate) fn file_has_suppressed(&self, rule: &str) -> bool {
        self.exempted.borrow().contains(rule)
    }

    /// The codes that have suppressed nothing, each with its comment.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&Range<usize>, &'t str)> {
        let of_lines = self.lines.iter().flat_map(|line| {
            let codes = line.directive.codes.iter().flatten();
            let unused = codes.filter(|code| !line.has_suppressed(current(code)));
            unused.map(|code| (&line.directive.comment, *code))
        });
        let of_files = self.files.iter().flat_map(|directive| {
            let codes = directive.codes.iter().flatten();
            let unused = codes.filter(|code| !self.file_has_suppressed(current(code)));
            unused.map(|code| (&directive.comment, *code))
        });
        of_lines.chain(of_files)
    }

    fn moved(&self, at: usize) -> usize {
        let index = self.moved.partition_point(|range| range.end <= at);
        self.moved.get(index).filter(|range| range.start <= at).map_or(at, |range| range.end)
    }
}

impl<'t> LineDirective<'t> {
    fn of(file: &ParsedFile<'t>, directive: Directive<'t>) -> Self {
        let at = directive.range.start;
        let end = line_end(file.bytes, at);
        let is_last = end == file.bytes.len();
        let line = line_start(file.bytes, at)..end + usize::from(is_last);
        let names = directive.rules().collect();
        Self { directive, suppressed: RefCell::default(), line, names }
    }

    /// Whether it has suppressed a finding of `rule`.
    #[must_use]
    pub(crate) fn has_suppressed(&self, rule: &str) -> bool {
        self.suppressed.borrow().contains(rule)
    }
}

impl<'t> Directive<'t> {
    /// The rules that the codes mean today.
    fn rules(&self) -> impl Iterator<Item = &'t str> + '_ {
        self.codes.iter().flatten().copied().map(current)
    }

    /// Looks for a directive in the comment that starts at `start`: a `#`, then what `skip` skips, then `noqa`.
    /// The first one counts, and if it cannot be read, none does.
    fn parse(comment: &'t str, start: usize, skip: impl Fn(&'t str) -> Option<&'t str>) -> Option<Self> {
        for (at, _) in comment.match_indices('#') {
            let behind = skip(comment[at + 1..].trim_start()).filter(|behind| starts_with_noqa(behind));
            let Some(behind) = behind else { continue };
            let rest = &behind["noqa".len()..];
            let codes = read_codes(rest)?;
            let end = match codes.as_ref().and_then(|codes| codes.last()) {
                Some(last) => offset_in(comment, last) + last.len(),
                None => offset_in(comment, rest),
            };
            return Some(Self {
                range: start + at..start + end,
                comment: start..start + comment.len(),
                codes,
            });
        }
        None
    }
}

/// Where `part`, a slice of `text`, starts in it.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn starts_with_noqa(text: &str) -> bool {
    text.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("noqa"))
}

/// What follows `ruff:` or `flake8:`.
fn behind_linter_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix("ruff").or_else(|| text.strip_prefix("flake8"))?;
    Some(name.trim_start().strip_prefix(':')?.trim_start())
}

/// Reads what follows `noqa`: codes, or `Some(None)` for a directive without codes. `None` if it is neither.
fn read_codes(text: &str) -> Option<Option<Vec<&str>>> {
    let behind = text.trim_start();
    if let Some(list) = behind.strip_prefix(':') {
        let codes = read_code_list(list)?;
        return (!codes.is_empty()).then_some(Some(codes));
    }
    let is_blanket = behind.is_empty() || behind.len() < text.len() || text.starts_with('#');
    is_blanket.then_some(None)
}

/// Codes with commas or white space between them, up to what is no code. `None` where one runs on into
/// something else.
fn read_code_list(text: &str) -> Option<Vec<&str>> {
    let mut codes = Vec::new();
    let mut rest = text;
    let mut is_joined = false;
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix(',') {
            rest = behind;
            continue;
        }
        let n_letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let n_digits = rest[n_letters..].bytes().take_while(u8::is_ascii_digit).count();
        if n_letters == 0 || n_digits == 0 {
            // `F401Fabc` is a mistake, `F401 A comment` is not.
            return if is_joined && n_letters > 0 { None } else { Some(codes) };
        }
        let (code, behind) = rest.split_at(n_letters + n_digits);
        codes.push(code);
        is_joined = match behind.chars().next() {
            None => return Some(codes),
            Some(',' | '#') => false,
            Some(next) if next.is_whitespace() => false,
            Some(next) if next.is_ascii_uppercase() => true,
            Some(_) => return None,
        };
        rest = behind;
    }
}

/// The lines whose findings are suppressed further down: strings of several lines, continued lines, and the
/// line that names an interpreter.
fn moved_ranges(file: &ParsedFile<'_>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    if let Some(first) = file.comments().first()
        && file.bytes_of(0..first.start).iter().all(u8::is_ascii_whitespace)
        && file.bytes_of(first.clone()).starts_with(b"#!")
    {
        ranges.push(first.start..next_line(file.bytes, first.end));
    }
    let mut strings = Vec::new();
    walk(file.tree, |node, _| {
        let is_string = node.kind() == "string";
        if is_string {
            strings.push(node.byte_range());
            ranges.extend(moved_by_string(file, node));
        }
        !is_string
    });
    ranges.extend(continued_lines(file, &strings));
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}

/// Plain strings count if they are triple quoted, f-strings always.
fn moved_by_string(file: &ParsedFile<'_>, string: Node<'_>) -> Option<Range<usize>> {
    let range = string.byte_range();
    let prefix = prefix_of(file, string);
    let counts = has_letter(prefix, b'f')
        || has_letter(prefix, b't')
        || opening_quotes(file, string).len() == TRIPLE_QUOTE_LEN;
    let moves = counts && has_line_break(file.bytes_of(range.clone()));
    moves.then(|| line_start(file.bytes, range.start)..range.end)
}

const TRIPLE_QUOTE_LEN: usize = 3;

/// The lines that end with a backslash, outside of strings and comments.
fn continued_lines(file: &ParsedFile<'_>, strings: &[Range<usize>]) -> Vec<Range<usize>> {
    let is_within = |ranges: &[Range<usize>], at: usize| {
        let index = ranges.partition_point(|range| range.end <= at);
        ranges.get(index).is_some_and(|range| range.start <= at)
    };
    let breaks_behind = |at: usize| matches!(file.bytes.get(at + 1), Some(b'\n' | b'\r'));
    let backslashes = file.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\\').map(|(at, _)| at);
    backslashes
        .filter(|at| breaks_behind(*at) && !is_within(strings, *at) && !is_within(file.comments(), *at))
        .map(|at| full_lines(file.bytes, &(at..at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::check;
    use crate::facts::Facts;
    use crate::language::Language;
    use crate::rule::RuleRef;
    use crate::rules::python::InvalidEscapeSequence;

    fn codes(comment: &str) -> Option<Option<Vec<&str>>> {
        Directive::parse(comment, 0, Some).map(|directive| directive.codes)
    }

    #[test]
    fn directives_are_read_as_ruff_reads_them() {
        for blanket in ["# noqa", "#NoQA", "# a # noqa", "# noqa# a", "# noqa a", "# noqa # a"] {
            assert_eq!(codes(blanket), Some(None), "{blanket}");
        }
        for (comment, wanted) in [
            ("# noqa: F401", vec!["F401"]),
            ("#noqa:F401,E501", vec!["F401", "E501"]),
            ("# noqa : F401 E501", vec!["F401", "E501"]),
            ("# noqa: F401, ,E501  why", vec!["F401", "E501"]),
            ("# noqa: F401E501", vec!["F401", "E501"]),
            ("# noqa: F401#a", vec!["F401"]),
            ("# noqa: F401 A comment", vec!["F401"]),
        ] {
            assert_eq!(codes(comment), Some(Some(wanted)), "{comment}");
        }
        for none in ["# noqaF401", "# noqa:", "# noqa: why", "# noqa: F401why", "# noqa: F401Fwhy", "# no qa"]
        {
            assert_eq!(codes(none), None, "{none}");
        }
    }

    #[test]
    fn a_directive_ends_with_its_last_code() {
        let range = |comment| Directive::parse(comment, 10, Some).unwrap().range;
        assert_eq!(range("# a  # noqa: F401, E501 why"), 15..33);
        assert_eq!(range("# noqa why"), 10..16);
        let file = Directive::parse("# flake8 : noqa: F401", 0, behind_linter_name).unwrap();
        assert_eq!((file.range, file.codes), (0..21, Some(vec!["F401"])));
    }

    fn lines_found(text: &str) -> Vec<usize> {
        let rules = [RuleRef::Default(&InvalidEscapeSequence)];
        let findings = check(text.as_bytes(), Language::Python, &Facts::default(), &rules);
        findings.iter().map(|finding| text[..finding.range.start].matches('\n').count() + 1).collect()
    }

    #[test]
    fn findings_are_suppressed_on_the_last_line_of_what_starts_on_theirs() {
        assert_eq!(lines_found("'\\d'  # noqa\n'\\d'\n"), [2]);
        assert_eq!(lines_found("'\\d'  # noqa: E501, W605\n'\\d'  # noqa: E501\n"), [2]);
        assert_eq!(lines_found("'''\n\\d\n'''  # noqa\n'''  # noqa\n\\d\n'''\n"), [5]);
        assert_eq!(lines_found("a = '\\d' + \\\n  '\\d' + \\\n  b  # noqa\n'\\d'\n"), [4]);
        assert!(lines_found("'\\d'\n# ruff: noqa: W605\n").is_empty());
        assert!(lines_found("'\\d'\n# flake8: noqa\n").is_empty());
        assert_eq!(lines_found("'\\d'\na  # ruff: noqa\n"), [1]);
    }

    proptest! {
        #[test]
        fn any_comment_is_read_without_a_panic(comment in "#[ #noqaNruff:,F4é]{0,24}") {
            for directive in [Directive::parse(&comment, 0, Some), Directive::parse(&comment, 0, behind_linter_name)] {
                prop_assert!(directive.is_none_or(|directive| directive.range.end <= comment.len()));
            }
        }
    }
}
