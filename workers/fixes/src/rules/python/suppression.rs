//! Comments that keep ruff from reporting: `# noqa`, `# noqa: F401`, `# ruff: noqa: F401`.

use std::ops::Range;

use crate::source::ParsedFile;

/// The comments of a file that keep findings back.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    of_file: Vec<Directive>,
    /// Comments and what they say of the line that they are on, in order.
    of_lines: Vec<(Range<usize>, Directive)>,
}

/// What a comment says.
#[derive(Debug, PartialEq, Eq)]
enum Directive {
    None,
    All,
    Codes(Vec<String>),
}

impl Directive {
    fn covers(&self, code: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Codes(codes) => codes.iter().any(|known| known == code),
        }
    }
}

impl Suppressions {
    /// Reads the comments of `file`.
    pub(crate) fn of(file: &ParsedFile<'_>) -> Self {
        let mut suppressions = Self::default();
        for comment in file.comments() {
            let text = String::from_utf8_lossy(file.bytes_of(comment.clone()));
            if !text.to_ascii_lowercase().contains("noqa") {
                continue;
            }
            if is_own_line(file, comment.start) {
                suppressions.of_file.push(file_directive(&text));
            }
            suppressions.of_lines.push((comment.clone(), line_directive(&text)));
        }
        suppressions
    }

    /// Whether the rule `code` must be silent about what starts at byte `at`.
    pub(crate) fn cover(&self, file: &ParsedFile<'_>, code: &str, at: usize) -> bool {
        if self.of_file.iter().any(|directive| directive.covers(code)) {
            return true;
        }
        if self.of_lines.is_empty() {
            return false;
        }
        let line = end_of_logical_line(file, at);
        let next = self.of_lines.partition_point(|(comment, _)| comment.end <= line.start);
        self.of_lines
            .get(next)
            .is_some_and(|(comment, directive)| comment.start < line.end && directive.covers(code))
    }
}

/// The line on which a comment counts for what starts at `at`: behind strings of several lines and behind
/// backslashes.
fn end_of_logical_line(file: &ParsedFile<'_>, at: usize) -> Range<usize> {
    let bytes = file.bytes;
    let tokens = file.tokens();
    let mut line = line_at(bytes, at);
    loop {
        let text = bytes.get(line.clone()).unwrap_or_default();
        let next = tokens.partition_point(|token| token.end_byte() <= line.end);
        let across = tokens
            .get(next)
            .filter(|token| token.start_byte() < line.end && token.kind() != "line_continuation");
        if let Some(string) = across {
            line = line_at(bytes, string.end_byte());
        } else if text.trim_ascii_end().ends_with(b"\\")
            && line.end < bytes.len()
            && !file.has_comment_in(line.clone())
        {
            line = line_at(bytes, line.end + 1);
        } else {
            return line;
        }
    }
}

/// The line that holds byte `at`, without its end.
fn line_at(bytes: &[u8], at: usize) -> Range<usize> {
    let at = at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length);
    start..end
}

fn is_own_line(file: &ParsedFile<'_>, at: usize) -> bool {
    let line = line_at(file.bytes, at);
    file.bytes[line.start..at].iter().all(u8::is_ascii_whitespace)
}

/// Reads `# noqa…`, also behind other words in the comment.
fn line_directive(comment: &str) -> Directive {
    for part in comment.split('#').skip(1) {
        let part = part.trim_start();
        if part.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("noqa")) {
            return directive(&part[4..]);
        }
    }
    Directive::None
}

/// Reads `# ruff: noqa…` and `# flake8: noqa…`.
fn file_directive(comment: &str) -> Directive {
    for part in comment.split('#').skip(1) {
        let part = part.trim_start();
        let Some(rest) = part.strip_prefix("ruff").or_else(|| part.strip_prefix("flake8")) else { continue };
        let Some(rest) = rest.trim_start().strip_prefix(':') else { continue };
        let rest = rest.trim_start();
        if rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("noqa")) {
            return directive(&rest[4..]);
        }
    }
    Directive::None
}

/// Reads what follows `noqa`.
fn directive(rest: &str) -> Directive {
    if let Some(codes) = rest.trim_start().strip_prefix(':') {
        let codes = codes_in(codes);
        return if codes.is_empty() { Directive::None } else { Directive::Codes(codes) };
    }
    if rest.is_empty() || rest.starts_with(char::is_whitespace) { Directive::All } else { Directive::None }
}

/// Codes are capitals and digits, with commas or spaces or nothing between them.
fn codes_in(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
        let n_letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let n_digits = rest.bytes().skip(n_letters).take_while(u8::is_ascii_digit).count();
        if n_letters == 0 || n_digits == 0 {
            return codes;
        }
        let (code, more) = rest.split_at(n_letters + n_digits);
        codes.push(code.to_owned());
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read() {
        let codes = |codes: &[&str]| Directive::Codes(codes.iter().map(ToString::to_string).collect());
        assert_eq!(line_directive("# noqa"), Directive::All);
        assert_eq!(line_directive("# x # NoQA: F401,E501 why"), codes(&["F401", "E501"]));
        assert_eq!(line_directive("#noqa:F401F841"), codes(&["F401", "F841"]));
        assert_eq!(line_directive("# noqaF401"), Directive::None);
        assert_eq!(line_directive("# noqa: why"), Directive::None);
        assert_eq!(file_directive("# ruff: noqa: F401"), codes(&["F401"]));
        assert_eq!(file_directive("# flake8: noqa"), Directive::All);
    }
}
