//! `prefer-optional-catch-binding`: `catch (unused) {}`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::identifier_name;
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `catch` clauses that bind the error and do not use it.
    ///
    /// ## Why is this bad?
    /// The name says that the error matters, and it does not.
    ///
    /// ## Example
    /// ```js
    /// try {
    ///   open();
    /// } catch (error) {
    ///   retry();
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// try {
    ///   open();
    /// } catch {
    ///   retry();
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe, where the code runs on ECMAScript 2019 or newer. There is no fix where it would lose a comment
    /// within the binding.
    pub struct PreferOptionalCatchBinding;
}

static META: Meta = Meta {
    id: "prefer-optional-catch-binding",
    origin: "unicorn",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires `catch` without a binding where the error is not used.",
    docs: PreferOptionalCatchBinding::MANUAL,
};

impl Rule for PreferOptionalCatchBinding {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["catch_clause"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(check_clause(file, node));
    }
}

fn check_clause<'t>(file: &ParsedFile<'t>, clause: Node<'t>) -> Option<Finding> {
    let binding = clause.child_by_field_name("parameter")?;
    let body = clause.child_by_field_name("body")?;
    let end = clause.child_by_field_name("type").unwrap_or(binding).end_byte();
    let range = binding.start_byte()..end;
    if is_used(file, &range, body)? {
        return None;
    }
    let message = if binding.kind() == "identifier" {
        format!("Remove unused catch binding `{}`.", identifier_name(file, binding))
    } else {
        "Remove unused catch binding.".to_owned()
    };
    let fix = if file.has_comment_in(range.clone()) { None } else { fix(file, &range, body) };
    Some(Finding::new(&META, range, message).with_fix(fix))
}

/// Whether one of the names bound in `range` is used; `None` if that cannot be known.
fn is_used<'t>(file: &ParsedFile<'t>, range: &Range<usize>, body: Node<'t>) -> Option<bool> {
    let scopes = file.scopes()?;
    for token in file.tokens_in(range.clone()) {
        let is_binding = matches!(token.kind(), "identifier" | "shorthand_property_identifier_pattern");
        if !is_binding {
            continue;
        }
        let Some(id) = scopes.variable_at(token.start_byte()) else { continue };
        let variable = scopes.variable(id);
        let is_own = variable.declarations.contains(&token.byte_range());
        let has_default = has_default(file, *token, range);
        let is_written = || writes_as_var(file, body, &variable.name);
        if is_own && (has_default || !variable.references.is_empty() || is_written()) {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the name gets a default value, which counts as a use.
fn has_default<'t>(file: &ParsedFile<'t>, name: Node<'t>, range: &Range<usize>) -> bool {
    file.ancestors(name)
        .take_while(|around| range.start <= around.start_byte() && around.end_byte() <= range.end)
        .any(|around| matches!(around.kind(), "assignment_pattern" | "object_assignment_pattern"))
}

/// Whether `var name = …` stands in the body of the clause: it assigns what `catch` binds.
fn writes_as_var<'t>(file: &ParsedFile<'t>, body: Node<'t>, name: &str) -> bool {
    let is_write = |token: &Node<'t>| {
        matches!(token.kind(), "identifier" | "shorthand_property_identifier_pattern")
            && identifier_name(file, *token) == name
            && is_assigned_as_var(file, *token, body)
    };
    file.tokens_in(body.byte_range()).iter().any(is_write)
}

/// Whether `var` declares the name and gives it a value, outside of functions within `body`.
fn is_assigned_as_var<'t>(file: &ParsedFile<'t>, name: Node<'t>, body: Node<'t>) -> bool {
    let mut at = name;
    let mut is_assigned = false;
    for around in file.ancestors(name) {
        if around == body {
            return is_assigned;
        }
        let is = |field: &str| around.child_by_field_name(field) == Some(at);
        match around.kind() {
            "function_declaration"
            | "function_expression"
            | "arrow_function"
            | "method_definition"
            | "generator_function"
            | "generator_function_declaration"
            | "class_static_block" => return false,
            _ if is_assigned => {}
            "array_pattern" | "object_pattern" | "rest_pattern" => {}
            "pair_pattern" if is("value") => {}
            "assignment_pattern" | "object_assignment_pattern" if is("left") => {}
            "variable_declarator" => {
                let list = file.parent(around).map_or("", |list| list.kind());
                let has_value = around.child_by_field_name("value").is_some();
                is_assigned = is("name") && has_value && list == "variable_declaration";
            }
            "for_in_statement" => {
                let kind = around.child_by_field_name("kind");
                is_assigned = is("left") && kind.is_some_and(|kind| kind.kind() == "var");
            }
            _ => {}
        }
        if !is_assigned && !around.kind().ends_with("pattern") {
            return false;
        }
        at = around;
    }
    false
}

/// Takes away the parentheses, what they hold, and the white space behind them.
fn fix<'t>(file: &ParsedFile<'t>, range: &Range<usize>, body: Node<'t>) -> Option<Fix> {
    let open = file.token_before(range.start).filter(|token| token.kind() == "(")?;
    let close = file.token_after(range.end).filter(|token| token.kind() == ")")?;
    let behind = String::from_utf8_lossy(file.bytes.get(close.end_byte()..body.start_byte())?);
    let is_space = |character: char| character.is_whitespace() || character == '\u{feff}';
    let n_spaces = behind.len() - behind.trim_start_matches(is_space).len();
    let edits = vec![
        Edit::delete(open.byte_range()),
        Edit::delete(range.clone()),
        Edit::delete(close.start_byte()..close.end_byte() + n_spaces),
    ];
    Some(Fix::safe(edits).needing(Gate::EcmaScript(2019)))
}
