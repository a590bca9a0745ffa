//! `mend check` and `mend fix`: every file through the engine, on all cores.

use std::collections::HashSet;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use fixes::report::FileFinding;
use fixes::{Applicability, Budget, Engine, FileReport, FixLevel};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::Outcome;
use crate::arguments::{Check, Fix, Scope};
use crate::certificates::CertificateFile;
use crate::changed_lines::ChangedLines;
use crate::output::{self, Scanned};
use crate::tree::{File, Tree};

/// `mend check`
pub(crate) fn check(check: &Check) -> anyhow::Result<Outcome> {
    let tree = Tree::open(&check.scope)?;
    let filter = Filter::read(check, &tree)?;
    let scanned = scan(&tree, FixLevel::None, &check.scope, |file, _, mut report| {
        report.findings.retain(|finding| filter.keeps(&file.name, finding));
        Scanned { name: file.name.clone(), report }
    })?;
    if let Some(path) = &check.write_baseline {
        let fingerprints =
            scanned.iter().flat_map(|file| &file.report.findings).map(|finding| &*finding.fingerprint);
        let text = serde_json::to_string_pretty(&Baseline::of(fingerprints))? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(Outcome::Clean);
    }
    let mut output = BufWriter::new(anstream::stdout().lock());
    output::write(check.format, &scanned, check.unused_suppressions, &mut output)?;
    output.flush()?;
    Ok(Outcome::of(scanned.iter().any(|file| !file.report.findings.is_empty())))
}

/// `mend fix`
pub(crate) fn fix(fix: &Fix) -> anyhow::Result<Outcome> {
    let tree = Tree::open(&fix.scope)?;
    let level = if fix.is_unsafe { FixLevel::Unsafe } else { FixLevel::Safe };
    let fixed = scan(&tree, level, &fix.scope, |file, bytes, report| {
        let after = Engine::after_series(bytes, &report.series);
        Fixed { file: file.clone(), before: bytes.to_vec(), after, report }
    })?;
    let mut output = BufWriter::new(anstream::stdout().lock());
    let mut tally = Tally::default();
    for one in &fixed {
        tally.add(one);
        if one.before == one.after {
            continue;
        }
        if fix.write {
            write_file(&one.file.path, &one.after)?;
        } else {
            output::diff(&one.file.name, &one.before, &one.after, &mut output)?;
        }
    }
    output.flush()?;
    if let Some(folder) = &fix.certificates {
        write_certificates(folder, &fixed)?;
    }
    tally.print(fix.write)?;
    Ok(Outcome::of(tally.n_left > 0 || (!fix.write && tally.n_changed > 0)))
}

struct Fixed {
    file: File,
    before: Vec<u8>,
    after: Vec<u8>,
    report: FileReport,
}

#[derive(Default)]
struct Tally {
    n_files: usize,
    n_changed: usize,
    n_mended: usize,
    n_left: usize,
    n_dropped: u32,
    n_out_of_time: usize,
}

impl Tally {
    fn add(&mut self, one: &Fixed) {
        let mended: HashSet<&str> = one.report.series.iter().map(|step| &*step.certificate.rule).collect();
        let is_mended = |finding: &&FileFinding| {
            finding.fixable.is_some_and(|fix| fix != Applicability::Suggestion)
                && mended.contains(&*finding.rule)
        };
        let n_mended = one.report.findings.iter().filter(is_mended).count();
        self.n_files += 1;
        self.n_changed += usize::from(one.before != one.after);
        self.n_mended += n_mended;
        self.n_left += one.report.findings.len() - n_mended;
        self.n_dropped += one.report.dropped.iter().map(|dropped| dropped.n_fixes).sum::<u32>();
        self.n_out_of_time += usize::from(one.report.out_of_time);
    }

    fn print(&self, is_written: bool) -> anyhow::Result<()> {
        let verb = if is_written { "mended" } else { "can be mended" };
        let mut text = format!(
            "{} files: {} findings {verb} in {} files, {} left",
            self.n_files, self.n_mended, self.n_changed, self.n_left
        );
        if self.n_dropped > 0 {
            text += &format!(", {} fixes refused by a check", self.n_dropped);
        }
        if self.n_out_of_time > 0 {
            text += &format!(", {} files over their time budget", self.n_out_of_time);
        }
        writeln!(anstream::stderr().lock(), "{text}")?;
        Ok(())
    }
}

/// Replaces a file as a whole: whoever reads it meanwhile sees the old text or the new.
fn write_file(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.mend-{}", std::process::id()));
    let write = || {
        std::fs::write(&beside, text)?;
        std::fs::set_permissions(&beside, std::fs::metadata(path)?.permissions())?;
        std::fs::rename(&beside, path)
    };
    write()
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write_certificates(folder: &Path, fixed: &[Fixed]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut n_written = 0;
    for one in fixed {
        let mut text = one.before.clone();
        for step in &one.report.series {
            n_written += 1;
            let next = fixes::engine::edits::apply(&text, &step.certificate.edits);
            let file = CertificateFile {
                path: one.file.name.clone(),
                language: one.file.language,
                certificate: step.certificate.clone(),
                base: String::from_utf8(std::mem::replace(&mut text, next)).ok(),
            };
            let path = folder.join(format!("{n_written:06}-{}.json", step.certificate.rule));
            std::fs::write(&path, serde_json::to_vec_pretty(&file)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Runs the engine over every file; results are in the order of the files. What cannot be read is said and left
/// out.
fn scan<T: Send>(
    tree: &Tree,
    level: FixLevel,
    scope: &Scope,
    done: impl Fn(&File, &[u8], FileReport) -> T + Sync,
) -> anyhow::Result<Vec<T>> {
    let budget = Budget { file: Duration::from_millis(scope.file_budget), ..Budget::default() };
    let engine = tree.engine(level)?.within(budget);
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(scope.jobs.unwrap_or_default())
        .stack_size(8 << 20)
        .build()
        .context("cannot start threads")?;
    let bar = progress_bar(tree.files.len());
    let one = |file: &File| {
        let bytes = std::fs::read(&file.path);
        bar.inc(1);
        match bytes {
            Ok(bytes) => Some(done(file, &bytes, engine.mend(&bytes, file.language, &file.facts))),
            Err(error) => {
                bar.suspend(|| eprintln!("mend: {}: {error}", file.name));
                None
            }
        }
    };
    let results: Vec<Option<T>> = threads.install(|| tree.files.par_iter().map(one).collect());
    bar.finish_and_clear();
    Ok(results.into_iter().flatten().collect())
}

/// On a terminal; none off it.
fn progress_bar(n_files: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files {elapsed}");
    match style {
        Ok(style) => ProgressBar::new(n_files as u64).with_style(style),
        Err(_) => ProgressBar::hidden(),
    }
}

/// Which findings count: those on changed lines, those that no baseline knows.
struct Filter {
    changed: Option<ChangedLines>,
    known: Option<HashSet<String>>,
}

/// What a baseline file holds.
#[derive(serde::Serialize, serde::Deserialize)]
struct Baseline {
    /// Sorted, without doubles.
    fingerprints: Vec<String>,
}

impl Baseline {
    fn of<'a>(fingerprints: impl Iterator<Item = &'a str>) -> Self {
        let mut fingerprints: Vec<String> = fingerprints.map(str::to_owned).collect();
        fingerprints.sort();
        fingerprints.dedup();
        Self { fingerprints }
    }
}

impl Filter {
    fn read(check: &Check, tree: &Tree) -> anyhow::Result<Self> {
        let changed =
            check.diff_base.as_ref().map(|base| ChangedLines::since(base, &tree.root)).transpose()?;
        let read = |path: &std::path::PathBuf| -> anyhow::Result<HashSet<String>> {
            let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let baseline: Baseline = serde_json::from_slice(&text)
                .with_context(|| format!("{} is no baseline", path.display()))?;
            Ok(baseline.fingerprints.into_iter().collect())
        };
        Ok(Self { changed, known: check.baseline.as_ref().map(read).transpose()? })
    }

    fn keeps(&self, name: &str, finding: &FileFinding) -> bool {
        let is_changed = |changed: &ChangedLines| changed.touch(name, finding.start.line, finding.end.line);
        self.changed.as_ref().is_none_or(is_changed)
            && self.known.as_ref().is_none_or(|known| !known.contains(&finding.fingerprint))
    }
}
