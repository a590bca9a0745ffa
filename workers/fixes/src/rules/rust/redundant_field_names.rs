//! `redundant_field_names`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::{is_older_than, is_silenced};

rule_type! {
    /// ## What it does
    /// Finds fields of a struct that are set to a variable of their own name: `Point { x: x }`.
    ///
    /// ## Why is this bad?
    /// The shorthand says the same: `Point { x }`.
    ///
    /// ## Example
    /// ```rust
    /// let point = Point { x: x, y: 0 };
    /// ```
    /// Use instead:
    /// ```rust
    /// let point = Point { x, y: 0 };
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Of the code that a macro makes, only what its definition spells out is looked at.
    pub struct RedundantFieldNames;
}

static META: Meta = Meta {
    id: "redundant_field_names",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds fields of struct expressions that could use the shorthand.",
    docs: RedundantFieldNames::MANUAL,
};

const MESSAGE: &str = "redundant field names in struct initialization";

/// Words that are names only behind `r#`.
const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

impl Rule for RedundantFieldNames {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["field_initializer", "macro_definition"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if node.kind() == "macro_definition" {
            check_macro(file, node, out);
            return;
        }
        let field = node.child_by_field_name("field");
        let value = node.child_by_field_name("value");
        if let (Some(field), Some(value)) = (field, value)
            && field.kind() == "field_identifier"
            && value.kind() == "identifier"
        {
            out.extend(finding(file, field, value));
        }
    }
}

/// Says so if the field and the value have one name.
fn finding<'t>(file: &ParsedFile<'t>, field: Node<'t>, value: Node<'t>) -> Option<Finding> {
    let (field_name, value_name) = (file.text(field), file.text(value));
    let bare = |name: &str| name.strip_prefix("r#").unwrap_or(name).to_owned();
    let name = bare(&field_name);
    if name != bare(&value_name)
        || is_older_than(file, field, (1, 17))
        || is_silenced(file, field, META.id, "style")
    {
        return None;
    }
    let text = if RESERVED.contains(&&*name) { format!("r#{name}") } else { name };
    let range = field.start_byte()..value.end_byte();
    let fix = Fix::safe(vec![Edit::replace(range.clone(), text)]);
    Some(Finding::new(&META, range, MESSAGE).with_fix(fix))
}

/// `= S { v: v }` in the body of a macro that the file uses.
fn check_macro<'t>(file: &ParsedFile<'t>, definition: Node<'t>, out: &mut Vec<Finding>) {
    let tokens = file.tokens_in(definition.byte_range());
    let text = |node: &Node<'t>| file.bytes_of(node.byte_range());
    // From the `:` of `{ v: v` or `, v: v`, where a name and `=` or `return` stand before the brace.
    let mut is_used = None;
    let mut open: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind() {
            "{" => open.push(is_struct_value(file, &tokens[..at])),
            "(" | "[" => open.push(false),
            "}" | ")" | "]" => {
                open.pop();
            }
            ":" if open.last() == Some(&true) => {
                let around = (at.checked_sub(2).map(|from| &tokens[from..at]), tokens.get(at + 1..at + 3));
                if let (Some([before, field]), Some([value, after])) = around
                    && matches!(before.kind(), "{" | ",")
                    && matches!(after.kind(), "}" | ",")
                    && (field.kind(), value.kind()) == ("identifier", "identifier")
                    && text(field) == text(value)
                    && *is_used.get_or_insert_with(|| is_macro_used(file, definition))
                {
                    out.extend(finding(file, *field, *value));
                }
            }
            _ => {}
        }
    }
}

/// Whether the tokens before a brace make it a struct expression: `= path::Name`.
fn is_struct_value(file: &ParsedFile<'_>, before: &[Node<'_>]) -> bool {
    let is_path = |node: &&Node<'_>| node.kind() == "identifier" || node.kind() == "::";
    let n_path = before.iter().rev().take_while(is_path).count();
    let Some(head) = before.len().checked_sub(n_path + 1).and_then(|at| before.get(at)) else { return false };
    let is_type = before.last().is_some_and(|name| {
        n_path > 0 && file.bytes_of(name.byte_range()).first().is_some_and(u8::is_ascii_uppercase)
    });
    is_type && matches!(head.kind(), "=" | "return")
}

fn is_macro_used(file: &ParsedFile<'_>, definition: Node<'_>) -> bool {
    let Some(name) = definition.child_by_field_name("name") else { return false };
    let name = file.bytes_of(name.byte_range());
    file.tokens().windows(2).any(|pair| pair[1].kind() == "!" && file.bytes_of(pair[0].byte_range()) == name)
}
