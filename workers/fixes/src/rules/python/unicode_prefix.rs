//! `UP025`: `u"text"`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::literal_types::prefix_of;
use super::quoted_expressions::check_quoted_too;
use super::syntax::is_sound_python3;

rule_type! {
    /// ## What it does
    /// Finds string literals with the prefix `u` (ruff's `unicode-kind-prefix`).
    ///
    /// ## Why is this bad?
    /// In Python 3 all strings are Unicode; the prefix is a leftover from Python 2.
    ///
    /// ## Example
    /// ```python
    /// name = u"Zoë"
    /// ```
    /// Use instead:
    /// ```python
    /// name = "Zoë"
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Files that are not sound Python 3 are left alone, since in Python 2 the prefix makes a difference.
    pub struct UnicodePrefix;
}

static META: Meta = Meta {
    id: "UP025",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds string literals with the prefix `u`.",
    docs: UnicodePrefix::MANUAL,
};

impl Rule for UnicodePrefix {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["string", "type"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        check_quoted_too(file, node, &["string"], &["u", "U"], out, |file, string, out| {
            out.extend(check_string(file, string));
        });
    }
}

fn check_string(file: &ParsedFile<'_>, string: Node<'_>) -> Option<Finding> {
    if !matches!(prefix_of(file, string), b"u" | b"U") || !is_sound_python3(file) {
        return None;
    }
    let at = string.start_byte();
    let quote = file.bytes.get(at + 1);
    // `""u""` without the `u` would open a triple quoted string.
    let touches_quote = at.checked_sub(1).is_some_and(|before| file.bytes.get(before) == quote);
    let edit = Edit::replace(at..at + 1, if touches_quote { " " } else { "" });
    let finding = Finding::new(&META, string.byte_range(), "Remove unicode literals from strings");
    Some(finding.with_fix(Fix::safe(vec![edit])))
}
