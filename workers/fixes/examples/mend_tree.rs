//! Runs every rule over the files of a folder and says what it found, mended and dropped:
//! `cargo run -p fixes --example mend_tree -- [--unsafe] IN [OUT]`. With `OUT`, the mended files are written there.
//!
//! Every certificate is replayed and every mended file is mended again, so a clean run is a proof for that folder.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use fixes::{Engine, Facts, FileReport, FixLevel, Language};

fn main() -> anyhow::Result<()> {
    let mut level = FixLevel::Safe;
    let mut folders = Vec::new();
    for argument in std::env::args_os().skip(1) {
        if argument == "--unsafe" {
            level = FixLevel::Unsafe;
        } else {
            folders.push(PathBuf::from(argument));
        }
    }
    let (from, to) = match folders.as_slice() {
        [from] => (from, None),
        [from, to] => (from, Some(to)),
        _ => bail!("usage: mend_tree [--unsafe] IN [OUT]"),
    };
    let engine = Engine::with_all_rules(level);
    let mut totals = Totals::default();
    for path in files_under(from)? {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let Some(language) = Language::of_path(path.as_os_str().as_encoded_bytes()) else { continue };
        let started = Instant::now();
        let report = engine.mend(&bytes, language, &Facts::default());
        totals.add(&path, bytes.len(), started.elapsed(), &report);
        let after = Engine::after_series(&bytes, &report.series);
        totals.prove(&engine, &path, &bytes, &after, &report);
        if let (Some(to), Ok(name)) = (to, path.strip_prefix(from))
            && after != bytes
        {
            let target = to.join(name);
            std::fs::create_dir_all(target.parent().unwrap_or(to))?;
            std::fs::write(target, after)?;
        }
    }
    totals.print(&mut std::io::stdout().lock())?;
    anyhow::ensure!(totals.broken.is_empty(), "{} proofs failed", totals.broken.len());
    Ok(())
}

fn files_under(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() != ".git" {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Default)]
struct Totals {
    n_files: usize,
    n_bytes: usize,
    n_changed: usize,
    n_syntax_errors: usize,
    in_engine: Duration,
    slowest: Option<(Duration, PathBuf)>,
    findings: BTreeMap<String, usize>,
    fixable: BTreeMap<String, usize>,
    dropped: BTreeMap<String, u32>,
    oddities: Vec<String>,
    broken: Vec<String>,
}

impl Totals {
    fn add(&mut self, path: &Path, n_bytes: usize, took: Duration, report: &FileReport) {
        self.n_files += 1;
        self.n_bytes += n_bytes;
        self.in_engine += took;
        self.n_changed += usize::from(report.digest != report.final_digest);
        self.n_syntax_errors += usize::from(report.syntax_errors);
        if self.slowest.as_ref().is_none_or(|(slowest, _)| took > *slowest) {
            self.slowest = Some((took, path.to_owned()));
        }
        for finding in &report.findings {
            *self.findings.entry(finding.rule.to_string()).or_default() += 1;
            if let Some(applicability) = finding.fixable {
                *self.fixable.entry(format!("{} {applicability:?}", finding.rule)).or_default() += 1;
            }
        }
        for dropped in &report.dropped {
            *self.dropped.entry(format!("{} {}", dropped.rule, dropped.check)).or_default() +=
                dropped.n_fixes;
        }
        for rule in &report.cycles {
            self.oddities.push(format!("{}: {rule} cycles", path.display()));
        }
        for failure in &report.rule_failures {
            self.oddities.push(format!("{}: {} panicked: {}", path.display(), failure.rule, failure.message));
        }
    }

    fn prove(&mut self, engine: &Engine, path: &Path, bytes: &[u8], after: &[u8], report: &FileReport) {
        let mut broken = |what: String| self.broken.push(format!("{}: {what}", path.display()));
        for certificate in &report.alone {
            if let Err(error) = certificate.verify(bytes, report.language) {
                broken(format!("{} alone: {error}", certificate.rule));
            }
        }
        let mut text = bytes.to_vec();
        for step in &report.series {
            if let Err(error) = step.certificate.verify(&text, report.language) {
                broken(format!("{} in round {}: {error}", step.certificate.rule, step.round));
            }
            text = Engine::after_series(&text, std::slice::from_ref(step));
        }
        let again = engine.mend(after, report.language, &Facts::default());
        if again.final_digest != again.digest {
            broken("the mended text is mended again".to_owned());
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { n_files, n_bytes, n_changed, n_syntax_errors, in_engine, .. } = self;
        writeln!(
            out,
            "{n_files} files, {n_bytes} bytes, {n_changed} changed, {n_syntax_errors} with syntax errors"
        )?;
        writeln!(out, "{in_engine:?} in the engine, slowest {:?}", self.slowest)?;
        for (name, counts) in [("findings", &self.findings), ("fixable", &self.fixable)] {
            writeln!(out, "{name}: {counts:?}")?;
        }
        writeln!(out, "dropped: {:?}", self.dropped)?;
        for line in self.oddities.iter().chain(&self.broken) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}
