//! `UP009`: `# -*- coding: utf-8 -*-`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::lines::{BYTE_ORDER_MARK, full_lines, is_blank};

rule_type! {
    /// ## What it does
    /// Finds comments that declare the file to be UTF-8 (ruff's `utf8-encoding-declaration`).
    ///
    /// ## Why is this bad?
    /// Python 3 reads source files as UTF-8 anyway; the comment is a leftover from Python 2.
    ///
    /// ## Example
    /// ```python
    /// # -*- coding: utf-8 -*-
    /// print("done")
    /// ```
    /// Use instead:
    /// ```python
    /// print("done")
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the line goes. It is left where a comment behind it, which would then count, declares another
    /// encoding.
    pub struct CodingComment;
}

static META: Meta = Meta {
    id: "UP009",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds comments that declare the encoding to be UTF-8.",
    docs: CodingComment::MANUAL,
};

impl Rule for CodingComment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module"]
    }

    fn edits_comments(&self) -> bool {
        true
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, _node: Node<'t>, out: &mut Vec<Finding>) {
        let mut comments = LeadingComments::of(file).skip_while(|(_, encoding)| encoding.is_none());
        let Some((comment, Some(Encoding::Utf8))) = comments.next() else { return };
        if n_lines_above(file.bytes, comment.start) > 1 {
            return;
        }
        let next = [comments.next(), comments.next()].map(|comment| comment.map(|(_, encoding)| encoding));
        let is_overruled =
            matches!(next, [Some(Some(Encoding::Other)), _] | [Some(None), Some(Some(Encoding::Other))]);
        if !is_overruled {
            let fix = Fix::safe(vec![Edit::delete(full_lines(file.bytes, &comment))]);
            let finding = Finding::new(&META, comment, "UTF-8 encoding declaration is unnecessary");
            out.push(finding.with_fix(fix));
        }
    }
}

fn n_lines_above(bytes: &[u8], at: usize) -> usize {
    let above = &bytes[..at];
    let is_break = |(index, byte): (usize, &u8)| match byte {
        b'\n' => true,
        b'\r' => above.get(index + 1) != Some(&b'\n'),
        _ => false,
    };
    above.iter().enumerate().filter(|&line_break| is_break(line_break)).count()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Other,
}

/// The comments before any code, each with the encoding that it declares.
struct LeadingComments<'f, 't> {
    file: &'f ParsedFile<'t>,
    comments: std::slice::Iter<'f, Range<usize>>,
    /// Where the comment before ends.
    read_to: usize,
}

impl<'f, 't> LeadingComments<'f, 't> {
    fn of(file: &'f ParsedFile<'t>) -> Self {
        let read_to = if file.bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Self { file, comments: file.comments().iter(), read_to }
    }
}

impl Iterator for LeadingComments<'_, '_> {
    type Item = (Range<usize>, Option<Encoding>);

    fn next(&mut self) -> Option<Self::Item> {
        let comment = self.comments.next()?.clone();
        let bytes = self.file.bytes;
        let between = &bytes[self.read_to.min(comment.start)..comment.start];
        if !between.iter().all(u8::is_ascii_whitespace) {
            self.comments = [].iter();
            return None;
        }
        self.read_to = comment.end;
        let line = &bytes[full_lines(bytes, &(comment.start..comment.start))];
        let encoding = declared_encoding(line).map(|name| match name {
            b"utf8" | b"utf-8" => Encoding::Utf8,
            _ => Encoding::Other,
        });
        Some((comment, encoding))
    }
}

/// The name in `# … coding: name` (PEP 263).
fn declared_encoding(line: &[u8]) -> Option<&[u8]> {
    let indent = line.iter().take_while(|byte| is_blank(**byte)).count();
    let mut rest = line[indent..].strip_prefix(b"#")?;
    const KEY: &[u8] = b"coding";
    while let Some(at) = rest.windows(KEY.len()).position(|window| window == KEY) {
        rest = &rest[at + KEY.len()..];
        if let [b':' | b'=', value @ ..] = rest {
            let blank = value.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let name = &value[blank..];
            let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            let len = name.iter().take_while(is_part).count();
            if len > 0 {
                return Some(&name[..len]);
            }
        }
    }
    None
}
