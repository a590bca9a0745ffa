//! `C420`: a dictionary comprehension with one value for all keys.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use crate::scopes::python::PythonScopes;

use super::generator::{generated_for, level};
use super::syntax::{any_within, code_children, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds dictionary comprehensions that give each element of an iterable the same constant value (ruff's
    /// `unnecessary-dict-comprehension-for-iterable`).
    ///
    /// ## Why is this bad?
    /// `dict.fromkeys` says so, and is faster.
    ///
    /// ## Example
    /// ```python
    /// seen = {name: False for name in names}
    /// ```
    /// Use instead:
    /// ```python
    /// seen = dict.fromkeys(names, False)
    /// ```
    ///
    /// ## Fix safety
    /// Safe, unless it would delete a comment. There is no fix where `dict` is not the builtin.
    pub struct UnnecessaryDictComprehensionForIterable;
}

static META: Meta = Meta {
    id: "C420",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds dictionary comprehensions that give all keys the same value.",
    docs: UnnecessaryDictComprehensionForIterable::MANUAL,
};

impl Rule for UnnecessaryDictComprehensionForIterable {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["dictionary_comprehension"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(parts) = Parts::of(node) else { return };
        let Some(scopes) = file.python_scopes() else { return };
        if !parts.has_one_value(file, scopes, node) {
            return;
        }
        let message = "Unnecessary dict comprehension for iterable; use `dict.fromkeys` instead";
        let fix = parts.fix(file, scopes, node);
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

/// `{key: value for target in iterable}`
struct Parts<'t> {
    key: Node<'t>,
    value: Node<'t>,
    target: Node<'t>,
    iterable: Node<'t>,
}

impl<'t> Parts<'t> {
    /// The parts of a comprehension with one `for` and no `if`.
    fn of(node: Node<'t>) -> Option<Self> {
        let body = node.child_by_field_name("body")?;
        let mut clauses = code_children(node).skip(1);
        let clause = clauses.next().filter(|clause| clause.kind() == "for_in_clause")?;
        let is_async = clause.children(&mut clause.walk()).any(|child| child.kind() == "async");
        if is_async || clauses.next().is_some() {
            return None;
        }
        Some(Self {
            key: body.child_by_field_name("key")?,
            value: body.child_by_field_name("value")?,
            target: clause.child_by_field_name("left")?,
            iterable: clause.child_by_field_name("right")?,
        })
    }

    fn has_one_value(&self, file: &ParsedFile<'_>, scopes: &PythonScopes, node: Node<'_>) -> bool {
        let is_plain =
            !any_within(self.target, |part| matches!(part.kind(), "attribute" | "subscript" | "slice"));
        let is_changing = |part: Node<'_>| {
            matches!(
                part.kind(),
                "lambda"
                    | "list"
                    | "dictionary"
                    | "set"
                    | "list_comprehension"
                    | "set_comprehension"
                    | "dictionary_comprehension"
                    | "generator_expression"
                    | "await"
                    | "yield"
                    | "call"
                    | "named_expression"
            )
        };
        let is_of_comprehension = |part: Node<'_>| {
            let binding = scopes.binding_of_name(part.start_byte()).filter(|_| part.kind() == "identifier");
            let range = binding.map(|id| scopes.binding(id).range.clone());
            range.is_some_and(|range| node.start_byte() <= range.start && range.end <= node.end_byte())
        };
        let spelled = |part| generated_for(file.bytes, part, level::COMMA);
        is_plain
            && !any_within(self.value, |part| is_changing(part) || is_of_comprehension(part))
            && spelled(bare_target(self.target)).is_some_and(|target| Some(target) == spelled(self.key))
    }

    fn fix(&self, file: &ParsedFile<'_>, scopes: &PythonScopes, node: Node<'_>) -> Option<Fix> {
        if !scopes.is_builtin_at("dict", scopes.place_behind(node)?) {
            return None;
        }
        let iterable = without_parentheses(self.iterable);
        let is_none = without_parentheses(self.value).kind() == "none";
        let mut text = generated_for(file.bytes, iterable, level::COMMA)?;
        if is_none && iterable.kind() == "generator_expression" {
            // The parentheses of the call do for the generator.
            text = text.strip_prefix('(')?.strip_suffix(')')?.to_owned();
        }
        if !is_none {
            text = format!("{text}, {}", generated_for(file.bytes, self.value, level::COMMA)?);
        }
        let range = node.byte_range();
        let before = range.start.checked_sub(1).and_then(|before| file.bytes.get(before));
        let space = if before.is_some_and(u8::is_ascii_alphabetic) { " " } else { "" };
        let is_safe = !file.has_comment_in(range.clone());
        let edits = vec![Edit::replace(range, format!("{space}dict.fromkeys({text})"))];
        Some(if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) })
    }
}

/// The target inside parentheses, which the grammar takes for those of a tuple.
fn bare_target(mut target: Node<'_>) -> Node<'_> {
    while let Some(inner) = super::syntax::lone_element(target) {
        target = inner;
    }
    target
}
