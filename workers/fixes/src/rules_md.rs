//! `RULES.md`: every rule of this build with its manual, from the rules' own documentation.

use std::fmt::Write as _;

use crate::catalogue::{Entry, catalogue};
use crate::rule::{Applicability, Category, Level};

/// The text of `RULES.md`.
#[must_use]
pub fn rules_md() -> String {
    let entries = catalogue();
    let mut text = String::from(
        "# Rules\n\n\
         Made from the documentation of the rules (`NM_UPDATE=1 cargo test -p fixes rules_md`). The profile `default` \
         holds the categories bug, security and redundancy, `modern` holds modernise too, `all` holds every rule.\n\n\
         A *safe* fix keeps behaviour and comments and is applied unasked; an *unsafe* one could change behaviour in \
         rare code and waits for `unsafe`; a *suggestion* is for a person to choose. The column says the best that a \
         rule's fixes reach.\n\n",
    );
    for (title, origins) in [
        ("JavaScript and TypeScript", &["ESLint", "typescript-eslint", "unicorn", "react"][..]),
        ("Python", &["ruff"]),
        ("Rust", &["clippy"]),
        ("Go", &["gofmt", "staticcheck", "modernize"]),
    ] {
        let of_language: Vec<&Entry> =
            entries.iter().filter(|entry| origins.contains(&entry.origin.as_str())).collect();
        write_table(&mut text, title, &of_language);
    }
    for entry in &entries {
        write_manual(&mut text, entry);
    }
    text
}

fn write_table(text: &mut String, title: &str, entries: &[&Entry]) {
    writeln!(
        text,
        "## {title} ({})\n\n| rule | what | category | fix | origin |\n|---|---|---|---|---|",
        entries.len()
    )
    .expect("a string takes all text");
    for entry in entries {
        let Entry { id, origin, summary, .. } = entry;
        let (category, fix) = (category(entry.category), fix(entry.applicability));
        let anchor = id.to_lowercase();
        writeln!(
            text,
            "| [{id}](#{anchor}) | {} | {category} | {fix} | {origin} |",
            summary.replace('|', "\\|")
        )
        .expect("a string takes all text");
    }
    text.push('\n');
}

fn write_manual(text: &mut String, entry: &Entry) {
    let Entry { id, origin, summary, docs, .. } = entry;
    let level = match entry.level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let category = category(entry.category);
    // The manual's headings are of the second level, the rule's own as well.
    let docs = docs.trim_end().replace("\n## ", "\n### ").replacen("## ", "### ", 1);
    writeln!(
        text,
        "## {id}\n\n{summary}\n\nOrigin: {origin}. Category: {category}. Level: {level}.\n\n{docs}\n"
    )
    .expect("a string takes all text");
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Bug => "bug",
        Category::Security => "security",
        Category::Redundancy => "redundancy",
        Category::Modernise => "modernise",
        Category::Style => "style",
    }
}

fn fix(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "safe",
        Applicability::Unsafe => "unsafe",
        Applicability::Suggestion => "suggestion",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn rules_md_is_what_the_rules_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../RULES.md");
        let wanted = rules_md();
        if std::env::var("NM_UPDATE").is_ok_and(|value| value == "1") {
            std::fs::write(&path, &wanted).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == wanted, "RULES.md is old: NM_UPDATE=1 cargo test -p fixes rules_md");
    }

    #[test]
    fn every_rule_is_in_a_table() {
        let text = rules_md();
        for entry in catalogue() {
            assert!(
                text.contains(&format!("| [{}](#", entry.id)),
                "{} has an origin without a table",
                entry.id
            );
        }
    }
}
