//! `F541`: `f"text"`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::leaf_tokens::has_field;
use super::literal_types::{has_letter, prefix_of, string_parts};
use super::quoted_expressions::check_quoted_too;
use super::syntax::utf8;

rule_type! {
    /// ## What it does
    /// Finds f-strings without a single field (ruff's `f-string-missing-placeholders`). Of literals that follow
    /// one another, none may have a field.
    ///
    /// ## Why is this bad?
    /// The `f` does nothing. Either it is a leftover, or the fields were forgotten.
    ///
    /// ## Example
    /// ```python
    /// print(f"done")
    /// ```
    /// Use instead:
    /// ```python
    /// print("done")
    /// ```
    ///
    /// ## Fix safety
    /// Safe: doubled braces become single ones, so the text stays the same.
    pub struct MissingPlaceholders;
}

static META: Meta = Meta {
    id: "F541",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds f-strings without a field.",
    docs: MissingPlaceholders::MANUAL,
};

impl Rule for MissingPlaceholders {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["string", "concatenated_string", "type"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        const KINDS: &[&str] = &["string", "concatenated_string"];
        check_quoted_too(file, node, KINDS, &["f", "F"], out, check_string);
    }
}

fn check_string<'t>(file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
    let is_part = || file.parent(node).is_some_and(|around| around.kind() == "concatenated_string");
    if node.kind() == "string" && (!is_f_string(file, node) || is_part()) {
        return;
    }
    let f_strings: Vec<Node<'t>> = string_parts(node).filter(|part| is_f_string(file, *part)).collect();
    if f_strings.iter().any(|part| has_field(*part)) {
        return;
    }
    for f_string in f_strings {
        let finding = Finding::new(&META, f_string.byte_range(), "f-string without any placeholders");
        out.push(finding.with_fix(fix(file, f_string)));
    }
}

fn is_f_string(file: &ParsedFile<'_>, string: Node<'_>) -> bool {
    string.kind() == "string" && has_letter(prefix_of(file, string), b'f')
}

/// Drops the `f`. `None` if the text cannot be copied.
fn fix(file: &ParsedFile<'_>, f_string: Node<'_>) -> Option<Fix> {
    let range = f_string.byte_range();
    let at =
        range.start + prefix_of(file, f_string).iter().position(|byte| byte.eq_ignore_ascii_case(&b'f'))?;
    let mut text = utf8(file, at + 1..range.end)?.replace("{{", "{").replace("}}", "}");
    // `""f""` without the `f` would open a triple quoted string.
    let before = at.checked_sub(1).map(|before| file.bytes[before]);
    if before.is_some() && before == text.bytes().next() {
        text.insert(0, ' ');
    }
    Some(Fix::safe(vec![Edit::replace(at..range.end, text)]))
}
