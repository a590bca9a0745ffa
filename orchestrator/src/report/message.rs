//! What a patch says of itself: the subject and the body of the commit that `git am` makes of it.

use std::fmt::Write as _;

use schemas::job::FixLevel;
use schemas::rules::RuleInfo;

/// One commit.
pub(super) struct CommitText<'a> {
    /// The rule's id.
    pub(super) rule: &'a str,
    /// What is known of the rule.
    pub(super) info: Option<&'a RuleInfo>,
    /// Which fixes the job asked for.
    pub(super) fix: FixLevel,
    /// Number of the patch and length of the series, if it is part of one.
    pub(super) position: Option<(usize, usize)>,
    pub(super) n_fixes: u64,
    pub(super) n_files: usize,
    /// The base commit, hex.
    pub(super) base: &'a str,
    /// The engine that made the fixes.
    pub(super) engine: &'a str,
}

impl CommitText<'_> {
    /// One line. `git am` takes off what stands in brackets.
    pub(super) fn subject(&self) -> String {
        let mark = match self.position {
            Some((number, of)) => format!("[PATCH {number}/{of}]"),
            None => "[PATCH]".to_owned(),
        };
        let summary = self.info.map_or("mend findings", |info| info.summary.trim_end_matches('.'));
        format!("{mark} {}: {}", self.rule, summary.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The rule's manual in short, what was mended, and where it comes from.
    pub(super) fn body(&self) -> String {
        let mut body = String::new();
        let docs = self.info.map_or("", |info| &*info.docs);
        for heading in ["What it does", "Why is this bad?"] {
            if let Some(paragraph) = first_paragraph(docs, heading) {
                writeln!(body, "{}\n", guard(&paragraph)).expect("a string takes all text");
            }
        }
        let plural = |n: u64, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let mended =
            format!("{} in {}", plural(self.n_fixes, "finding"), plural(self.n_files as u64, "file"));
        let safety = match self.fix {
            FixLevel::Unsafe => {
                "Unsafe fixes were asked for:\nsome of these could change what rare code does. Read them before use."
            }
            FixLevel::Safe | FixLevel::None => "All fixes are safe: they\nkeep behaviour and comments.",
        };
        let origin = self.info.map_or(String::new(), |info| format!(" ({})", info.origin));
        let (rule, base, engine) = (self.rule, self.base, self.engine);
        write!(
            body,
            "Mends {mended}. {safety}\n\nRule: {rule}{origin}\nBase-Commit: {base}\nEngine: {engine}\n"
        )
        .expect("a string takes all text");
        body
    }
}

/// The first paragraph below a heading of a rule's manual.
pub(super) fn first_paragraph(docs: &str, heading: &str) -> Option<String> {
    let mut lines = docs.lines().map(str::trim_end);
    lines.find(|line| {
        line.strip_prefix('#').is_some_and(|rest| rest.trim_start_matches('#').trim() == heading)
    })?;
    let paragraph: Vec<&str> = lines
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    (!paragraph.is_empty()).then(|| paragraph.join("\n"))
}

/// Keeps every line of `text` a line of the body: what `git mailsplit` and `git mailinfo` would take for the start
/// of a message, of a header or of a diff is indented, and what they would take for scissors goes.
fn guard(text: &str) -> String {
    let mut guarded = Vec::new();
    for line in text.lines() {
        let is_scissors =
            (line.contains("8<") || line.contains(">8") || line.contains("%<") || line.contains(">%"))
                && line.contains("--");
        if is_scissors {
            continue;
        }
        let indent = if is_structure(line) { " " } else { "" };
        guarded.push(format!("{indent}{line}"));
    }
    guarded.join("\n")
}

fn is_structure(line: &str) -> bool {
    let starts = ["---", "diff ", "Index: ", "From ", ">From ", "From:", "Date:", "Subject:", "[PATCH"];
    starts.iter().any(|start| line.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = "## What it does\nFinds `var`.\nAll of it.\n\nMore.\n\n## Why is this bad?\nFrom the start, scope.\n--- >8 ---\n---\n";

    #[test]
    fn a_paragraph_ends_at_the_first_empty_line() {
        assert_eq!(first_paragraph(DOCS, "What it does").unwrap(), "Finds `var`.\nAll of it.");
        assert_eq!(first_paragraph(DOCS, "Fix safety"), None);
    }

    #[test]
    fn what_git_would_read_as_structure_is_indented_and_scissors_go() {
        let why = first_paragraph(DOCS, "Why is this bad?").unwrap();
        assert_eq!(guard(&why), " From the start, scope.\n ---");
        assert_eq!(guard("subject: x\nplain"), " subject: x\nplain");
    }
}
