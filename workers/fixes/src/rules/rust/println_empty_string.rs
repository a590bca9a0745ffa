//! `println_empty_string`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;

rule_type! {
    /// ## What it does
    /// Finds `println!("")` and `eprintln!("")`.
    ///
    /// ## Why is this bad?
    /// `println!()` prints an empty line too.
    ///
    /// ## Example
    /// ```rust
    /// println!("");
    /// ```
    /// Use instead:
    /// ```rust
    /// println!();
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where a comment stands in the call.
    pub struct PrintlnEmptyString;
}

static META: Meta = Meta {
    id: "println_empty_string",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds `println!` with an empty string.",
    docs: PrintlnEmptyString::MANUAL,
};

impl Rule for PrintlnEmptyString {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["macro_invocation"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(path) = node.child_by_field_name("macro") else { return };
        let name = match &*file.text(path) {
            "println" | "std::println" => "println",
            "eprintln" | "std::eprintln" => "eprintln",
            _ => return,
        };
        let tokens = file.tokens_in(path.end_byte()..node.end_byte());
        let (string, close) = match tokens {
            [_, _, string, close] => (string, close),
            [_, _, string, comma, close] if comma.kind() == "," => (string, close),
            _ => return,
        };
        if !is_empty(file, *string) || is_silenced(file, node, META.id, "style") {
            return;
        }
        let has_comment = file.has_comment_in(node.byte_range());
        let fix =
            (!has_comment).then(|| Fix::safe(vec![Edit::delete(string.start_byte()..close.start_byte())]));
        let message = format!("empty string literal in `{name}!`");
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

/// `""`, with `#` around it or line ends that a backslash takes back.
fn is_empty(file: &ParsedFile<'_>, string: Node<'_>) -> bool {
    let text = file.text(string);
    match string.kind() {
        "raw_string_literal" => text.trim_start_matches('r').trim_matches('#') == "\"\"",
        "string_literal" => {
            let Some(mut inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
                return false;
            };
            while let Some(rest) = inner.strip_prefix("\\\n").or_else(|| inner.strip_prefix("\\\r\n")) {
                inner = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            }
            inner.is_empty()
        }
        _ => false,
    }
}
