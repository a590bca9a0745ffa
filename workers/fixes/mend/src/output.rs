//! Findings as text, JSON, SARIF and GitHub annotations; changes as a diff.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use fixes::report::FileFinding;
use fixes::{Applicability, FileReport, Level};
use serde_json::{Value, json};

use crate::arguments::Format;

/// One file and what was found in it.
#[derive(Debug)]
pub struct Scanned {
    /// Relative to the working tree's root, with `/`.
    pub name: String,
    /// What the engine says.
    pub report: FileReport,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Writes all findings, and the comments that suppress nothing if they are wanted.
///
/// # Errors
/// If the output cannot be written.
pub fn write(format: Format, files: &[Scanned], unused: bool, output: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Text => text(files, unused, output),
        Format::Json => as_json(&report(files), output),
        Format::Sarif => as_json(&sarif(files), output),
        Format::Github => github(files, output),
    }
}

fn as_json(value: &Value, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *output, value)?;
    writeln!(output)
}

fn findings(files: &[Scanned]) -> impl Iterator<Item = (&str, &FileFinding)> {
    files.iter().flat_map(|file| file.report.findings.iter().map(|finding| (&*file.name, finding)))
}

fn text(files: &[Scanned], unused: bool, output: &mut impl Write) -> io::Result<()> {
    for (name, finding) in findings(files) {
        let color = match finding.level {
            Level::Error => RED,
            Level::Warning => YELLOW,
            Level::Note => CYAN,
        };
        let fix = match finding.fixable {
            Some(Applicability::Safe) => " [fix: safe]",
            Some(Applicability::Unsafe) => " [fix: unsafe]",
            Some(Applicability::Suggestion) => " [fix: suggested]",
            None => "",
        };
        let (line, column) = (finding.start.line, finding.start.column);
        writeln!(
            output,
            "{BOLD}{name}:{line}:{column}{BOLD:#}: {color}{}{color:#} {}{DIM}{fix}{DIM:#}",
            finding.rule, finding.message
        )?;
        writeln!(output, "{DIM}    {}{DIM:#}", finding.snippet)?;
    }
    for file in files {
        for unused in file.report.unused_suppressions.iter().filter(|_| unused) {
            let (line, column) = (unused.start.line, unused.start.column);
            writeln!(
                output,
                "{}:{line}:{column}: `{}` suppresses nothing: {}",
                file.name, unused.rule, unused.text
            )?;
        }
        for failure in &file.report.rule_failures {
            writeln!(output, "{}: rule `{}` failed: {}", file.name, failure.rule, failure.message)?;
        }
        if file.report.out_of_time {
            writeln!(output, "{}: over its time budget", file.name)?;
        }
    }
    let n_findings: usize = files.iter().map(|file| file.report.findings.len()).sum();
    let n_fixable = findings(files).filter(|(_, finding)| finding.fixable.is_some()).count();
    let n_suppressed: usize = files.iter().map(|file| file.report.n_suppressed).sum();
    writeln!(
        output,
        "{} files: {n_findings} findings, {n_fixable} with a fix, {n_suppressed} suppressed",
        files.len()
    )
}

/// Everything, as one object.
fn report(files: &[Scanned]) -> Value {
    let findings: Vec<Value> = findings(files)
        .map(|(name, finding)| {
            json!({
                "path": name,
                "rule": finding.rule,
                "level": finding.level,
                "message": finding.message,
                "line": finding.start.line,
                "column": finding.start.column,
                "end_line": finding.end.line,
                "end_column": finding.end.column,
                "range": [finding.range.start, finding.range.end],
                "fixable": finding.fixable,
                "fingerprint": finding.fingerprint,
                "snippet": finding.snippet,
            })
        })
        .collect();
    let about = |pick: fn(&FileReport) -> bool| -> Vec<&str> {
        files.iter().filter(|file| pick(&file.report)).map(|file| &*file.name).collect()
    };
    let failures: Vec<Value> = files
        .iter()
        .flat_map(|file| {
            let failures = &file.report.rule_failures;
            failures
                .iter()
                .map(|failure| json!({"path": file.name, "rule": failure.rule, "message": failure.message}))
        })
        .collect();
    let unused: Vec<Value> = files
        .iter()
        .flat_map(|file| {
            let unused = &file.report.unused_suppressions;
            unused.iter().map(
                |one| json!({"path": file.name, "line": one.start.line, "rule": one.rule, "text": one.text}),
            )
        })
        .collect();
    json!({
        "n_files": files.len(),
        "findings": findings,
        "n_suppressed": files.iter().map(|file| file.report.n_suppressed).sum::<usize>(),
        "unused_suppressions": unused,
        "syntax_errors": about(|report| report.syntax_errors),
        "out_of_time": about(|report| report.out_of_time),
        "rule_failures": failures,
    })
}

/// SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>).
fn sarif(files: &[Scanned]) -> Value {
    let level = |level: Level| match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let mut ids: Vec<&str> = findings(files).map(|(_, finding)| &*finding.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids
        .iter()
        .map(|id| match fixes::catalogue::find(id).map(|rule| rule.meta()) {
            Some(meta) => json!({
                "id": id,
                "shortDescription": {"text": meta.summary},
                "help": {"text": meta.docs, "markdown": meta.docs},
                "defaultConfiguration": {"level": level(meta.level)},
            }),
            None => json!({"id": id}),
        })
        .collect();
    let results: Vec<Value> = findings(files)
        .map(|(name, finding)| {
            json!({
                "ruleId": finding.rule,
                "ruleIndex": ids.binary_search(&&*finding.rule).unwrap_or_default(),
                "level": level(finding.level),
                "message": {"text": finding.message},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": name, "uriBaseId": "SRCROOT"},
                    "region": {
                        "startLine": finding.start.line,
                        "startColumn": finding.start.column,
                        "endLine": finding.end.line,
                        "endColumn": finding.end.column,
                    },
                }}],
                "partialFingerprints": {"nightmend/v2": finding.fingerprint},
            })
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "nightmend",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

/// Workflow commands of GitHub Actions
/// (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).
fn github(files: &[Scanned], output: &mut impl Write) -> io::Result<()> {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    for (name, finding) in findings(files) {
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        writeln!(
            output,
            "::{command} file={},line={},col={},endLine={},endColumn={},title={}::{}",
            property(name),
            finding.start.line,
            finding.start.column,
            finding.end.line,
            finding.end.column,
            property(&finding.rule),
            data(&finding.message)
        )?;
    }
    Ok(())
}

/// The change of one file as a unified diff, coloured where the output takes colours.
///
/// # Errors
/// If the output cannot be written.
pub fn diff(name: &str, before: &[u8], after: &[u8], output: &mut impl Write) -> io::Result<()> {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let diff = similar::TextDiff::from_lines(&*before, &*after);
    let mut unified = diff.unified_diff();
    let text = unified.context_radius(3).header(&format!("a/{name}"), &format!("b/{name}")).to_string();
    for line in text.split_inclusive('\n') {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => BOLD,
            [b'+', ..] => GREEN,
            [b'-', ..] => RED,
            [b'@', ..] => CYAN,
            _ => Style::new(),
        };
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        write!(output, "{style}{line}{style:#}{end}")?;
    }
    Ok(())
}
