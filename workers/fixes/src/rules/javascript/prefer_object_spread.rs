//! `prefer-object-spread`: `Object.assign({}, a)` for `{ ...a }`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::global_path::is_global_path;
use super::member_access::{arguments, callee, is_member_access, is_optional, is_tagged_template};
use super::parentheses::{is_between_parens, parens_of, place_around};
use super::statement_start::{needs_preceding_semicolon, starts_expression_statement};
use super::syntax::{named_children, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds `Object.assign` with an object literal as its first argument.
    ///
    /// ## Why is this bad?
    /// The call copies into a new object, which a literal with spreads says more directly.
    ///
    /// ## Example
    /// ```js
    /// const settings = Object.assign({}, defaults, { color: "red" });
    /// ```
    /// Use instead:
    /// ```js
    /// const settings = { ...defaults, color: "red" };
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `Object.assign` runs the setters that the new object inherits, a literal defines properties
    /// without them. A fix that writes a spread needs ECMAScript 2018.
    pub struct PreferObjectSpread;
}

static META: Meta = Meta {
    id: "prefer-object-spread",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires spreads in an object literal instead of `Object.assign` into one.",
    docs: PreferObjectSpread::MANUAL,
};

impl Rule for PreferObjectSpread {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(callee) = callee(node) else { return };
        let first = arguments(node).next().map(without_parens);
        if first.is_none_or(|first| first.kind() != "object") {
            return;
        }
        let arguments: Vec<Node<'t>> = arguments(node).collect();
        let holds_spread = arguments.iter().any(|argument| argument.kind() == "spread_element");
        let holds_accessor = || arguments.iter().any(|argument| has_accessor(without_parens(*argument)));
        if holds_spread || (arguments.len() > 1 && holds_accessor()) {
            return;
        }
        if !is_global_path(file, callee, &["Object", "assign"]) {
            return;
        }
        let message = if arguments.len() == 1 {
            "Use an object literal instead of `Object.assign`. eg: `{ foo: bar }`."
        } else {
            "Use an object spread instead of `Object.assign` eg: `{ ...foo }`."
        };
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix(file, node, &arguments)));
    }
}

/// Whether `node` is an object literal that holds a getter or setter.
fn has_accessor(node: Node<'_>) -> bool {
    let is_accessor = |member: Node<'_>| {
        let mut cursor = member.walk();
        member.kind() == "method_definition"
            && member
                .children(&mut cursor)
                .take_while(|part| part.kind() != "(")
                .any(|part| matches!(part.kind(), "get" | "set"))
    };
    node.kind() == "object" && named_children(node).any(is_accessor)
}

fn fix<'t>(file: &ParsedFile<'t>, call: Node<'t>, arguments: &[Node<'t>]) -> Option<Fix> {
    let list = call.child_by_field_name("arguments")?;
    let (open, close) = if needs_parens(file, call)? {
        let joins =
            starts_expression_statement(file, call) && needs_preceding_semicolon(file, call.start_byte());
        (if joins { ";({" } else { "({" }, "})")
    } else {
        ("{", "}")
    };
    let mut edits = vec![Edit::replace(call.start_byte()..list.start_byte() + 1, open)];
    let mut writes_spread = false;
    for argument in arguments {
        if without_parens(*argument).kind() == "object" {
            bare_object(file, *argument, &mut edits);
        } else {
            writes_spread = true;
            spread(file, *argument, &mut edits);
        }
    }
    edits.push(Edit::replace(list.end_byte() - 1..list.end_byte(), close));
    edits.retain(|edit| !edit.range.is_empty() || !edit.text.is_empty());
    let fix = Fix::unsafe_(edits).claiming(call.byte_range());
    Some(if writes_spread { fix.needing(Gate::EcmaScript(2018)) } else { fix })
}

/// Whether an object literal in the place of `call` has to be parenthesised.
fn needs_parens<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<bool> {
    let place = place_around(file, call)?;
    let is_called = place.parent.kind() == "call_expression"
        && place.is_field("function")
        && !is_tagged_template(place.parent);
    let ends_chain = !is_called && is_chain(call);
    let is_free = match place.parent.kind() {
        _ if ends_chain => false,
        "call_expression" => is_called,
        "variable_declarator" | "array" | "return_statement" | "pair" => true,
        "computed_property_name" => file.parent(place.parent).is_some_and(|member| {
            let owner = file.parent(member).map_or("", |owner| owner.kind());
            matches!(owner, "object" | "object_pattern")
        }),
        "assignment_expression" | "augmented_assignment_expression" => !place.is_field("left"),
        "arguments" => file.parent(place.parent).is_some_and(|call| {
            let callee = call.child_by_field_name("function");
            call.kind() == "call_expression" && callee.is_none_or(|callee| callee.kind() != "import")
        }),
        _ => false,
    };
    Some(!is_free && !is_between_parens(file, call))
}

/// Whether the call, or what it is called on, has a `?.`.
fn is_chain(call: Node<'_>) -> bool {
    let mut at = Some(call);
    while let Some(node) = at {
        if is_optional(node) {
            return true;
        }
        at = match node.kind() {
            "call_expression" => node.child_by_field_name("function"),
            _ if is_member_access(node) => node.child_by_field_name("object"),
            _ => None,
        };
    }
    false
}

/// Writes the members of an object literal into the new one: takes away its braces, the parentheses around it,
/// the white space inside, and the comma behind it if that is one too many.
fn bare_object<'t>(file: &ParsedFile<'t>, argument: Node<'t>, edits: &mut Vec<Edit>) {
    let object = without_parens(argument);
    let mut around = parens_of(argument);
    around.push(object);
    let mut tokens: Vec<Range<usize>> = Vec::new();
    for node in &around {
        tokens.push(node.start_byte()..node.start_byte() + 1);
        tokens.push(node.end_byte() - 1..node.end_byte());
    }
    tokens.sort_by_key(|token| token.start);
    let [first, inner @ .., last] = tokens.as_slice() else { return };
    let left = first.start..end_with_spaces(file, first.end);
    let right = start_with_spaces(file, last.start).max(left.end)..last.end;
    edits.push(Edit::delete(left));
    edits.extend(inner.iter().cloned().map(Edit::delete));
    edits.push(Edit::delete(right));
    let is_comma = |token: &Node<'_>| token.kind() == ",";
    let before_brace = file.token_before(object.end_byte().saturating_sub(1)).filter(is_comma);
    let is_closed = before_brace.is_some() || named_children(object).next().is_none();
    if let Some(comma) = file.token_after(last.end).filter(is_comma).filter(|_| is_closed) {
        edits.push(Edit::delete(comma.byte_range()));
    }
}

fn end_with_spaces(file: &ParsedFile<'_>, end: usize) -> usize {
    let token = file.token_after(end).map_or(file.bytes.len(), |token| token.start_byte());
    let text = String::from_utf8_lossy(file.bytes.get(end..token).unwrap_or_default());
    end + (text.len() - text.trim_start_matches(is_space).len())
}

/// A line comment before the token keeps the line break that ends it.
fn start_with_spaces(file: &ParsedFile<'_>, start: usize) -> usize {
    let n_comments = file.comments().partition_point(|comment| comment.end <= start);
    let comment = n_comments.checked_sub(1).and_then(|last| file.comments().get(last));
    let token = file.token_before(start).map_or(0, |token| token.end_byte());
    let is_behind_line_comment = comment
        .is_some_and(|comment| comment.start >= token && file.bytes_of(comment.clone()).starts_with(b"//"));
    if is_behind_line_comment {
        return start;
    }
    let text = String::from_utf8_lossy(file.bytes.get(token..start).unwrap_or_default());
    start - (text.len() - text.trim_end_matches(is_space).len())
}

/// What `\s` matches in a regular expression.
fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

fn spread<'t>(file: &ParsedFile<'t>, argument: Node<'t>, edits: &mut Vec<Edit>) {
    let is_loose = matches!(
        argument.kind(),
        "assignment_expression" | "augmented_assignment_expression" | "arrow_function" | "ternary_expression"
    );
    if is_loose && !is_between_parens(file, argument) {
        edits.push(Edit::insert(argument.start_byte(), "...("));
        edits.push(Edit::insert(argument.end_byte(), ")"));
    } else {
        edits.push(Edit::insert(argument.start_byte(), "..."));
    }
}
