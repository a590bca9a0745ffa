//! Applying edits: which fixes go into one pass, and what bytes come out.
//!
//! One pass is ESLint's: fixes in the order of their places, each with the hull of its edits; a fix that touches
//! one already taken waits for the next pass.

use std::ops::Range;

use crate::rule::{Applicability, Edit, Finding, Fix};

/// The fixes of one pass, in order: no two of them touch.
#[must_use]
pub fn select(findings: &[Finding], max: Applicability) -> Vec<&Finding> {
    let mut candidates: Vec<(&Finding, &Range<usize>)> = findings
        .iter()
        .filter_map(|finding| {
            let fix = finding.fix.as_ref()?;
            (fix.applicability <= max).then_some((finding, &fix.claims))
        })
        .collect();
    candidates.sort_by_key(|(finding, claims)| (claims.start, claims.end, finding.range.start, finding.rule));
    let mut taken_to = None;
    candidates.retain(|(_, claims)| {
        let free = taken_to.is_none_or(|end| end < claims.start);
        if free {
            taken_to = Some(claims.end);
        }
        free
    });
    candidates.into_iter().map(|(finding, _)| finding).collect()
}

/// Applies one pass of fixes of at most `max` applicability.
#[must_use]
pub fn apply_once(bytes: &[u8], findings: &[Finding], max: Applicability) -> Vec<u8> {
    let line_end = LineEnd::of(bytes);
    let fixes = select(findings, max).into_iter().filter_map(|finding| finding.fix.as_ref());
    apply(bytes, &fixes.flat_map(|fix| line_end.edits_of(fix)).collect::<Vec<_>>())
}

/// Applies edits that [`are_well_formed`].
#[must_use]
pub fn apply(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut mended =
        Vec::with_capacity(bytes.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut copied_to = 0;
    for edit in edits {
        mended.extend_from_slice(&bytes[copied_to..edit.range.start]);
        mended.extend_from_slice(edit.text.as_bytes());
        copied_to = edit.range.end;
    }
    mended.extend_from_slice(&bytes[copied_to..]);
    mended
}

/// Whether `edits` are sorted, do not overlap and lie within a text of `len` bytes.
#[must_use]
pub fn are_well_formed(edits: &[Edit], len: usize) -> bool {
    edits.iter().all(|edit| edit.range.start <= edit.range.end && edit.range.end <= len)
        && edits.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start)
}

/// How a file ends its lines: what the first line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

impl LineEnd {
    /// The line end of the first line; `\n` if there is only one line.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes.iter().position(|&byte| byte == b'\n') {
            Some(at) if at > 0 && bytes[at - 1] == b'\r' => Self::CrLf,
            _ => Self::Lf,
        }
    }

    /// The edits of a fix in order, their line ends spelled as in the file.
    #[must_use]
    pub fn edits_of(self, fix: &Fix) -> Vec<Edit> {
        let mut edits: Vec<Edit> = fix
            .edits
            .iter()
            .map(|edit| Edit { range: edit.range.clone(), text: self.spell(&edit.text) })
            .collect();
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        edits
    }

    fn spell(self, text: &str) -> String {
        match self {
            Self::Lf => text.to_owned(),
            Self::CrLf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(edits: Vec<Edit>) -> Finding {
        Finding { rule: "r", range: 0..0, message: String::new(), fix: Some(Fix::safe(edits)) }
    }

    #[test]
    fn touching_fixes_wait_for_the_next_pass() {
        let findings = [finding(vec![Edit::replace(2..4, "XY")]), finding(vec![Edit::replace(0..2, "ab")])];
        assert_eq!(apply_once(b"0123", &findings, Applicability::Safe), b"ab23");
    }

    #[test]
    fn the_text_between_the_edits_of_a_fix_is_claimed() {
        let outer = finding(vec![Edit::delete(0..1), Edit::delete(5..6)]);
        let findings = [finding(vec![Edit::delete(3..4)]), outer];
        assert_eq!(apply_once(b"(abcd)e", &findings, Applicability::Safe), b"abcde");
    }

    #[test]
    fn unsafe_fixes_wait_for_leave() {
        let mut finding = finding(vec![Edit::insert(0, "x")]);
        finding.fix.as_mut().unwrap().applicability = Applicability::Unsafe;
        assert_eq!(apply_once(b"1", &[finding.clone()], Applicability::Safe), b"1");
        assert_eq!(apply_once(b"1", &[finding], Applicability::Unsafe), b"x1");
    }

    #[test]
    fn line_ends_are_those_of_the_file() {
        let findings = [finding(vec![Edit::insert(3, "b\n")])];
        assert_eq!(apply_once(b"a\r\nc\r\n", &findings, Applicability::Safe), b"a\r\nb\r\nc\r\n");
    }
}
