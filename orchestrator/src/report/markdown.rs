//! `report.md`: the report for people. Short: it counts and points; every finding is in `report.json`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use schemas::job::FixLevel;
use schemas::ledger::SkipReason;
use schemas::path::RepoPath;
use schemas::report::{RepoReport, Report};
use schemas::rules::RuleInfo;

/// Rows of a table of files; the rest is counted.
const MAX_FILES: usize = 10;

/// Files and rules of a list that are named; the rest is counted.
const MAX_LISTED: usize = 20;

/// Renders the report.
pub(super) fn render(report: &Report, catalogue: &[RuleInfo]) -> String {
    let mut text = String::new();
    write_all(&mut text, report, catalogue).expect("a string takes all text");
    text
}

fn write_all(out: &mut String, report: &Report, catalogue: &[RuleInfo]) -> fmt::Result {
    writeln!(out, "# Nightmend report\n")?;
    write_summary(out, report)?;
    write_repos(out, report)?;
    write_rules(out, report, catalogue)?;
    for repo in &report.repos {
        write_repo(out, repo)?;
    }
    Ok(())
}

fn write_summary(out: &mut String, report: &Report) -> fmt::Result {
    let totals = &report.totals;
    let (n_findings, n_fixed) = (sum(&totals.findings), sum(&totals.fixed));
    writeln!(
        out,
        "{} in {}; the patches mend {}.",
        count(n_findings, "finding"),
        count(totals.ledger.scanned, "scanned file"),
        n_fixed
    )?;
    if report.partial {
        writeln!(
            out,
            "\n**This report is partial**: {} and {} failed. Each is named below.",
            count(totals.repos_failed, "repo"),
            count(totals.ledger.failed, "file")
        )?;
    }
    let level = match report.fix {
        FixLevel::None => "no fixes were asked for, so there are no patches",
        FixLevel::Safe => "safe ones, which keep behaviour and comments",
        FixLevel::Unsafe => "safe and unsafe ones; an unsafe fix could change what rare code does",
    };
    writeln!(out, "\n- Engine: `{}`", report.engine)?;
    writeln!(out, "- Rules: {}", report.rules.len())?;
    writeln!(out, "- Fixes: {level}")?;
    write_model(out, report)?;
    if totals.syntax_errors > 0 {
        let n = count(totals.syntax_errors, "file");
        writeln!(out, "- Syntax errors: {n}; rules keep clear of the broken places")?;
    }
    if !totals.dropped.is_empty() {
        let checks: Vec<String> =
            totals.dropped.iter().map(|(check, n)| format!("{n} by {}", code(check))).collect();
        writeln!(out, "- Fixes refused by a certificate check: {}", checks.join(", "))?;
    }
    writeln!(out)
}

fn write_model(out: &mut String, report: &Report) -> fmt::Result {
    let Some(model) = &report.model else { return writeln!(out, "- Model: none") };
    let (name, digest) = (code(&model.name), model.digest.short());
    let n_tokens = count(report.totals.tokens, "token");
    let scores = if model.trained { "" } else { ". It is untrained: there are no scores" };
    writeln!(out, "- Model: {name} (`{digest}`) read {n_tokens}{scores}")?;
    if report.totals.files_in_windows > 0 {
        let n = count(report.totals.files_in_windows, "file");
        writeln!(out, "- Longer than the model's maximum: {n}, read in overlapping windows")?;
    }
    Ok(())
}

fn write_repos(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "## Repos\n")?;
    writeln!(out, "| Repo | Commit | Entries | Scanned | Skipped | Failed | Findings | Mended |")?;
    writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for repo in &report.repos {
        let ledger = &repo.totals.ledger;
        let commit = repo.commit.as_deref().map_or("-".to_owned(), |commit| code(short(commit)));
        let name =
            if repo.error.is_some() { format!("{} (failed)", repo.repo) } else { repo.repo.to_string() };
        writeln!(
            out,
            "| {name} | {commit} | {} | {} | {} | {} | {} | {} |",
            ledger.entries,
            ledger.scanned,
            ledger.skipped.values().sum::<u64>(),
            ledger.failed,
            sum(&repo.totals.findings),
            sum(&repo.totals.fixed)
        )?;
    }
    writeln!(out)
}

fn write_rules(out: &mut String, report: &Report, catalogue: &[RuleInfo]) -> fmt::Result {
    if report.totals.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Findings by rule\n")?;
    writeln!(out, "| Rule | What it finds | Findings | Mended |")?;
    writeln!(out, "| --- | --- | ---: | ---: |")?;
    let mut rules: Vec<(&String, &u64)> = report.totals.findings.iter().collect();
    // Most first; equal ones stay in the order of their ids.
    rules.sort_by_key(|&(_, n)| Reverse(n));
    for (id, n) in rules {
        let summary = catalogue.iter().find(|rule| rule.id == *id).map_or("", |rule| &*rule.summary);
        let fixed = report.totals.fixed.get(id).copied().unwrap_or_default();
        writeln!(out, "| {} | {} | {n} | {fixed} |", code(id), cell(summary))?;
    }
    writeln!(out)
}

fn write_repo(out: &mut String, repo: &RepoReport) -> fmt::Result {
    writeln!(out, "## {}\n", repo.repo)?;
    if let Some(url) = &repo.url {
        let rev = repo.rev.as_deref().map_or(String::new(), |rev| format!(" at {}", code(rev)));
        writeln!(out, "From {}{rev}.\n", code(url))?;
    }
    if let Some(error) = &repo.error {
        return writeln!(out, "**Failed**: {}\n", code(error));
    }
    write_skipped(out, repo)?;
    write_failures(out, repo)?;
    write_windowed(out, repo)?;
    write_top_files(out, repo)?;
    write_patches(out, repo)
}

fn write_skipped(out: &mut String, repo: &RepoReport) -> fmt::Result {
    let skipped = &repo.totals.ledger.skipped;
    if skipped.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> =
        skipped.iter().map(|(reason, n)| format!("{n} {}", in_words(*reason))).collect();
    let file = format!("ledger/{}.jsonl", repo.repo);
    writeln!(out, "Skipped: {}. Every entry is in {}.\n", reasons.join(", "), code(&file))
}

fn in_words(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Symlink => "symbolic link",
        SkipReason::Submodule => "submodule",
        SkipReason::LfsPointer => "pointer to large file storage",
        SkipReason::TooLarge => "too large",
        SkipReason::Binary => "binary",
        SkipReason::Generated => "generated",
        SkipReason::Vendored => "vendored",
        SkipReason::UnsupportedLanguage => "in an unsupported language",
        SkipReason::Excluded => "excluded by nightmend.toml",
    }
}

fn write_failures(out: &mut String, repo: &RepoReport) -> fmt::Result {
    let files = repo.failed.iter().map(|file| format!("{}: {}", path(&file.path), cell(&file.reason)));
    write_list(out, "Files that failed", files)?;
    let rules = repo.rule_failures.iter().map(|failure| {
        format!("{} on {}: {}", code(&failure.rule), path(&failure.path), cell(&failure.reason))
    });
    write_list(out, "Rules that gave up on a file", rules)
}

fn write_windowed(out: &mut String, repo: &RepoReport) -> fmt::Result {
    let files = repo.in_windows.iter().map(|file| {
        format!("{}: {} in {} windows", path(&file.path), count(file.n_tokens, "token"), file.n_windows)
    });
    write_list(out, "Files longer than the model's maximum", files)
}

fn write_list(out: &mut String, title: &str, lines: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    let n_more = lines.len().saturating_sub(MAX_LISTED);
    if lines.len() == 0 {
        return Ok(());
    }
    writeln!(out, "### {title}\n")?;
    for line in lines.take(MAX_LISTED) {
        writeln!(out, "- {line}")?;
    }
    if n_more > 0 {
        writeln!(out, "- and {n_more} more in `report.json`")?;
    }
    writeln!(out)
}

fn write_top_files(out: &mut String, repo: &RepoReport) -> fmt::Result {
    let mut by_file: BTreeMap<&RepoPath, u64> = BTreeMap::new();
    for finding in &repo.findings {
        *by_file.entry(&finding.path).or_default() += 1;
    }
    if by_file.is_empty() {
        return writeln!(out, "No findings.\n");
    }
    let n_files = by_file.len();
    let mut files: Vec<(&RepoPath, u64)> = by_file.into_iter().collect();
    files.sort_by_key(|&(_, n)| Reverse(n));
    writeln!(out, "### Files with most findings\n\n| File | Findings |\n| --- | ---: |")?;
    for (file, n) in files.into_iter().take(MAX_FILES) {
        writeln!(out, "| {} | {n} |", path(file))?;
    }
    if n_files > MAX_FILES {
        writeln!(out, "\n{} in all.", count(n_files as u64, "file"))?;
    }
    writeln!(out)
}

fn write_patches(out: &mut String, repo: &RepoReport) -> fmt::Result {
    let Some(first) = repo.patches.first() else { return Ok(()) };
    writeln!(out, "### Patches\n\n| Patch | Files | Findings mended |\n| --- | ---: | ---: |")?;
    for patch in &repo.patches {
        writeln!(out, "| {} | {} | {} |", code(&patch.file), patch.n_files, patch.n_fixes)?;
    }
    let commit = repo.commit.as_deref().unwrap_or_default();
    let all = repo.patches.iter().find(|patch| patch.rule == "all");
    writeln!(out, "\nTo apply them, in a clone:\n")?;
    let command =
        |file: &str| format!("git switch -c nightmend {commit}\ngit am /path/to/this/folder/{file}");
    writeln!(out, "```sh\n{}\n```\n", command(&all.unwrap_or(first).file))?;
    match all {
        Some(_) => writeln!(
            out,
            "`all.mbox` is the series of all rules, one commit per step. Each other patch holds the fixes of one rule \
             and applies to the same commit on its own; two of them may touch the same lines.\n"
        ),
        None => writeln!(out, "There is no series of all rules: a check refused it.\n"),
    }
}

fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}

fn count(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn path(path: &RepoPath) -> String {
    code(&path.to_string())
}

/// Text of others as a code span, which no text of theirs can end, and which fits a cell of a table.
fn code(text: &str) -> String {
    let text = text.split(['\n', '\r']).collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text of ours, or a reason, as plain text of one line.
fn cell(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(c, '|' | '<' | '[' | '\\') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out_of_its_code_span_or_cell() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code("a|b\nc"), "`a\\|b c`");
        assert_eq!(cell("<b>\n[x](y) | z"), "\\<b> \\[x](y) \\| z");
    }
}
