//! The rules of this build, listed and explained.

use std::io::Write as _;

use anyhow::Context as _;
use fixes::{Applicability, Rule};
use settings::config::Known;

use crate::Outcome;

/// Every rule of this build, as selections know them.
#[must_use]
pub fn known() -> Vec<Known<'static>> {
    let metas = fixes::rules::ALL.iter().map(|rule| rule.meta());
    metas.map(|meta| Known { id: meta.id, category: meta.category }).collect()
}

/// The id of the rule that `name` means.
///
/// # Errors
/// If there is none; with ids that are spelled much like it.
pub fn find(name: &str) -> anyhow::Result<&'static str> {
    Ok(rule(name)?.meta().id)
}

fn rule(name: &str) -> anyhow::Result<&'static dyn Rule> {
    match fixes::catalogue::find(name) {
        Some(rule) => Ok(rule),
        None => Err(fixes::Engine::new([name], fixes::FixLevel::None)
            .err()
            .context("the rule exists after all")?
            .into()),
    }
}

/// `mend rules`
pub(crate) fn list(id: Option<&str>, json: bool) -> anyhow::Result<Outcome> {
    let only = id.map(find).transpose()?;
    let entries = fixes::catalogue();
    let wanted: Vec<_> = entries.iter().filter(|entry| only.is_none_or(|id| entry.id == id)).collect();
    let mut output = anstream::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut output, &wanted)?;
        writeln!(output)?;
        return Ok(Outcome::Clean);
    }
    let width = wanted.iter().map(|entry| entry.id.len()).max().unwrap_or_default();
    for entry in wanted {
        let category = format!("{:?}", entry.category).to_lowercase();
        let fix = match entry.applicability {
            Applicability::Safe => "safe",
            Applicability::Unsafe => "unsafe",
            Applicability::Suggestion => "suggested",
        };
        writeln!(
            output,
            "{:width$}  {:10}  {fix:9}  {:17}  {}",
            entry.id, category, entry.origin, entry.summary
        )?;
    }
    Ok(Outcome::Clean)
}

/// `mend explain`
pub(crate) fn explain(id: &str) -> anyhow::Result<Outcome> {
    let meta = rule(id)?.meta();
    let mut output = anstream::stdout().lock();
    let category = format!("{:?}", meta.category).to_lowercase();
    writeln!(
        output,
        "# {}\n\n{}\n\nOrigin: {}. Category: {category}.\n\n{}",
        meta.id, meta.summary, meta.origin, meta.docs
    )?;
    Ok(Outcome::Clean)
}
