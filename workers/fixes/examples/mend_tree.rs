//! Runs every rule over the files of a folder and says what it found, mended and dropped:
//! `cargo run --release -p fixes --example mend_tree -- [--unsafe] [--time] [--patient] IN [OUT]`. With `OUT`, the mended files
//! are written there, under the names that they have in `IN`; `deploy/check-parsers IN OUT` reads both.
//!
//! Every certificate is replayed and every mended file is mended again, so a clean run is a proof for that folder;
//! it ends with 1 if one of the proofs fails. `--time` says which rules the ten slowest files keep busy. `--patient`
//! gives a file and a rule a minute, for a proof that the load of the machine does not decide.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use fixes::engine::{count_errors, parse};
use fixes::{
    Applicability, Budget, CheckFailed, Engine, Facts, FileReport, FixLevel, Language, ParsedFile, RuleRef,
    Target,
};
use rayon::prelude::*;

/// How many places are named for each way to drop a fix.
const N_EXAMPLES: usize = 3;
/// How many slow files are looked at.
const N_SLOWEST: usize = 10;
/// What `--patient` waits for a file.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> anyhow::Result<()> {
    let mut level = FixLevel::Safe;
    let mut is_timed = false;
    let mut budget = Budget::default();
    let mut folders = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--unsafe") => level = FixLevel::Unsafe,
            Some("--time") => is_timed = true,
            Some("--patient") => budget = Budget { file: PATIENCE, rule: PATIENCE },
            _ => folders.push(PathBuf::from(argument)),
        }
    }
    let (from, to) = match folders.as_slice() {
        [from] => (from, None),
        [from, to] => (from, Some(to.as_path())),
        _ => bail!("usage: mend_tree [--unsafe] [--time] [--patient] IN [OUT]"),
    };
    let tool = Tool { engine: Engine::with_all_rules(level).within(budget), from, to };
    let files = files_under(from)?;
    let outcomes: Vec<Option<Outcome>> =
        files.par_iter().map(|path| tool.mend(path)).collect::<anyhow::Result<_>>()?;
    let mut outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    let out = &mut std::io::stdout().lock();
    print_table(out, &outcomes)?;
    print_details(out, &outcomes)?;
    if is_timed {
        outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.took));
        for outcome in outcomes.iter().take(N_SLOWEST) {
            tool.print_times(out, outcome)?;
        }
    }
    let n_broken: usize = outcomes.iter().map(|outcome| outcome.broken.len()).sum();
    anyhow::ensure!(n_broken == 0, "{n_broken} proofs failed");
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

struct Tool<'a> {
    engine: Engine,
    from: &'a Path,
    to: Option<&'a Path>,
}

/// What became of one file.
struct Outcome {
    /// Below the folder.
    path: PathBuf,
    language: Language,
    counts: Counts,
    took: Duration,
    /// Places of dropped fixes, by rule and check.
    dropped: Vec<(String, u32, String)>,
    /// What is not as it should be, but proves nothing wrong.
    oddities: Vec<String>,
    /// Proofs that failed.
    broken: Vec<String>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    files: usize,
    bytes: usize,
    with_syntax_errors: usize,
    findings: usize,
    /// Findings whose fixes are applied.
    mended: usize,
    /// Findings in the mended text.
    left: usize,
    changed: usize,
    dropped: usize,
    cycles: usize,
    failures: usize,
    out_of_time: usize,
    /// Files that take longer than the engine waits unless it is told to.
    slow: usize,
    new_errors: usize,
    lost_comments: usize,
    second_runs: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.with_syntax_errors += other.with_syntax_errors;
        self.findings += other.findings;
        self.mended += other.mended;
        self.left += other.left;
        self.changed += other.changed;
        self.dropped += other.dropped;
        self.cycles += other.cycles;
        self.failures += other.failures;
        self.out_of_time += other.out_of_time;
        self.slow += other.slow;
        self.new_errors += other.new_errors;
        self.lost_comments += other.lost_comments;
        self.second_runs += other.second_runs;
    }
}

impl Counts {
    fn columns(&self) -> [(&'static str, usize); 15] {
        [
            ("files", self.files),
            ("bytes", self.bytes),
            ("broken before", self.with_syntax_errors),
            ("findings", self.findings),
            ("mended", self.mended),
            ("left", self.left),
            ("changed", self.changed),
            ("dropped", self.dropped),
            ("cycles", self.cycles),
            ("failures", self.failures),
            ("out of time", self.out_of_time),
            ("slow", self.slow),
            ("new errors", self.new_errors),
            ("lost comments", self.lost_comments),
            ("second runs", self.second_runs),
        ]
    }
}

impl Tool<'_> {
    /// Mends one file and proves what was done; `None` if it is in no language that has rules.
    fn mend(&self, path: &Path) -> anyhow::Result<Option<Outcome>> {
        let Some(language) = Language::of_path(path.as_os_str().as_encoded_bytes()) else { return Ok(None) };
        let name = path.strip_prefix(self.from).unwrap_or(path);
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let facts = facts_of(name);
        let started = Instant::now();
        let report = self.engine.mend(&bytes, language, &facts);
        let took = started.elapsed();
        let after = Engine::after_series(&bytes, &report.series);
        let mut outcome = Outcome::new(name, took, &report, self.engine.level());
        outcome.counts.bytes = bytes.len();
        outcome.compare(&bytes, &after, &facts);
        outcome.replay(&bytes, &report);
        let again = self.engine.mend(&after, language, &facts);
        outcome.counts.left = again.findings.len();
        // What took too long over one text need not take it over the other.
        let has_failed = report.out_of_time || !report.rule_failures.is_empty();
        if again.final_digest != again.digest && !has_failed {
            outcome.counts.second_runs = 1;
            let rules: Vec<&str> = again.series.iter().map(|step| &*step.certificate.rule).collect();
            outcome.broken.push(format!("the mended text is mended again by {}", rules.join(", ")));
        }
        if after != bytes
            && let Some(to) = self.to
        {
            let target = to.join(name);
            std::fs::create_dir_all(target.parent().unwrap_or(to))?;
            std::fs::write(target, after)?;
        }
        Ok(Some(outcome))
    }

    /// Which rules take the time that the walk over one file takes.
    fn print_times(&self, out: &mut impl Write, outcome: &Outcome) -> anyhow::Result<()> {
        let bytes = std::fs::read(self.from.join(&outcome.path))?;
        let (language, facts) = (outcome.language, facts_of(&outcome.path));
        let time = |rules: &[RuleRef]| {
            let started = Instant::now();
            let n_findings = fixes::engine::check(&bytes, language, &facts, rules).len();
            (started.elapsed(), n_findings)
        };
        let bare = time(&[]).0;
        let rules = fixes::rules::ALL.iter().filter(|rule| rule.meta().languages.contains(&language));
        let mut times: Vec<(Duration, usize, &str)> = rules
            .map(|rule| {
                let (took, n_findings) = time(&[RuleRef::Default(*rule)]);
                (took.saturating_sub(bare), n_findings, rule.meta().id)
            })
            .collect();
        times.sort_by_key(|time| std::cmp::Reverse(*time));
        writeln!(
            out,
            "slow: {} took {:?} for {} bytes; parsed in {bare:?}",
            outcome.path.display(),
            outcome.took,
            bytes.len()
        )?;
        for (took, n_findings, rule) in times.iter().take(5) {
            writeln!(out, "  {took:?} {rule}, {n_findings} findings")?;
        }
        Ok(())
    }
}

/// Nothing is known of the file but its name, and nothing is too new for it.
fn facts_of(name: &Path) -> Facts {
    Facts { path: name.to_string_lossy().into_owned(), target: Target::NEWEST, ..Facts::default() }
}

impl Outcome {
    fn new(name: &Path, took: Duration, report: &FileReport, level: FixLevel) -> Self {
        let max = match level {
            FixLevel::None => None,
            FixLevel::Safe => Some(Applicability::Safe),
            FixLevel::Unsafe => Some(Applicability::Unsafe),
        };
        let is_mended =
            |fixable: Option<Applicability>| fixable.zip(max).is_some_and(|(fix, max)| fix <= max);
        let counts = Counts {
            files: 1,
            with_syntax_errors: usize::from(report.syntax_errors),
            findings: report.findings.len(),
            mended: report.findings.iter().filter(|finding| is_mended(finding.fixable)).count(),
            changed: usize::from(report.digest != report.final_digest),
            dropped: report.dropped.iter().map(|dropped| dropped.n_fixes as usize).sum(),
            cycles: report.cycles.len(),
            failures: report.rule_failures.len(),
            out_of_time: usize::from(report.out_of_time),
            slow: usize::from(took > Budget::default().file),
            ..Counts::default()
        };
        let mut oddities: Vec<String> = report.cycles.iter().map(|rule| format!("{rule} cycles")).collect();
        let failures = &report.rule_failures;
        oddities
            .extend(failures.iter().map(|failure| format!("{} failed: {}", failure.rule, failure.message)));
        if report.out_of_time {
            oddities.push(format!("out of time after {took:?}"));
        }
        let dropped = report
            .dropped
            .iter()
            .map(|dropped| {
                let mut findings = report.findings.iter().filter(|finding| finding.rule == dropped.rule);
                let place = findings.find(|finding| finding.dropped == Some(dropped.check));
                let line = place.map_or("on the way".to_owned(), |place| place.start.line.to_string());
                let example = format!("{}:{line}", name.display());
                (format!("{} {}", dropped.rule, dropped.check), dropped.n_fixes, example)
            })
            .collect();
        let (path, language) = (name.to_owned(), report.language);
        Self { path, language, counts, took, dropped, oddities, broken: Vec::new() }
    }

    /// Looks for syntax errors and comments in the text before and after.
    fn compare(&mut self, before: &[u8], after: &[u8], facts: &Facts) {
        if before == after {
            return;
        }
        let trees = [before, after].map(|bytes| parse(bytes, self.language));
        let [n_before, n_after] = [&trees[0], &trees[1]].map(count_errors);
        if n_after > n_before {
            self.counts.new_errors = n_after - n_before;
            self.broken.push(format!("{n_before} syntax errors before, {n_after} after"));
        }
        let mut comments: HashMap<&[u8], usize> = HashMap::new();
        let file = ParsedFile::new(after, self.language, &trees[1], facts);
        for range in file.comments() {
            *comments.entry(&after[range.clone()]).or_default() += 1;
        }
        let file = ParsedFile::new(before, self.language, &trees[0], facts);
        for range in file.comments() {
            match comments.get_mut(&before[range.clone()]) {
                Some(n_left) if *n_left > 0 => *n_left -= 1,
                _ => {
                    self.counts.lost_comments += 1;
                    let text = String::from_utf8_lossy(&before[range.clone()]);
                    self.broken.push(format!("lost at {}: {text}", range.start));
                }
            }
        }
    }

    /// Replays every certificate.
    fn replay(&mut self, bytes: &[u8], report: &FileReport) {
        for certificate in &report.alone {
            self.say(certificate.verify(bytes, report.language), || format!("{} alone", certificate.rule));
        }
        let mut text = bytes.to_vec();
        for step in &report.series {
            let verified = step.certificate.verify(&text, report.language);
            self.say(verified, || format!("{} in round {}", step.certificate.rule, step.round));
            text = Engine::after_series(&text, std::slice::from_ref(step));
        }
    }

    fn say(&mut self, verified: Result<(), CheckFailed>, which: impl Fn() -> String) {
        match verified {
            Ok(()) => {}
            Err(error @ CheckFailed::OutOfTime) => self.oddities.push(format!("{}: {error}", which())),
            Err(error) => self.broken.push(format!("{}: {error}", which())),
        }
    }
}

/// One line for each language and one for all.
fn print_table(out: &mut impl Write, outcomes: &[Outcome]) -> std::io::Result<()> {
    let mut rows: BTreeMap<String, Counts> = BTreeMap::new();
    for outcome in outcomes {
        *rows.entry(format!("{:?}", outcome.language)).or_default() += outcome.counts;
        *rows.entry("in total".to_owned()).or_default() += outcome.counts;
    }
    write!(out, "{:12}", "")?;
    for (name, _) in Counts::default().columns() {
        write!(out, " {name:>9}")?;
    }
    writeln!(out)?;
    for (language, counts) in rows {
        write!(out, "{language:12}")?;
        for (name, count) in counts.columns() {
            write!(out, " {count:>width$}", width = name.len().max(9))?;
        }
        writeln!(out)?;
    }
    let in_engine: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    writeln!(out, "{in_engine:?} in the engine")
}

fn print_details(out: &mut impl Write, outcomes: &[Outcome]) -> std::io::Result<()> {
    let mut dropped: BTreeMap<&str, (u32, Vec<&str>)> = BTreeMap::new();
    for (what, n_fixes, place) in outcomes.iter().flat_map(|outcome| &outcome.dropped) {
        let (count, examples) = dropped.entry(what).or_default();
        *count += n_fixes;
        if examples.len() < N_EXAMPLES {
            examples.push(place);
        }
    }
    for (what, (count, examples)) in dropped {
        writeln!(out, "dropped: {what} {count}, {}", examples.join(", "))?;
    }
    for outcome in outcomes {
        for line in &outcome.oddities {
            writeln!(out, "odd: {}: {line}", outcome.path.display())?;
        }
        for line in &outcome.broken {
            writeln!(out, "BROKEN: {}: {line}", outcome.path.display())?;
        }
    }
    Ok(())
}
