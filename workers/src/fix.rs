//! Parse, rules, fixes, certificates: off the runtime, on the threads for parsing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fixes::report::{FileFinding, FileReport};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use schemas::result::{
    Certificate, DroppedFix, Edit, FileResult, FileRow, Finding, Fixability, Mend, PartOfFile, Place,
    RuleFailure, ScannedFile,
};
use schemas::reuse::inputs_digest;
use schemas::sources::SourceFile;
use schemas::{Digest, FixLevel, Pipeline};
use tokio::sync::oneshot;

use crate::fetch::Recipe;

/// Runs the rules over every file. A file that breaks the engine fails alone.
pub(crate) async fn files(recipe: &Arc<Recipe>, files: &Arc<[SourceFile]>) -> Vec<FileRow> {
    let (reply, results) = oneshot::channel();
    let (recipe, files) = (Arc::clone(recipe), Arc::clone(files));
    rayon::spawn(move || {
        // Nobody listens if the batch was given back meanwhile.
        if !reply.is_closed() {
            reply.send(all(&recipe, &files)).ok();
        }
    });
    results.await.expect("one file's panic is caught")
}

/// Runs the rules over every file, here.
pub(crate) fn all(recipe: &Recipe, files: &[SourceFile]) -> Vec<FileRow> {
    files.par_iter().map(|file| FileRow { inputs: inputs(file), result: one(recipe, file) }).collect()
}

/// The digest is made here, of the bytes that the rules read: a row cannot be taken for that of another text.
pub(crate) fn inputs(file: &SourceFile) -> Digest {
    inputs_digest(Digest::of(&file.bytes), file.language, &file.facts)
}

/// Runs the rules over one file.
#[must_use]
pub fn one(recipe: &Recipe, file: &SourceFile) -> FileResult {
    let run = |engine: &fixes::Engine| {
        let mend = || engine.mend(&file.bytes, file.language, &file.facts);
        catch_unwind(AssertUnwindSafe(mend))
    };
    if let Some(part) = &recipe.part
        && let Ok(report) = run(part)
        && changes_nothing(&report)
    {
        let rules = part.rule_ids().map(str::to_owned).collect();
        let findings = report.findings.iter().map(finding).collect();
        return FileResult::Part(PartOfFile { rules, findings, tokens: None });
    }
    match run(&recipe.engine) {
        Ok(report) if report.out_of_time => {
            FileResult::Failed { reason: "the rules took more time than a file may take".to_owned() }
        }
        Ok(report) => FileResult::Scanned(scanned(recipe.fix, report)),
        Err(_) => FileResult::Failed { reason: "the fix engine panicked on this file".to_owned() },
    }
}

/// Whether what the rules say can stand beside what others said: a fix would have to be certified with all of them.
fn changes_nothing(report: &FileReport) -> bool {
    !report.out_of_time
        && report.alone.is_empty()
        && report.series.is_empty()
        && report.dropped.is_empty()
        && report.cycles.is_empty()
        && report.rule_failures.is_empty()
}

/// The engine's report in the words of the wire.
fn scanned(level: FixLevel, report: FileReport) -> ScannedFile {
    let findings: Vec<Finding> = report.findings.iter().map(finding).collect();
    let applied = |fix: Fixability| match level {
        FixLevel::None => false,
        FixLevel::Safe => fix == Fixability::Safe,
        FixLevel::Unsafe => fix != Fixability::None,
    };
    let n_fixes = |rule: &str| {
        let n = findings.iter().filter(|finding| finding.rule == rule && applied(finding.fix)).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    };
    let alone = report.alone.iter().map(|certificate| mend(certificate, 1, n_fixes(&certificate.rule)));
    let step = |step: &fixes::report::Step| {
        let n_edits = u32::try_from(step.certificate.edits.len()).unwrap_or(u32::MAX);
        mend(&step.certificate, step.round, n_edits)
    };
    let dropped = report.dropped.iter().map(|dropped| DroppedFix {
        rule: dropped.rule.to_string(),
        check: dropped.check.name().to_owned(),
        n: dropped.n_fixes,
    });
    let cycles =
        report.cycles.iter().map(|rule| DroppedFix { rule: rule.to_string(), check: "cycle".into(), n: 1 });
    let failures = report
        .rule_failures
        .iter()
        .map(|failure| RuleFailure { rule: failure.rule.to_string(), reason: failure.message.clone() });
    ScannedFile {
        alone: alone.collect(),
        series: report.series.iter().map(step).collect(),
        dropped: dropped.chain(cycles).collect(),
        syntax_errors: report.syntax_errors,
        rule_failures: failures.collect(),
        tokens: None,
        findings,
    }
}

fn finding(finding: &FileFinding) -> Finding {
    Finding {
        rule: finding.rule.to_string(),
        message: finding.message.clone(),
        place: Place {
            start: finding.range.start as u64,
            end: finding.range.end as u64,
            line: finding.start.line,
            column: finding.start.column,
            end_line: finding.end.line,
            end_column: finding.end.column,
        },
        fix: match finding.fixable {
            Some(fixes::Applicability::Unsafe) => Fixability::Unsafe,
            Some(fixes::Applicability::Safe) => Fixability::Safe,
            Some(fixes::Applicability::Suggestion) | None => Fixability::None,
        },
        fingerprint: Digest::of(finding.fingerprint.as_bytes()),
    }
}

fn mend(certificate: &fixes::Certificate, round: u32, n_fixes: u32) -> Mend {
    let edit = |edit: &fixes::Edit| Edit {
        start: edit.range.start as u64,
        end: edit.range.end as u64,
        text: edit.text.clone(),
    };
    let digest = |hex: &str| hex.parse().expect("the engine's digests are BLAKE3 in hex");
    Mend {
        rule: certificate.rule.to_string(),
        round,
        n_fixes,
        edits: certificate.edits.iter().map(edit).collect(),
        certificate: Certificate {
            engine: Pipeline::ENGINE.to_owned(),
            before: digest(&certificate.before),
            after: digest(&certificate.after),
            checks: certificate.checks.iter().map(|check| check.name().to_owned()).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use schemas::Language;
    use settings::Facts;

    use super::*;

    fn recipe(level: fixes::FixLevel) -> Recipe {
        let engine = Arc::new(fixes::Engine::new(["no-var", "eqeqeq"], level).unwrap());
        Recipe { engine, part: None, fix: FixLevel::Safe, model: None }
    }

    fn file(text: &[u8]) -> SourceFile {
        SourceFile { language: Language::JavaScript, facts: Facts::default(), bytes: text.to_vec() }
    }

    #[test]
    fn a_part_of_the_rules_is_enough_where_nothing_is_mended() {
        let whole = recipe(fixes::FixLevel::Safe);
        let part = |id: &str| Recipe {
            part: Some(Arc::new(fixes::Engine::new([id], fixes::FixLevel::Safe).unwrap())),
            ..recipe(fixes::FixLevel::Safe)
        };
        let plain = file(b"if (a == b) { c(); }\n");
        let FileResult::Part(found) = one(&part("eqeqeq"), &plain) else { panic!("not in part") };
        let FileResult::Scanned(all) = one(&whole, &plain) else { panic!("failed") };
        assert_eq!((found.rules, found.findings), (vec!["eqeqeq".to_owned()], all.findings));
        let mended = file(b"function f() { var a = 1; return a == 2; }\n");
        assert_eq!(one(&part("no-var"), &mended), one(&whole, &mended));
        assert!(matches!(one(&part("no-var"), &mended), FileResult::Scanned(_)));
    }

    #[test]
    fn the_edits_on_the_wire_make_the_certified_text() {
        let text = b"function f() { var a = 1; return a; }\r\n";
        let FileResult::Scanned(scanned) = one(&recipe(fixes::FixLevel::Safe), &file(text)) else {
            panic!("failed")
        };
        let mend = &scanned.alone[0];
        assert_eq!(mend.certificate.before, Digest::of(text));
        let after = schemas::result::apply_edits(text, &mend.edits).unwrap();
        assert_eq!(after, b"function f() { let a = 1; return a; }\r\n");
        assert_eq!(mend.certificate.after, Digest::of(&after));
        assert_eq!(mend.n_fixes, 1);
    }
}
