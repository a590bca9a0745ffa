//! The result of a batch: what a worker found and mended, file by file. No clock, no worker, no attempt in it:
//! the same batch gives the same bytes wherever it ran.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::BatchId;

/// The result of one batch: stored sealed under `results/<batch id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchResult {
    /// Which batch; checked on read.
    pub batch: BatchId,
    /// What it was run with; checked on read.
    pub pipeline: Digest,
    /// One per file, in the order of the source pack.
    pub files: Vec<FileRow>,
}

impl BatchResult {
    /// Findings of all files.
    #[must_use]
    pub fn n_findings(&self) -> u64 {
        let of_file = |row: &FileRow| match &row.result {
            FileResult::Scanned(scanned) => scanned.findings.len() as u64,
            FileResult::Part(part) => part.findings.len() as u64,
            FileResult::Failed { .. } => 0,
        };
        self.files.iter().map(of_file).sum()
    }
}

/// What became of one file, and of which: a row proves by itself what it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRow {
    /// What the worker read: [`crate::reuse::inputs_digest`] of the bytes that it had. Checked on read.
    pub inputs: Digest,
    /// What became of it.
    pub result: FileResult,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FileResult {
    /// Parsed, rules run.
    Scanned(ScannedFile),
    /// Some of the work was done; the rest is in an earlier row of the same file.
    Part(PartOfFile),
    /// The worker could not do this file; the others of the batch are done.
    Failed {
        /// What went wrong, for people.
        reason: String,
    },
}

/// What is new of a file that has an earlier row: the findings of the rules that ran, none of which has a fix that is
/// applied, and its tokens if they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartOfFile {
    /// The rules that ran; what the earlier row says of them is replaced.
    pub rules: Vec<String>,
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// What the model read, if it was asked to.
    pub tokens: Option<FileTokens>,
}

/// What a scan of one file gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScannedFile {
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// For each rule with fixes: its edits alone, against the base text. What `<rule>.patch` is made of.
    pub alone: Vec<Mend>,
    /// Stacked: each step's edits are against the text that the step before left. What `all.mbox` is made of.
    pub series: Vec<Mend>,
    /// Fixes that a certificate check refused.
    pub dropped: Vec<DroppedFix>,
    /// Whether the file has syntax errors; rules then keep clear of them.
    pub syntax_errors: bool,
    /// Rules that gave up on this file, with the reason (a panic is a bug of the rule, not of the file).
    pub rule_failures: Vec<RuleFailure>,
    /// Real tokens of the file under the model's tokenizer; `None` without a model.
    pub tokens: Option<FileTokens>,
}

/// One place where a rule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The origin linter's message.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What can be done about it.
    pub fix: Fixability,
    /// Digest of rule, normalised line and ordinal: does not move with line numbers.
    pub fingerprint: Digest,
}

/// A range of text: bytes from the start of the file, and lines and UTF-16 columns from 1 for people and editors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// First byte.
    pub start: u64,
    /// Byte behind the last.
    pub end: u64,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// UTF-16 column of the first byte, from 1.
    pub column: u32,
    /// Line of the end, from 1.
    pub end_line: u32,
    /// UTF-16 column of the end, from 1.
    pub end_column: u32,
}

/// What can be done about a finding.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Fixability {
    /// Nothing known.
    None,
    /// A fix that could change behaviour in rare code.
    Unsafe,
    /// A fix that keeps behaviour and comments.
    Safe,
}

/// The certified edits of one rule in one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mend {
    /// The rule's id.
    pub rule: String,
    /// Pass over the rules, from 1; always 1 for a rule alone.
    pub round: u32,
    /// Findings mended.
    pub n_fixes: u32,
    /// Ascending, not overlapping, against the text before.
    pub edits: Vec<Edit>,
    /// The proof.
    pub certificate: Certificate,
}

/// Replace the bytes `start..end` by `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Edit {
    /// First byte.
    pub start: u64,
    /// Byte behind the last.
    pub end: u64,
    /// The new text.
    pub text: String,
}

/// Proof of one mend, replayable from the text before: apply the edits, compare the digests, run the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Certificate {
    /// The engine that made it.
    pub engine: String,
    /// BLAKE3 of the text before.
    pub before: Digest,
    /// BLAKE3 of the text after.
    pub after: Digest,
    /// The names of the checks that were run and passed.
    pub checks: Vec<String>,
}

/// A fix that was not emitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedFix {
    /// The rule's id.
    pub rule: String,
    /// The check that refused it.
    pub check: String,
    /// How many.
    pub n: u32,
}

/// A rule that gave up on a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFailure {
    /// The rule's id.
    pub rule: String,
    /// What happened.
    pub reason: String,
}

/// What the model read of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTokens {
    /// Real tokens, special ones included.
    pub n_tokens: u64,
    /// The windows that the file was read in, in order; more than one where it was longer than the model's maximum.
    pub windows: Vec<ChunkRef>,
}

/// Where the vectors of one window are: `<chunk>.sentence_embedding` and `<chunk>.mean_hidden_state`, f32 `[hidden]`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct ChunkRef {
    /// Digest of model, type and tokens: see [`crate::reuse::chunk_digest`].
    pub chunk: Digest,
    /// The tensor pack.
    pub pack: Digest,
}

/// Applies `edits` (ascending, not overlapping) to `text`.
///
/// # Errors
/// [`EditsError`] if an edit is out of bounds, out of order, or overlaps the one before.
pub fn apply_edits(text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, EditsError> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let (start, end) = (usize::try_from(edit.start), usize::try_from(edit.end));
        let (Ok(start), Ok(end)) = (start, end) else { return Err(EditsError) };
        if start < at || end < start || end > text.len() {
            return Err(EditsError);
        }
        out.extend_from_slice(&text[at..start]);
        out.extend_from_slice(edit.text.as_bytes());
        at = end;
    }
    out.extend_from_slice(&text[at..]);
    Ok(out)
}

/// The edits do not fit the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the edits overlap, are out of order or reach beyond the text")]
pub struct EditsError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edit(start: u64, end: u64, text: &str) -> Edit {
        Edit { start, end, text: text.to_owned() }
    }

    #[test]
    fn edits_apply_in_order() {
        let edits = [edit(0, 3, "let"), edit(6, 6, "!"), edit(7, 9, "")];
        assert_eq!(apply_edits(b"var x = 1", &edits).unwrap(), b"let x !=");
    }

    #[test]
    fn edits_that_do_not_fit_are_refused() {
        for edits in [vec![edit(2, 1, "")], vec![edit(0, 9, "")], vec![edit(1, 3, ""), edit(2, 4, "")]] {
            assert_eq!(apply_edits(b"text", &edits), Err(EditsError));
        }
    }

    proptest! {
        #[test]
        fn bytes_outside_the_edits_stay(text in prop::collection::vec(any::<u8>(), 2..40), at in 0_usize..40) {
            let at = at % (text.len() - 1);
            let out = apply_edits(&text, &[edit(at as u64, at as u64 + 1, "xyz")]).unwrap();
            prop_assert_eq!(&out[..at], &text[..at]);
            prop_assert_eq!(&out[at + 3..], &text[at + 1..]);
        }
    }
}
